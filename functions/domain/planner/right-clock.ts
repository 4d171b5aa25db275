import { CLOCKS_DIFFER_MS, type EpochMs, epochMs, isAhead } from "../../contracts/time.ts";
import type { Batch } from "../batch.ts";
import type { Snapshot } from "./plan.ts";

type Stored = Pick<Snapshot, "queue" | "batches">;

/** The fields of the queue's own item and of batches that hold a time at which something happened. */
const HAPPENED: ReadonlySet<string> = new Set([
  "createdAt",
  "endedAt",
  "startedAt",
  "sentAt",
  "since",
  "evidenceSince",
  "keptSince",
  "halfAt",
  "soundSince",
  "knownAt",
  "recoveredAt",
]);

/** The fields that hold a time at which something is due, which is an hour ahead at most. */
const DUE: ReadonlySet<string> = new Set(["rebuildAt", "lookAt", "nextAt"]);
const DUE_WITHIN_MS = 86_400_000;

/** What of a batch and of the queue holds no time of the planner's, or is told as it was written. */
const LEFT: ReadonlySet<string> = new Set(["request", "outbox", "history"]);

/**
 * The queue and its batches without the times that a wrong clock has written. Such a time lies further ahead of `now` than clocks may differ.
 * It would stop the queue's own clock, which runs behind no stored time: no wait would end until that time has come. The times that are ahead
 * are moved to `now`, or after the latest time that is not ahead, a millisecond apart, so that the order of all times stays. The same objects
 * when no time is ahead.
 *
 * Example: at 12:00, a build is stored as started at 13:59 and a landing as ended at 14:00, by a clock that was two hours fast. They become
 * 12:00:00.001 and 12:00:00.002.
 */
export function onRightClock(stored: Stored, now: EpochMs): Stored {
  if (!holdsWrongTime(stored, now)) return stored;
  const ahead = new Set<number>();
  let latest: number = now;
  const look = (name: string, at: number) => {
    if (isWrong(name, at, now)) ahead.add(at);
    else if (HAPPENED.has(name)) latest = Math.max(latest, at);
    return at;
  };
  walk(stored.queue, look);
  for (const batch of stored.batches) walk(batch, look);
  const moved = new Map([...ahead].sort((a, b) => a - b).map((at, index) => [at, epochMs(latest + 1 + index)]));
  const move = (name: string, at: number): number => (isWrong(name, at, now) ? (moved.get(at) ?? at) : at);
  return {
    queue: walk(stored.queue, move),
    batches: stored.batches.map((batch): Batch => walk(batch, move)),
  };
}

/** True when a time of the queue or of a batch is ahead. Every run asks this, so the times of a batch are named here and not searched for. */
function holdsWrongTime({ queue, batches }: Stored, now: EpochMs): boolean {
  let found = false;
  walk(queue, (name, at) => {
    found ||= isWrong(name, at, now);
    return at;
  });
  const latest = now + CLOCKS_DIFFER_MS;
  return found || batches.some((batch) => latestOf(batch) > latest);
}

function latestOf({ createdAt, endedAt, landing, paths }: Batch): number {
  let latest = Math.max(createdAt, endedAt ?? 0, landing?.sentAt ?? 0, landing?.held?.since ?? 0);
  for (const path of paths) latest = Math.max(latest, path.startedAt, path.endedAt ?? 0);
  return latest;
}

const isWrong = (name: string, at: number, now: EpochMs): boolean =>
  HAPPENED.has(name) ? isAhead(at, now) : DUE.has(name) && at - now > DUE_WITHIN_MS;

/** The value with each of its times as `change` has it: the same object when no time was changed. */
function walk<T>(value: T, change: (name: string, at: number) => number): T {
  if (typeof value !== "object" || value === null) return value;
  let isSame = true;
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => {
    if (LEFT.has(name)) return [name, item];
    const next = typeof item === "number" ? change(name, item) : walk(item, change);
    isSame &&= next === item;
    return [name, next];
  });
  if (isSame) return value;
  return (Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries)) as T;
}
