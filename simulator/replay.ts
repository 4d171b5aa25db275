import { z } from "zod";
import type { Change, Workload } from "./workload.ts";

const Moment = z.union([z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)), z.int().nonnegative()]);

/** One change of a history. Times are ISO 8601 with an offset, or milliseconds since any fixed moment. */
const Entry = z
  .object({
    id: z.string().min(1),
    arrivedAt: Moment,
    /** What it touched: changes that share a path conflict. */
    paths: z.array(z.string().min(1)).default([]),
    /** Ids of earlier changes that it conflicts with beside those: what is known where paths are not. */
    behind: z.array(z.string()).default([]),
    buildSeconds: z.number().positive(),
    outcome: z.enum(["landed", "error", "cancelled"]),
    /** Of a cancelled one: when. */
    endedAt: Moment.optional(),
    /** Ids of changes that it fails together with, where that is known. */
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

/** Reads JSON (a list, or an object with `changes`) or JSON lines, of one change or more. The format: doc/rfc/simulator.md. */
export function parseReplay(text: string): Replay {
  const json = jsonOf(text);
  if (json === undefined) return { kind: "malformed", problem: "it is neither JSON nor JSON lines" };
  const wrapped = Wrapped.safeParse(json);
  // One line of JSON lines is an object, too.
  const parsed = History.safeParse(wrapped.success ? wrapped.data.changes : Array.isArray(json) ? json : [json]);
  if (!parsed.success) return { kind: "malformed", problem: z.prettifyError(parsed.error) };
  const entries = parsed.data.toSorted((a, b) => a.arrivedAt - b.arrivedAt);
  if (entries.length === 0)
    return { kind: "malformed", problem: "a history has at least one change, and this one is empty" };
  if (new Set(entries.map(({ id }) => id)).size < entries.length)
    return { kind: "malformed", problem: "two changes have the same id" };
  const changes = changesOf(entries);
  const hours = (changes.at(-1)?.arrivalMs ?? 0) / 3_600_000;
  return { kind: "history", workload: { name: "replay", changes }, rate: hours > 0 ? changes.length / hours : 0 };
}

function jsonOf(text: string): unknown {
  for (const source of [text, `[${text.trim().split(/\r?\n/).filter(Boolean).join(",")}]`]) {
    try {
      const value: unknown = JSON.parse(source);
      if (typeof value === "object" && value !== null) return value;
    } catch {}
  }
  return undefined;
}

/** What each touches; a pair that is only said to conflict shares a made-up path. */
function pathsOf(entries: readonly Entry[], numbers: ReadonlyMap<string, number>): string[][] {
  const paths = entries.map((entry) => new Set(entry.paths));
  entries.forEach(({ behind }, n) => {
    for (const other of behind.flatMap((id) => numbers.get(id) ?? [])) {
      if (other === n) continue;
      for (const one of [n, other]) paths[one]?.add(`behind/${other}-${n}`);
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
      // Changes that clash pass on their own merit: it is the pair that fails.
      passes: entry.outcome !== "error" || (clashes[n]?.size ?? 0) > 0,
      latent: passing,
      earlier: [...earlier].sort((a, b) => a - b),
      clashes: [...(clashes[n] ?? [])].sort((a, b) => a - b),
      paths: own,
      lines: entry.lines,
      files: Math.max(1, entry.paths.length),
      authors: entry.authors,
      ...(cancelled ? { cancelMs: Math.max(0, (entry.endedAt ?? 0) - start) } : {}),
    };
  });
}
