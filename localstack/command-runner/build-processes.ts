import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { BuildMark } from "./build-records.ts";
import { startOf } from "./process-mark.ts";

export const markOf = (home: string): BuildMark => ({
  home,
  locks: 2 ** 40 + Math.floor(Math.random() * 2 ** 48),
});

/** How long `endMarked` waits for processes that do not end, such as one that hangs in a system call. */
const PATIENCE_MS = 5_000;

/**
 * The pids of living processes that carry the mark. Empty where there is no /proc, as on macOS. A process can rid itself of both marks
 * on purpose: by lowering its limit, and starting a program with another HOME.
 */
async function markedProcesses(mark: BuildMark): Promise<readonly number[]> {
  const pids = listed().filter((pid) => pid !== process.pid && carries(pid, mark));
  const alive = await Promise.all(pids.map(async (pid) => (await startOf(pid)) !== undefined));
  return pids.filter((_, index) => alive[index]);
}

/** Kills every process that carries the mark. False when some are left: they do not end, or make new ones faster than they are found. */
export async function endMarked(mark: BuildMark, patienceMs = PATIENCE_MS): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const pids = await markedProcesses(mark);
    if (pids.length === 0) return true;
    for (const pid of pids) kill(pid);
    if (performance.now() > deadline) return false;
    await pause(10);
  }
}

function listed(): readonly number[] {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

function carries(pid: number, { home, locks }: BuildMark): boolean {
  const limit = /^Max file locks +\S+ +(\d+)/m.exec(read(`/proc/${pid}/limits`));
  if (limit?.[1] === String(locks)) return true;
  return read(`/proc/${pid}/environ`).split("\0").includes(`HOME=${home}`);
}

/** Empty for a process that is gone, or belongs to another user. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
