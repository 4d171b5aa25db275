import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/**
 * Makes a directory, and the directories above it that are missing. Does nothing when it exists. Throws the system's error. Node's own
 * `mkdir` with `recursive` never returns where a file system says of a new directory that it is not found, as /proc does.
 */
export function makeDirectory(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (codeOf(error) === "EEXIST" && statSync(path).isDirectory()) return;
    const above = dirname(path);
    if (codeOf(error) !== "ENOENT" || existsSync(above)) throw error;
    makeDirectory(above, mode);
    makeDirectory(path, mode);
  }
}
