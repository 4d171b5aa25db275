import { buildCounts, isEnded, type Row, stateOf } from "./row.ts";

/** The rows that are new or have changed so that a line of a log is due: status, blocker, or how many builds run and have ended. */
export function changedRows(before: readonly Row[], now: readonly Row[]): readonly Row[] {
  const earlier = new Map(before.map((row) => [row.sqid, wordsOf(row)]));
  return now.filter((row) => earlier.get(row.sqid) !== wordsOf(row));
}

/** A row as a line of a log, without its time. Example: `main/17  speculating  1… 1✔  waits for main/15`. */
export const logLine = (row: Row): string => [row.sqid, wordsOf(row)].join("  ");

function wordsOf(row: Row): string {
  const reason = isEnded(row) && row.status !== "landed" ? row.reason?.message.split("\n")[0] : undefined;
  return [row.status, buildCounts(row.builds), stateOf(row), reason].filter(Boolean).join("  ");
}
