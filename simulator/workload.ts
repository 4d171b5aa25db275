import { exponential, normal, type Stream, streamOf } from "./random-streams.ts";

const MINUTE = 60_000;

/**
 * One change of a workload, with its outcome. A policy may see when the change arrives, its conflicts, and what the predictor tells.
 * A policy may not see `passes`, `clashes`, `buildMs` and `cancelMs` before they take effect.
 */
export interface Change {
  /** The number of the change: 0 for the first to arrive. */
  readonly n: number;
  readonly arrivalMs: number;
  /** How long every build of the change takes. */
  readonly buildMs: number;
  /** True when a build of the change alone passes. */
  readonly passes: boolean;
  /** The probability with which `passes` was drawn. */
  readonly successProbability: number;
  /** The earlier changes that the conflict analyzer says conflict with the change, in order of arrival. */
  readonly conflictsAhead: readonly number[];
  /** The changes, earlier or later, that fail together with the change though each passes alone. */
  readonly clashes: readonly number[];
  /** The paths that the change touches. Two changes conflict when they share a path. */
  readonly paths: readonly string[];
  /** When the author cancels the change, if it is undecided by then. */
  readonly cancelMs?: number;
  /** `lines`, `files` and `authors` are what a predictor that learns may use. */
  readonly lines: number;
  readonly files: number;
  readonly authors: readonly string[];
}

export interface Workload {
  readonly name: string;
  readonly changes: readonly Change[];
}

/** `eurosys` and `modules` are a large company's queue, `team` is a queue as most teams have one. */
export const WORKLOADS = ["eurosys", "modules", "team"] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

export interface WorkloadSpec {
  readonly name: WorkloadName;
  /** Changes per hour. */
  readonly rate: number;
  readonly changes: number;
  readonly seed: number;
  /** The share of the changes that their authors cancel, at a random moment of the two hours after arrival. */
  readonly cancellations: number;
}

/** What the changes of a workload are like. */
export interface Recipe {
  /** Build times in minutes: log-normal, moved into the range from `least` to `most`. */
  readonly build: { readonly median: number; readonly sigma: number; readonly least: number; readonly most: number };
  /** A change is risky with probability `share`. A risky change passes with probability `risky`, every other with `safe`. */
  readonly risk: { readonly share: number; readonly safe: number; readonly risky: number };
  /** Which changes conflict: two of them with a probability, or those of the same module. */
  readonly conflicts: { readonly by: "pair"; readonly probability: number } | { readonly by: "module" };
  /** The probability that two conflicting changes clash. */
  readonly clash: number;
}

const LARGE = {
  build: { median: 27, sigma: 0.55, least: 3, most: 120 },
  risk: { share: 0.15, safe: 0.995, risky: 0.2 },
} as const;

export const RECIPES: Readonly<Record<WorkloadName, Recipe>> = {
  eurosys: { ...LARGE, conflicts: { by: "pair", probability: 0.35 }, clash: 0.0002 },
  modules: { ...LARGE, conflicts: { by: "module" }, clash: 0.02 },
  team: {
    build: { median: 10, sigma: 0.55, least: 1, most: 45 },
    risk: { share: 0.12, safe: 0.995, risky: 0.2 },
    conflicts: { by: "pair", probability: 0.35 },
    clash: 0.002,
  },
};

/** Conflicts by module: of `count` modules, the k-th has a share of the changes in proportion to 1 / k^`zipf`. */
export const MODULES = { count: 40, zipf: 1 } as const;
/**
 * What a predictor that learns may find out, made up: a risky change has more lines, and `fromCareless` of the risky changes are by the
 * first `careless` of the `authors`. Lines are log-normal with the given medians.
 */
export const FEATURES = {
  safeLines: 40,
  riskyLines: 160,
  sigma: 1,
  authors: 60,
  careless: 12,
  fromCareless: 0.67,
} as const;
/** Two changes whose arrivals are this far apart or further do not clash. */
export const CLASH_WITHIN_MS = 60 * MINUTE;
const CANCEL_WITHIN_MS = 120 * MINUTE;

/** Per change: its conflicts ahead and its paths. */
interface Conflicts {
  readonly conflictsAhead: number[][];
  readonly paths: string[][];
}

/** Draws a workload. The same spec gives the same workload. The rate changes only the arrivals and the clashes. */
export function makeWorkload(spec: WorkloadSpec): Workload {
  const arrivals = arrivalsOf(spec);
  const { build, risk: risks, conflicts, clash } = RECIPES[spec.name];
  const { conflictsAhead, paths } =
    conflicts.by === "pair" ? conflictsByPair(spec, conflicts.probability) : conflictsByModule(spec);
  const clashes = clashesOf(spec.seed, arrivals, conflictsAhead, clash);
  const stream = (purpose: string) => streamOf(spec.seed, purpose);
  const [duration, risk, outcome] = [stream("duration"), stream("risk"), stream("outcome")];
  const [size, author] = [stream("lines"), stream("author")];
  const [gaveUp, when] = [stream("cancelled"), stream("cancelled-when")];
  const changes = arrivals.map((arrivalMs, n): Change => {
    const successProbability = risk() < risks.share ? risks.risky : risks.safe;
    const cancelMs = Math.round(arrivalMs + when() * CANCEL_WITHIN_MS);
    return {
      n,
      arrivalMs,
      buildMs: buildMsOf(duration, build),
      passes: outcome() < successProbability,
      successProbability,
      conflictsAhead: conflictsAhead[n] ?? [],
      clashes: clashes[n] ?? [],
      paths: paths[n] ?? [],
      ...featuresOf(successProbability === risks.risky, size, author),
      ...(gaveUp() < spec.cancellations ? { cancelMs } : {}),
    };
  });
  return { name: spec.name, changes };
}

