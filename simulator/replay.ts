import * as z from "zod";
import { type Quantiles, quantiles } from "./measures.ts";
import type { Analyzer } from "./run-settings.ts";
import type { Change, Workload } from "./workload.ts";

const Time = z.union([z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)), z.int().nonnegative()]);

/** One change of a replayed history. Times are ISO 8601 with an offset, or milliseconds since any fixed moment. */
const Entry = z
  .object({
    id: z.string().min(1),
    arrivedAt: Time,
    /** The paths that the change touches. Changes that share a path conflict. */
    paths: z.array(z.string().min(1)).default([]),
    /** Ids of earlier changes that conflict with the change, in addition to those that share a path. */
    behind: z.array(z.string()).default([]),
    buildSeconds: z.number().positive(),
    outcome: z.enum(["landed", "error", "cancelled"]),
    /** When the change ended. Required for a cancelled change. */
    endedAt: Time.optional(),
    /** Ids of changes that fail together with the change though each passes alone. */
    clashesWith: z.array(z.string()).default([]),
    lines: z.int().nonnegative().default(0),
    authors: z.array(z.string()).default([]),
  })
  .refine((entry) => entry.outcome !== "cancelled" || entry.endedAt !== undefined, "a cancelled change has an endedAt");
type Entry = z.infer<typeof Entry>;

const History = z.array(Entry);
const Wrapped = z.looseObject({ changes: z.unknown() });

export type Replay =
  | {
      readonly kind: "history";
      readonly workload: Workload;
      /** Changes per hour. 0 when all changes arrived at one moment. */
      readonly rate: number;
      /** What the queue took to conflict, as far as the history shows it. */
      readonly analyzer: Analyzer;
      readonly actual: Actual;
    }
  | { readonly kind: "malformed"; readonly problem: string };

/** What happened in the history itself. */
export interface Actual {
  /** From the first arrival to the last arrival or end. */
  readonly hours: number;
  readonly landed: number;
  /** Minutes from arrival to landing. Absent when the history does not tell when a change landed. */
  readonly landing?: Quantiles;
}

/** With fewer changes than this, one slow build decides the P95. */
const ENOUGH_CHANGES = 100;

/** What to tell the reader of figures from a short history. Undefined when the history is long enough. */
export const adviceOn = ({ changes }: Workload): string | undefined =>
  changes.length >= ENOUGH_CHANGES
    ? undefined
    : `The history has ${changes.length === 1 ? "one change" : `${changes.length} changes`}. Read the figures as an example: they hold from about ${ENOUGH_CHANGES} changes on.`;

const NOTHING_TO_REPLAY =
  "the history has no change: only requests that were built and have ended can be replayed. Land a few changes, wait until they have ended, and export again";

/**
 * Reads the history of a queue as a workload: a JSON list of changes, a JSON object with the list as `changes`, or JSON lines.
 * doc/rfc/simulator.md describes the format.
 */
export function parseReplay(text: string): Replay {
  if (text.trim() === "") return { kind: "malformed", problem: NOTHING_TO_REPLAY };
  const json = jsonOf(text);
  if (json === undefined) return { kind: "malformed", problem: "the file is neither JSON nor JSON lines" };
  const wrapped = Wrapped.safeParse(json);
  // A single line of JSON lines is read as one object.
  return replayOf(wrapped.success ? wrapped.data.changes : Array.isArray(json) ? json : [json]);
}

/** Reads a list of changes, in the format of `ReplayEntry`, as a workload. */
export function replayOf(changes: unknown): Replay {
  const parsed = History.safeParse(changes);
  if (!parsed.success) return { kind: "malformed", problem: z.prettifyError(parsed.error) };
  const entries = parsed.data.toSorted((a, b) => a.arrivedAt - b.arrivedAt);
  if (entries.length === 0) return { kind: "malformed", problem: NOTHING_TO_REPLAY };
  if (new Set(entries.map(({ id }) => id)).size < entries.length)
    return { kind: "malformed", problem: "two changes have the same id" };
  const made = changesOf(entries);
  const hours = (made.at(-1)?.arrivalMs ?? 0) / HOUR;
  return {
    kind: "history",
    workload: { name: "replay", changes: made },
    rate: hours > 0 ? made.length / hours : 0,
    analyzer: analyzerOf(entries),
    actual: actualOf(entries),
  };
}

const HOUR = 3_600_000;

