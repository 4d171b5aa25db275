import { z } from "zod";
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
  | { readonly kind: "history"; readonly workload: Workload; readonly rate: number }
  | { readonly kind: "malformed"; readonly problem: string };

/**
 * Reads the history of a queue as a workload: a JSON list of changes, a JSON object with the list as `changes`, or JSON lines.
 * doc/rfc/simulator.md describes the format. `rate` is in changes per hour, 0 when all changes arrived at one moment.
 */
export function parseReplay(text: string): Replay {
  const json = jsonOf(text);
  if (json === undefined) return { kind: "malformed", problem: "the file is neither JSON nor JSON lines" };
  const wrapped = Wrapped.safeParse(json);
  // A single line of JSON lines is read as one object.
  const parsed = History.safeParse(wrapped.success ? wrapped.data.changes : Array.isArray(json) ? json : [json]);
  if (!parsed.success) return { kind: "malformed", problem: z.prettifyError(parsed.error) };
  const entries = parsed.data.toSorted((a, b) => a.arrivedAt - b.arrivedAt);
  if (entries.length === 0)
    return { kind: "malformed", problem: "a history has at least one change, and the file has none" };
  if (new Set(entries.map(({ id }) => id)).size < entries.length)
    return { kind: "malformed", problem: "two changes have the same id" };
  const changes = changesOf(entries);
  const hours = (changes.at(-1)?.arrivalMs ?? 0) / 3_600_000;
  return { kind: "history", workload: { name: "replay", changes }, rate: hours > 0 ? changes.length / hours : 0 };
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
