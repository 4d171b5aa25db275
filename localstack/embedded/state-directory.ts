import { accessSync, chmodSync, constants, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeDirectory } from "../../client/make-directory.ts";

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
export class StateUnusable extends Error {
  override readonly name = "StateUnusable";
}

/** The disk of the directory has no room. */
export class StateDiskFull extends Error {
  override readonly name = "StateDiskFull";
}

/** The directory can't be closed to the other users of this machine. */
class StateNotPrivate extends Error {
  override readonly name = "StateNotPrivate";
}

/**
 * Opens (and makes) a state directory for this process alone, and closes it to other users: what the queue holds, and the logs, are
 * theirs neither to read nor to write. Throws StateInUse, StateNotPrivate, StateUnusable, StateDiskFull.
 *
 * The lock is an open exclusive transaction: the operating system drops it with the process, however that ends, so that there is no
 * stale lock and no process id to misjudge.
 */
export function openStateDirectory(path: string): StateDirectory {
  const root = resolve(path);
  const lock = usable(root, () => {
    makePrivate(root);
    needRoom(root);
    return lockOf(root);
  });
  const directory = (...names: string[]) => {
    const made = join(root, ...names);
    makeDirectory(made);
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

/** True when another state directory mends it: the machine is not at fault. */
export const isMendedByName = (error: unknown): boolean =>
  error instanceof StateInUse || error instanceof StateNotPrivate || error instanceof StateUnusable;

/** Does something in the directory. Throws StateUnusable for what the file system or SQLite refuses. */
function usable<T>(root: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    if (isOfTheDisk(error)) throw new StateDiskFull(sentenceOf(error, root), { cause: error });
    throw new StateUnusable(`${root} can't keep the state: ${error.message}. Name another state directory`);
  }
}

const MEGABYTE = 1_048_576;

/** What the stacks, the tables and the logs take when a runtime starts, and a little work. Measured: 1 MB before the first request. */
const LEAST_ROOM = 8 * MEGABYTE;

/** A start that runs out of room on its way would leave half of a state behind. Throws StateDiskFull. */
function needRoom(root: string): void {
  const problem = roomProblem(statfsSync(root), root);
  if (problem !== undefined) throw new StateDiskFull(problem);
}

/** What to tell of a file system, as `statfs` describes it, that has too little room. A file system that counts no blocks has no size. */
export function roomProblem(
  { bavail, bsize, blocks }: { readonly bavail: number; readonly bsize: number; readonly blocks: number },
  root: string,
): string | undefined {
  const room = bavail * bsize;
  if (blocks === 0 || room >= LEAST_ROOM) return undefined;
  const [left, least] = [(room / MEGABYTE).toFixed(1), LEAST_ROOM / MEGABYTE];
  return `${root} can't be written: its disk has ${left} MB left, and a queue needs ${least} MB. Make room, then start again: requests that were taken go on`;
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
  if (error instanceof StateDiskFull) return error.message;
  const isWriting = error instanceof Error && (isOfTheDisk(error) || ("code" in error && error.code === "EROFS"));
  return isWriting ? sentenceOf(error, root) : undefined;
}

const sentenceOf = ({ message }: Error, root: string): string =>
  `${root} can't be written (${message}). Make room or mend the disk, then start again: requests that were taken go on`;

/** True when the disk is full or broken: no other directory on it would do. */
function isOfTheDisk(error: Error): boolean {
  const [code, errcode] = ["code" in error && error.code, "errcode" in error && error.errcode];
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EIO") return true;
  return code === "ERR_SQLITE_ERROR" && UNWRITABLE.has(errcode);
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
  makeDirectory(root, 0o700);
  const { uid, mode } = statSync(root);
  const user = process.getuid?.();
  if (user === undefined) return;
  if (uid !== user || (mode & STICKY) !== 0)
    throw new StateNotPrivate(`${root} belongs to others as well: name a state directory of your own with --state`);
  if ((mode & 0o777) !== 0o700) chmodSync(root, 0o700);
  // Of a disk that may not be written, SQLite says no more than that it can't open a file.
  accessSync(root, constants.W_OK);
}

function holder(root: string): string {
  try {
    return readFileSync(join(root, "pid"), "utf8").trim();
  } catch {
    return "unknown";
  }
}
