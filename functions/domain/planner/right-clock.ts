import { CLOCKS_DIFFER_MS, type EpochMs, epochMs, isAhead } from "../../contracts/time.ts";
import type { Batch } from "../batch.ts";
import type { Snapshot } from "./plan.ts";

type Stored = Pick<Snapshot, "queue" | "batches">;

/** What of a batch and of the queue holds no time of the planner's, or is told as it was written. */
const LEFT = ["request", "outbox", "history"] as const;
type Left = (typeof LEFT)[number];

/** The names of the fields of `T` that hold a time, at any depth, but for what is left as it is. */
type TimeField<T> = T extends readonly (infer Item)[]
  ? TimeField<Item>
  : T extends object
    ? { [K in keyof T & string]-?: FieldOf<K, NonNullable<T[K]>> }[keyof T & string]
    : never;
type FieldOf<K extends string, V> = K extends Left ? never : [V] extends [EpochMs] ? K : TimeField<V>;

/**
 * What each time of the queue's own item and of batches says. happened: when something happened. due: when something is due. A new field that
 * holds a time does not compile until it stands here, and one of a batch until it stands in `TIMES_OF_BATCH` too.
 */
const TIMES: Readonly<Record<TimeField<Stored["queue"] | Batch>, "happened" | "due">> = {
  createdAt: "happened",
  endedAt: "happened",
  startedAt: "happened",
  sentAt: "happened",
  since: "happened",
  evidenceSince: "happened",
  keptSince: "happened",
  halfAt: "happened",
  soundSince: "happened",
  knownAt: "happened",
  recoveredAt: "happened",
  rebuildAt: "due",
  lookAt: "due",
  nextAt: "due",
};
const KINDS: ReadonlyMap<string, "happened" | "due"> = new Map(Object.entries(TIMES));

/** What is due is due within an hour. A time that is more than a day ahead comes from a wrong clock. */
const DUE_WITHIN_MS = 86_400_000;

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
    else if (KINDS.get(name) === "happened") latest = Math.max(latest, at);
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

/** The latest of each time of a batch; 0 when it has none. */
const TIMES_OF_BATCH: Readonly<Record<TimeField<Batch>, (batch: Batch) => number>> = {
  createdAt: ({ createdAt }) => createdAt,
  endedAt: ({ endedAt, paths }) => Math.max(endedAt ?? 0, ...paths.map((path) => path.endedAt ?? 0)),
  startedAt: ({ paths }) => Math.max(0, ...paths.map(({ startedAt }) => startedAt)),
  sentAt: ({ landing }) => landing?.sentAt ?? 0,
  since: ({ landing }) => landing?.held?.since ?? 0,
};

const latestOf = (batch: Batch): number => Math.max(...Object.values(TIMES_OF_BATCH).map((time) => time(batch)));

function isWrong(name: string, at: number, now: EpochMs): boolean {
  const kind = KINDS.get(name);
  if (kind === undefined) return false;
  return kind === "happened" ? isAhead(at, now) : at - now > DUE_WITHIN_MS;
}

const isLeft = (name: string): boolean => (LEFT as readonly string[]).includes(name);

/** The value with each of its times as `change` has it: the same object when no time was changed. */
function walk<T>(value: T, change: (name: string, at: number) => number): T {
  if (typeof value !== "object" || value === null) return value;
  let isSame = true;
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => {
    if (isLeft(name)) return [name, item];
    const next = typeof item === "number" ? change(name, item) : walk(item, change);
    isSame &&= next === item;
    return [name, next];
  });
  if (isSame) return value;
  return (Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries)) as T;
}
