import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Where a runtime keeps what outlives it. */
export interface StateDirectory {
  readonly root: string;
  /** What the stacks put beside the code of a function: `/var/task/` in its environment. */
  readonly task: string;
  /** Absolute path of a directory below the root; it is made. */
  directory(...names: string[]): string;
  /** Absolute path of a file below the root; its directory is made. */
  file(...names: string[]): string;
  release(): void;
}

/** Another runtime holds the directory. */
class StateInUse extends Error {
  override readonly name = "StateInUse";
}

/** Nothing can be kept in the directory: it is no directory, it may not be written, or the disk is full. */
class StateUnusable extends Error {
  override readonly name = "StateUnusable";
}

/** The directory can't be closed to the other users of this machine. */
class StateNotPrivate extends Error {
  override readonly name = "StateNotPrivate";
}

/**
 * Opens (and makes) a state directory for this process alone, and closes it to other users: what the queue holds, and the logs, are
 * theirs neither to read nor to write. Throws StateInUse, StateNotPrivate, StateUnusable.
 *
 * The lock is an open exclusive transaction: the operating system drops it with the process, however that ends, so that there is no
 * stale lock and no process id to misjudge.
 */
export function openStateDirectory(path: string): StateDirectory {
  const root = resolve(path);
  const lock = usable(root, () => {
    makePrivate(root);
    return lockOf(root);
  });
  const directory = (...names: string[]) => {
    const made = join(root, ...names);
    mkdirSync(made, { recursive: true });
    return made;
  };
  return {
    root,
    task: usable(root, () => directory("task")),
    directory,
    file: (...names) => join(directory(...names.slice(0, -1)), names.at(-1) ?? ""),
    release: () => lock.close(),
  };
}

/** Does something in the directory. Throws StateUnusable for what the file system or SQLite refuses. */
function usable<T>(root: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new StateUnusable(`${root} can't keep the state: ${error.message}. Name another state directory`);
  }
}

/** Opens what a part of the state is kept in. Throws StateUnusable, which names the part, when it can't be read, as after a loss of power. */
export async function opened<T>({ root }: StateDirectory, part: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    const { message } = error.cause instanceof Error ? error.cause : error;
    throw new StateUnusable(
      `${join(root, part)} can't be read: ${message}. Name another state directory, or move ${root} away and begin anew: what has landed is in git`,
    );
  }
}

/** SQLite's codes for a file that can't be written: it may not be, reading or writing it fails, the disk is full. */
const UNWRITABLE: ReadonlySet<unknown> = new Set([8, 10, 13]);

/** What to tell of an error by which state could not be written, such as a full disk. Undefined for any other error. */
export function writingProblem(error: unknown, root: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const [code, errcode] = ["code" in error && error.code, "errcode" in error && error.errcode];
  const isFull = code === "ENOSPC" || code === "EDQUOT" || code === "EROFS";
  if (!isFull && !(code === "ERR_SQLITE_ERROR" && UNWRITABLE.has(errcode))) return undefined;
  return `${root} can't be written (${error.message}). Make room or mend the disk, then start again: requests that were taken go on`;
}

function lockOf(root: string): DatabaseSync {
  const file = join(root, "lock.db");
  // What SQLite can't read is no lock: nothing but the lock is ever written into the file.
  const lock = lockedAt(file) ?? lockedAnew(file);
  if (lock === undefined) throw new Error(`${file} can't be read`);
  writeFileSync(join(root, "pid"), `${process.pid}\n`);
  return lock;
}

function lockedAnew(file: string): DatabaseSync | undefined {
  rmSync(file);
  return lockedAt(file);
}

/** SQLite's codes. */
const [BUSY, NO_DATABASE, CORRUPT] = [5, 26, 11];

/** Undefined when the file is no database. */
function lockedAt(file: string): DatabaseSync | undefined {
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
    if (code === NO_DATABASE || code === CORRUPT) return undefined;
    if (code !== BUSY) throw error;
    const root = dirname(file);
    throw new StateInUse(
      `${root} is in use by another runtime (process ${holder(root)}): stop it, or name another state directory`,
    );
  }
}

const STICKY = 0o1000;

/** Makes the directory, or takes an existing one of this user's, with mode 0700. Windows has no modes: there, its home directories are private. */
function makePrivate(root: string): void {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(root);
  const user = process.getuid?.();
  if (user === undefined) return;
  if (uid !== user || (mode & STICKY) !== 0)
    throw new StateNotPrivate(`${root} belongs to others as well: name a state directory of your own with --state`);
  if ((mode & 0o777) !== 0o700) chmodSync(root, 0o700);
}

function holder(root: string): string {
  try {
    return readFileSync(join(root, "pid"), "utf8").trim();
  } catch {
    return "unknown";
  }
}
