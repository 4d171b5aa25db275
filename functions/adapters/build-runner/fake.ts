import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { ChangeUri } from "../../contracts/change-uri.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { WireRunner } from "../aws-clients.ts";
import { markersOf } from "../change-provider/markers.ts";
import { need } from "../settings.ts";
import type { BuildId, BuildRunner, BuildStatus } from "./build-runner.ts";
import { readIfThere, writeOnce } from "./files.ts";

const Build = z.object({
  outcome: z.enum(["passed", "failed", "infrastructure", "hangs"]),
  message: z.string().optional(),
});
type Build = z.infer<typeof Build>;

/** Fake runners that keep their files in WORK_DIRECTORY. */
export const fakeRunners: WireRunner = (env) => {
  const runner = fakeRunner({ workDirectory: need(env, ENV.workDirectory) });
  return () => runner;
};

/**
 * Builds nothing: what becomes of a build is written in its changes, as `?sq-fake=<marker>` (doc/rfc/build-runner.md). It keeps what
 * it was asked in files, so it survives a restart and is shared by all processes with the same work directory.
 */
export function fakeRunner({ workDirectory }: { readonly workDirectory: string }): BuildRunner {
  const directory = join(workDirectory, "fake-builds");
  const buildFile = ({ key, commit }: BuildId) => join(directory, `${key}-${commit}.json`);
  const cancelFile = ({ key, commit }: BuildId) => join(directory, `${key}-${commit}.cancelled`);

  return {
    async trigger(task) {
      const { key, changes } = task;
      const markers = changes.map(markersOf);
      if (markers.some((of) => of.has("trigger-error")))
        throw new CodedError("runner.unavailable", "The fake runner refuses to start builds of this change.");
      await mkdir(directory, { recursive: true });
      await writeOnce(buildFile(task), JSON.stringify(foretold(changes, markers)));
      return { url: `fake://builds/${key}` };
    },

    async status(build) {
      const [written, cancelled] = await Promise.all([readIfThere(buildFile(build)), readIfThere(cancelFile(build))]);
      const found = written === undefined ? undefined : Build.parse(JSON.parse(written));
      return statusOf(found, cancelled !== undefined, `fake://builds/${build.key}`);
    },

    async cancel(build) {
      await mkdir(directory, { recursive: true });
      await writeOnce(cancelFile(build), "");
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
