import { readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "./cli/usage-error.ts";
import { makeDirectory } from "./make-directory.ts";

/**
 * Writes a file of the configuration that no other user of this machine can read, also over one that others could: as a whole, or not at all.
 * Directories that are missing are made. A link stays a link: the file that it leads to is written. Throws UsageError where another directory
 * mends it, and an error that says so when the disk is full or broken.
 */
export function writePrivately(file: string, text: string): void {
  try {
    makeDirectory(dirname(file), 0o700);
    const place = linkedFrom(file);
    removeLeftovers(place);
    replace(place, text);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function replace(place: string, text: string): void {
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

/** A write takes far less. */
const LONGEST_WRITE_MS = 60_000;

/** Removes what processes that died left beside the file, one of this process's number included. */
function removeLeftovers(place: string): void {
  const [directory, name] = [dirname(place), basename(place)];
  for (const entry of readdirSync(directory)) {
    const number = entry.startsWith(`${name}.`) ? /^(\d+)\.new$/.exec(entry.slice(name.length + 1))?.[1] : undefined;
    if (number === undefined) continue;
    const left = join(directory, entry);
    const isOld = (statSync(left, { throwIfNoEntry: false })?.mtimeMs ?? 0) < Date.now() - LONGEST_WRITE_MS;
    if (isOld || number === String(process.pid)) rmSync(left, { force: true });
  }
}

function linkedFrom(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** The disk is at fault, and not the name of the directory. */
const OF_THE_DISK: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EIO"]);

function unwritable(file: string, error: unknown): unknown {
  if (!(error instanceof Error && "code" in error)) return error;
  const what = `${file} can't be written: ${error.message}.`;
  return OF_THE_DISK.has(error.code)
    ? new Error(`${what} Make room or mend the disk, then try again.`, { cause: error })
    : new UsageError(`${what} Name another directory in XDG_CONFIG_HOME.`, { cause: error });
}