function featuresOf(isRisky: boolean, size: Stream, author: Stream): Pick<Change, "lines" | "files" | "authors"> {
  const median = isRisky ? FEATURES.riskyLines : FEATURES.safeLines;
  const lines = Math.max(1, Math.round(median * Math.exp(FEATURES.sigma * normal(size))));
  const [among, who] = [author(), author()];
  const few = isRisky && among < FEATURES.fromCareless;
  const number = few ? Math.floor(who * FEATURES.careless) : Math.floor(who * FEATURES.authors);
  return { lines, files: Math.max(1, Math.round(lines / 15)), authors: [`developer-${number}`] };
}

function arrivalsOf({ seed, rate, changes }: WorkloadSpec): number[] {
  const stream = streamOf(seed, "arrival");
  let at = 0;
  return Array.from({ length: changes }, () => {
    at += exponential(stream, (60 * MINUTE) / rate);
    return Math.round(at);
  });
}

function buildMsOf(stream: Stream, { median, sigma, least, most }: Recipe["build"]): number {
  const minutes = median * Math.exp(sigma * normal(stream));
  return Math.round(Math.min(most, Math.max(least, minutes)) * MINUTE);
}

/**
 * Draws for each pair of changes whether it conflicts. Each pair that conflicts shares a path that no other change has.
 *
 * Example: of three changes, 0–2 and 1–2 conflict. 0 has pair/0-2, 1 has pair/1-2, 2 has both. Each has a path of its own as well.
 */
function conflictsByPair({ seed, changes }: WorkloadSpec, probability: number): Conflicts {
  const stream = streamOf(seed, "potential");
  const conflictsAhead = Array.from({ length: changes }, (): number[] => []);
  const paths = Array.from({ length: changes }, (_, n) => [`own/${n}`]);
  for (let i = 1; i < changes; i++)
    for (let j = 0; j < i; j++) {
      if (stream() >= probability) continue;
      conflictsAhead[i]?.push(j);
      paths[i]?.push(`pair/${j}-${i}`);
      paths[j]?.push(`pair/${j}-${i}`);
    }
  return { conflictsAhead, paths };
}

/**
 * Draws one module for each change. All changes of a module conflict with each other, and with no other change.
 *
 * Example: modules 1, 2, 1 for changes 0, 1, 2. Change 2 conflicts with 0; change 1 conflicts with neither.
 */
function conflictsByModule({ seed, changes }: WorkloadSpec): Conflicts {
  const stream = streamOf(seed, "module");
  const cumulative: number[] = [];
  for (let k = 1; k <= MODULES.count; k++) cumulative.push((cumulative.at(-1) ?? 0) + 1 / k ** MODULES.zipf);
  const total = cumulative.at(-1) ?? 0;
  const modules = Array.from({ length: changes }, () => {
    const drawn = stream() * total;
    return cumulative.findIndex((upTo) => drawn < upTo);
  });
  const conflictsAhead = modules.map((module, n) => [...modules.keys()].filter((m) => m < n && modules[m] === module));
  return { conflictsAhead, paths: modules.map((module) => [`module/${module}`]) };
}

/**
 * The workload as a queue with conflict analyzer `all` sees it: each change conflicts with every change before it. What clashes stays as it
 * is.
 *
 * Example: 2 conflicts with 0 only. In one line, 2 conflicts with 0 and 1.
 */
export const inOneLine = ({ name, changes }: Workload): Workload => ({
  name,
  changes: changes.map((change, n) => ({ ...change, conflictsAhead: Array.from({ length: n }, (_, ahead) => ahead) })),
});

/** Per change, both ways: the changes that fail together with it. Drawn among the conflicts that arrive close together. */
function clashesOf(
  seed: number,
  arrivals: readonly number[],
  conflictsAhead: readonly (readonly number[])[],
  clashRate: number,
): number[][] {
  const stream = streamOf(seed, "real");
  const clashes = arrivals.map((): number[] => []);
  arrivals.forEach((at, i) => {
    const conflicting = new Set(conflictsAhead[i]);
    for (let j = 0; j < i; j++) {
      // One draw for every pair, so that the conflicts do not shift the stream.
      const clash = stream() < clashRate;
      if (!clash || !conflicting.has(j) || at - (arrivals[j] ?? 0) >= CLASH_WITHIN_MS) continue;
      clashes[i]?.push(j);
      clashes[j]?.push(i);
    }
  });
  return clashes;
}
