import picomatch from "picomatch/posix.js";
import * as z from "zod";
import { hasNoProblem } from "./config-fields.ts";

const OPTIONS = { dot: true, strictBrackets: true } as const;

function problemOf(glob: string): string | undefined {
  if (glob.startsWith("/") || glob.startsWith("./")) return "write a path of the repository, without / or ./ before it";
  if (glob.includes("\\")) return "write / between directories";
  if (glob.split("/").includes("..")) return "a path of the repository goes by no ..";
  if (glob.startsWith("!")) return "what is to be left out can't be written as a glob: write what is meant";
  if (glob.endsWith("/")) return `write ${glob}** for all that is in the directory`;
  try {
    picomatch(glob, OPTIONS);
    return undefined;
  } catch (error) {
    return `this is no glob: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Paths of a repository, such as `.github/**` for all below a directory. `package-lock.json` means the file at the top alone. */
export const Glob = z.string().min(1).max(300).superRefine(hasNoProblem(problemOf));

/** True for a path that one of the globs means. Example: `.github/**` means `.github/workflows/ci.yml`. */
export const matcherOf = (globs: readonly string[]): ((path: string) => boolean) =>
  globs.length === 0 ? () => false : picomatch([...globs], OPTIONS);