function actualOf(entries: readonly Entry[]): Actual {
  const first = entries[0]?.arrivedAt ?? 0;
  const last = Math.max(...entries.map(({ arrivedAt, endedAt = arrivedAt }) => endedAt));
  const landed = entries.filter(({ outcome }) => outcome === "landed");
  const minutes = landed.flatMap(({ arrivedAt, endedAt }) =>
    endedAt === undefined ? [] : [(endedAt - arrivedAt) / 60_000],
  );
  return {
    hours: (last - first) / HOUR,
    landed: landed.length,
    ...(minutes.length > 0 ? { landing: quantiles(minutes) } : {}),
  };
}

/** The log names no more conflicts of a request. */
const NAMED_CONFLICTS = 20;
/** A change that ended this soon after another arrived may have ended before the other was batched. */
const BATCHED_WITHIN_MS = 120_000;

/**
 * `all` when at least nine of ten changes that were undecided when another arrived are named as its conflicts, or when there were none; else
 * `paths`. A history with paths is `paths`.
 *
 * Example: 1 is undecided when 2 and 3 arrive, and 2 when 3 arrives. 2 names 1, 3 names 1 and 2: all. 3 names neither: paths.
 */
function analyzerOf(entries: readonly Entry[]): Analyzer {
  if (entries.some(({ paths }) => paths.length > 0)) return "paths";
  let [named, undecided] = [0, 0];
  let live: Entry[] = [];
  for (const entry of entries) {
    live = live.filter(({ endedAt = 0 }) => endedAt >= entry.arrivedAt + BATCHED_WITHIN_MS);
    const behind = new Set(entry.behind);
    const ahead = live.slice(-NAMED_CONFLICTS);
    undecided += ahead.length;
    named += ahead.filter(({ id }) => behind.has(id)).length;
    live.push(entry);
  }
  return named >= 0.9 * undecided ? "all" : "paths";
}

/** Undefined when the text is neither JSON nor JSON lines. */
function jsonOf(text: string): unknown {
  for (const source of [text, `[${text.trim().split(/\r?\n/).filter(Boolean).join(",")}]`]) {
    try {
      const value: unknown = JSON.parse(source);
      if (typeof value === "object" && value !== null) return value;
    } catch {}
  }
  return undefined;
}

/**
 * Per change, the paths that it touches. A conflict that is known only from `behind` becomes a path that the two changes share.
 *
 * Example: change 1 (paths a.ts) is behind change 0 (no paths). 0 gets [behind/0-1], 1 gets [a.ts, behind/0-1].
 */
function pathsOf(entries: readonly Entry[], numbers: ReadonlyMap<string, number>): string[][] {
  const paths = entries.map((entry) => new Set(entry.paths));
  entries.forEach(({ behind }, n) => {
    for (const other of behind.flatMap((id) => numbers.get(id) ?? [])) {
      if (other === n) continue;
      for (const end of [n, other]) paths[end]?.add(`behind/${other}-${n}`);
    }
  });
  return paths.map((own) => [...own]);
}

function changesOf(entries: readonly Entry[]): Change[] {
  const start = entries[0]?.arrivedAt ?? 0;
  const numbers = new Map(entries.map(({ id }, n) => [id, n]));
  const touching = new Map<string, number[]>();
  const clashes = entries.map(() => new Set<number>());
  entries.forEach(({ clashesWith }, n) => {
    for (const id of clashesWith) {
      const other = numbers.get(id);
      if (other === undefined || other === n) continue;
      clashes[n]?.add(other);
      clashes[other]?.add(n);
    }
  });
  const paths = pathsOf(entries, numbers);
  const passing = entries.filter(({ outcome }) => outcome !== "error").length / entries.length;
  return entries.map((entry, n): Change => {
    const own = paths[n] ?? [];
    const earlier = new Set(own.flatMap((path) => touching.get(path) ?? []));
    for (const path of own) touching.set(path, [...(touching.get(path) ?? []), n]);
    const cancelled = entry.outcome === "cancelled" && entry.endedAt !== undefined;
    return {
      n,
      arrivalMs: entry.arrivedAt - start,
      buildMs: Math.round(entry.buildSeconds * 1000),
      // Changes that clash pass alone: only the two together fail.
      passes: entry.outcome !== "error" || (clashes[n]?.size ?? 0) > 0,
      successProbability: passing,
      conflictsAhead: [...earlier].sort((a, b) => a - b),
      clashes: [...(clashes[n] ?? [])].sort((a, b) => a - b),
      paths: own,
      lines: entry.lines,
      files: Math.max(1, entry.paths.length),
      authors: entry.authors,
      ...(cancelled ? { cancelMs: Math.max(0, (entry.endedAt ?? 0) - start) } : {}),
    };
  });
}
