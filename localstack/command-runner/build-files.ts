import { join } from "node:path";
import type { BuildName } from "../../functions/adapters/build-runner/build-runner.ts";

/** The files of one build. Each is written whole or not at all, and none but the output ever changes. */
export const buildFiles = (directory: string) => ({
  directory,
  output: join(directory, "output.log"),
  claim: join(directory, "claim.json"),
  running: join(directory, "running.json"),
  verdict: join(directory, "verdict.json"),
  /** Exists when the build was asked to stop. */
  cancelled: join(directory, "cancelled"),
});

export const buildsDirectory = (workDirectory: string): string => join(workDirectory, "builds");
export const sandboxesDirectory = (workDirectory: string): string => join(workDirectory, "sandboxes");

/** The name of a build's directory: `<key>-<commit>`. */
const directoryNameOf = ({ key, commit }: BuildName): string => `${key}-${commit}`;

export const filesOfBuild = (workDirectory: string, build: BuildName) =>
  buildFiles(join(buildsDirectory(workDirectory), directoryNameOf(build)));
export type BuildFiles = ReturnType<typeof buildFiles>;
