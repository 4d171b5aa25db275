import { mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file that no other user of this machine can read, also over one that others could: as a whole, or not at all. Directories that are
 * missing are made. A link stays a link: the file that it leads to is written.
 */
export function writePrivately(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const place = linkedFrom(file);
  const fresh = `${place}.${process.pid}.new`;
  try {
    // A new file, because a file that exists keeps its permissions when it is written again.
    writeFileSync(fresh, text, { mode: 0o600, flag: "wx" });
    renameSync(fresh, place);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function linkedFrom(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
