import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import { exclusively } from "./lock.ts";
import { ObjectReader } from "./object-reader.ts";
import { runGit, settingsEnvironment, startGit } from "./process.ts";

/** The first version with `merge-tree --write-tree`. */
const MINIMUM_GIT = [2, 38] as const;

/** Undefined when `version` (the output of `git version`) is new enough; otherwise a sentence that says why it is not. */
export function gitIsTooOld(version: string): string | undefined {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  const needed = MINIMUM_GIT.join(".");
  if (major === undefined || minor === undefined)
    return `git ${needed} or later is needed, and ${version} is unreadable`;
  const found = Number(major) * 1000 + Number(minor);
  return found >= MINIMUM_GIT[0] * 1000 + MINIMUM_GIT[1]
    ? undefined
    : `git ${needed} or later is needed, and this is ${version.trim()}: install a newer git`;
}

/**
 * A directory with a bare repository that is ready. A directory that vanished and was made again has another object of this type, and so has
 * one whose objects git may have deleted: a cache of the earlier object is not used for the new one.
 */
export interface OpenedDirectory {
  readonly path: string;
  readonly objects: ObjectReader;
}

const opened = new Map<string, Promise<OpenedDirectory>>();

/**
 * Makes `directory` a bare repository, and removes the lock files that a killed git left behind. Because of that removal only one process at a
 * time may use a directory. One git process at the first call of this process, which asks for the version of git; none otherwise.
 */
export async function openDirectory(directory: string): Promise<OpenedDirectory> {
  if (!existsSync(join(directory, "HEAD"))) opened.delete(directory);
  const known = opened.get(directory);
  if (known) return known;
  const opening = exclusively(directory, () => prepare(directory));
  opened.set(directory, opening);
  opening.catch(() => opened.delete(directory));
  return opening;
}

/** No cache of the objects in `directory` is used any more. To be called when git may have deleted objects. No git process. */
export function forgetCached(directory: string): void {
  const known = opened.get(directory);
  if (known)
    opened.set(
      directory,
      known.then((before) => ({ ...before })),
    );
}

async function prepare(directory: string): Promise<OpenedDirectory> {
  await mkdir(directory, { recursive: true });
  const env = settingsEnvironment();
  const run = (...args: string[]) => runGit({ directory, args, env, timeoutMs: 30_000 });
  await requireGit(async () => (await run("version")).stdout.toString("utf8"));
  await removeLocks(directory);
  await makeRepository(directory);
  const reading = { directory, args: ["cat-file", "--batch"], env: { GIT_DIR: directory, ...env } };
  return { path: directory, objects: new ObjectReader(() => startGit(reading)) };
}

const CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/**
 * Makes the files of an empty bare repository (gitrepository-layout(5)) that are not there, without a git process. Its objects are named by SHA-1
 * and its refs are files, also where git makes other repositories by default. Throws repository.failed when the disk takes no files.
 */
async function makeRepository(directory: string): Promise<void> {
  try {
    for (const room of ["objects/info", "objects/pack", "refs/heads"])
      await mkdir(join(directory, room), { recursive: true });
    await writeWhole(join(directory, "config"), CONFIG);
    await writeWhole(join(directory, "HEAD"), "ref: refs/heads/main\n");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CodedError("repository.failed", `no repository could be made in ${directory}: ${why}`);
  }
}

/** Writes a file that is not there. A crash leaves no half of it. */
async function writeWhole(file: string, text: string): Promise<void> {
  if (existsSync(file)) return;
  // `removeLocks` deletes what a crash leaves.
  await writeFile(`${file}.lock`, text);
  await rename(`${file}.lock`, file);
}

let checked: Promise<void> | undefined;

/** Throws config.invalid when this machine's git is missing or too old. A version that is new enough is not asked for again. */
function requireGit(version: () => Promise<string>): Promise<void> {
  checked ??= version().then((found) => {
    const problem = gitIsTooOld(found);
    if (problem) throw new CodedError("config.invalid", problem);
  });
  checked.catch(() => {
    checked = undefined;
  });
  return checked;
}

async function removeLocks(directory: string): Promise<void> {
  const list = (path: string, recursive: boolean) => readdir(join(directory, path), { recursive }).catch(() => []);
  const inRefs = (await list("refs", true)).map((name) => join("refs", name));
  const locks = [...(await list(".", false)), ...inRefs].filter((name) => name.endsWith(".lock"));
  await Promise.all(locks.map((name) => rm(join(directory, name), { force: true })));
}
