import { readFileSync } from "node:fs";

export interface Row {
  readonly what: string;
  readonly n: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly note?: string;
}

/** Nearest-rank percentiles of what was measured, in milliseconds. */
export function rowOf(what: string, samplesMs: readonly number[], note?: string): Row {
  const sorted = [...samplesMs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { what, n: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), ...(note === undefined ? {} : { note }) };
}

/** Clock ticks per second in /proc: the same on all of Linux (proc(5)). */
const TICKS = 100;

/**
 * The processor time of this process and of the processes that it has started and that have ended, in milliseconds, to the nearest ten; NaN
 * where the system is not Linux.
 */
export function processorMs(): number {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // What follows the name, which may hold any character; the times are the fields 14 to 17 of the line.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * 1_000) / TICKS;
  } catch {
    return Number.NaN;
  }
}
