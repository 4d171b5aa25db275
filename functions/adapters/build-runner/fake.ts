import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ChangeUri } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { BuildKey } from "../../contracts/ids.ts";
import { markersOf } from "../change-provider/markers.ts";
import type { BuildRunner, BuildStatus } from "./build-runner.ts";
import { readIfThere, writeOnce } from "./files.ts";

const Build = z.object({
  outcome: z.enum(["passed", "failed", "infrastructure", "hangs"]),
  message: z.string().optional(),
});
type Build = z.infer<typeof Build>;

/**
 * Builds nothing: what becomes of a build is written in its changes, as `?sq-fake=<marker>` (doc/rfc/build-runner.md). It keeps what
 * it was asked in files, so it survives a restart and is shared by everyone who has the same work directory.
 */
export function fakeRunner({ workDirectory }: { readonly workDirectory: string }): BuildRunner {
  const directory = join(workDirectory, "fake-builds");
  const buildFile = (key: BuildKey) => join(directory, `${key}.json`);
  const cancelFile = (key: BuildKey) => join(directory, `${key}.cancelled`);

  return {
    async trigger({ key, changes }) {
      const markers = changes.map(markersOf);
      if (markers.some((of) => of.has("trigger-error")))
        throw new CodedError("runner.unavailable", "The fake runner refuses to start builds of this change.");
      await mkdir(directory, { recursive: true });
      await writeOnce(buildFile(key), JSON.stringify(foretold(changes, markers)));
      return { url: `fake://builds/${key}` };
    },

    async status(key) {
      const [written, cancelled] = await Promise.all([readIfThere(buildFile(key)), readIfThere(cancelFile(key))]);
      const build = written === undefined ? undefined : Build.parse(JSON.parse(written));
      return statusOf(build, cancelled !== undefined, `fake://builds/${key}`);
    },

    async cancel(key) {
      await mkdir(directory, { recursive: true });
      await writeOnce(cancelFile(key), "");
    },
  };
}

function statusOf(build: Build | undefined, cancelled: boolean, url: string): BuildStatus {
  if (cancelled && (build === undefined || build.outcome === "hangs"))
    return { kind: "finished", result: "cancelled", message: "The build was cancelled.", url };
  if (build === undefined)
    return { kind: "finished", result: "infrastructure", message: "The fake runner knows of no such build." };
  if (build.outcome === "hangs") return { kind: "running" };
  return {
    kind: "finished",
    result: build.outcome,
    ...(build.message === undefined ? {} : { message: build.message }),
    url,
  };
}

/** The worst that any change of the build, or any two of them together, asks for. */
function foretold(changes: readonly ChangeUri[], markers: readonly ReadonlySet<string>[]): Build {
  const marked = (marker: string) => changes.find((_, index) => markers[index]?.has(marker));
  if (marked("build-hang")) return { outcome: "hangs" };
  const broken = marked("build-error");
  if (broken) return { outcome: "infrastructure", message: `The runner broke down, as ${broken} asks.` };
  const failing = marked("build-fail");
  if (failing) return { outcome: "failed", message: `The build fails, as ${failing} asks.` };
  const clashes = markers.flatMap((of) => [...of].filter((marker) => marker.startsWith("clash:")));
  const clash = clashes.find((marker, index) => clashes.indexOf(marker) < index);
  if (clash)
    return { outcome: "failed", message: `Two changes are marked ${clash}: each builds alone, together they fail.` };
  return { outcome: "passed" };
}
