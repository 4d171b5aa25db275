import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { REPOSITORY } from "./constructs/lambda-function.ts";

const ROOM = join(REPOSITORY, "dashboard");

/** What browsers of the last two years understand. */
const TARGET = "es2023";

/** Everything that the page is made from. */
const SOURCES = [
  "dashboard",
  "simulator",
  "client",
  "functions/contracts",
  "functions/domain",
  "lib/page.ts",
  "package-lock.json",
];

/** Of earlier builds, by their sources. */
const CACHE = join(REPOSITORY, "node_modules", ".cache", "submitqueue-page");

/**
 * Writes the page's files to a directory: `index.html`, and what it names below `assets`. Takes some tenths of a second, or a few
 * milliseconds when nothing has changed since the last time. Throws what esbuild throws when a source is faulty.
 */
export function buildPage(directory: string): void {
  const built = join(CACHE, stateOf(SOURCES.map((source) => join(REPOSITORY, source))));
  if (!existsSync(built)) buildInto(built);
  cpSync(built, directory, { recursive: true });
}

/** Builds beside the place and moves the result there: another process may be building the same. */
function buildInto(place: string): void {
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, "building-"));
  try {
    bundleInto(fresh);
    rmSync(place, { recursive: true, force: true });
    renameSync(fresh, place);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // The other process was first.
    if (!existsSync(place)) throw error;
  }
}

function bundleInto(directory: string): void {
  buildSync({
    absWorkingDir: REPOSITORY,
    entryPoints: {
      page: join(ROOM, "main.tsx"),
      style: join(ROOM, "style", "page.css"),
      "what-if": join(ROOM, "what-if", "worker.ts"),
    },
    outdir: join(directory, "assets"),
    bundle: true,
    minify: true,
    format: "esm",
    target: TARGET,
    tsconfig: join(ROOM, "tsconfig.json"),
    logLevel: "silent",
  });
  copyFileSync(join(ROOM, "icon.svg"), join(directory, "assets", "icon.svg"));
  copyFileSync(join(ROOM, "index.html"), join(directory, "index.html"));
}

/** Another one when a file was changed, added or removed. */
function stateOf(places: readonly string[]): string {
  const hash = createHash("sha256");
  for (const place of places) {
    const { mtimeMs, size } = statSync(place);
    const files = statSync(place).isDirectory() ? readdirSync(place, { recursive: true }).map(String).sort() : [];
    hash.update(JSON.stringify([place, files.length > 0 ? [] : [mtimeMs, size]]));
    for (const file of files) {
      const { mtimeMs: at, size: bytes } = statSync(join(place, file));
      hash.update(JSON.stringify([file, at, bytes]));
    }
  }
  return hash.digest("hex").slice(0, 32);
}
