import { exponential, normal, type Stream, streamOf } from "./random.ts";

const MINUTE = 60_000;

/** One change, as the world knows it. Policies see its arrival, its conflicts and what the predictor tells; never how it turns out. */
export interface Change {
  /** From 0, by arrival. */
  readonly n: number;
  readonly arrivalMs: number;
  /** Of every build of it. */
  readonly buildMs: number;
  /** It passes on its own merit. */
  readonly passes: boolean;
  /** The probability that it passes, before anybody has drawn. */
  readonly latent: number;
  /** The earlier changes that it potentially conflicts with, ascending: what the conflict analyzer says. */
  readonly earlier: readonly number[];
  /** Those, earlier or later, that it really fails together with. */
  readonly clashes: readonly number[];
  /** What it touches: two changes conflict potentially when they share a path. */
  readonly paths: readonly string[];
  /** When its author gives it up, if it is undecided by then. */
  readonly cancelMs?: number;
  /** What a predictor that learns may look at. */
  readonly lines: number;
  readonly files: number;
  readonly authors: readonly string[];
}

export interface Workload {
  readonly name: string;
  readonly changes: readonly Change[];
}

export const WORKLOADS = ["eurosys", "modules"] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

export interface WorkloadSpec {
  readonly name: WorkloadName;
  /** Changes per hour. */
  readonly rate: number;
  readonly changes: number;
  readonly seed: number;
  /** Share of the changes that their authors give up, at a random moment of the two hours after arrival. */
  readonly cancellations: number;
}

/** Build times are log-normal, in minutes. */
export const BUILD = { median: 27, sigma: 0.55, least: 3, most: 120 } as const;
export const RISK = { share: 0.15, safe: 0.995, risky: 0.2 } as const;
export const EUROSYS = { potential: 0.35, real: 0.0002 } as const;
export const MODULES = { count: 40, zipf: 1, real: 0.02 } as const;
/** Made up, for a predictor that learns: what is risky is larger, and mostly written by a few. */
export const FEATURES = {
  safeLines: 40,
  riskyLines: 160,
  sigma: 1,
  authors: 60,
  careless: 12,
  fromCareless: 0.67,
} as const;
/** Changes that arrive further apart than this do not really conflict. */
export const REAL_WITHIN_MS = 60 * MINUTE;
const CANCEL_WITHIN_MS = 120 * MINUTE;

interface Conflicts {
  readonly earlier: number[][];
  readonly paths: string[][];
  readonly real: number;
}

/** Same spec, same workload. */
export function makeWorkload(spec: WorkloadSpec): Workload {
  const arrivals = arrivalsOf(spec);
  const { earlier, paths, real } = spec.name === "eurosys" ? scattered(spec) : clustered(spec);
  const clashes = clashesOf(spec.seed, arrivals, earlier, real);
  const stream = (purpose: string) => streamOf(spec.seed, purpose);
  const [duration, risk, outcome] = [stream("duration"), stream("risk"), stream("outcome")];
  const [size, author] = [stream("lines"), stream("author")];
  const [gaveUp, when] = [stream("cancelled"), stream("cancelled-when")];
  const changes = arrivals.map((arrivalMs, n): Change => {
    const latent = risk() < RISK.share ? RISK.risky : RISK.safe;
    const cancelMs = Math.round(arrivalMs + when() * CANCEL_WITHIN_MS);
    return {
      n,
      arrivalMs,
      buildMs: buildMsOf(duration),
      passes: outcome() < latent,
      latent,
      earlier: earlier[n] ?? [],
      clashes: clashes[n] ?? [],
      paths: paths[n] ?? [],
      ...featuresOf(latent === RISK.risky, size, author),
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

function buildMsOf(stream: Stream): number {
  const minutes = BUILD.median * Math.exp(BUILD.sigma * normal(stream));
  return Math.round(Math.min(BUILD.most, Math.max(BUILD.least, minutes)) * MINUTE);
}

/** Each pair conflicts potentially or not, whatever the others do: a path of its own for each pair that does. */
function scattered({ seed, changes }: WorkloadSpec): Conflicts {
  const stream = streamOf(seed, "potential");
  const earlier = Array.from({ length: changes }, (): number[] => []);
  const paths = Array.from({ length: changes }, (_, n) => [`own/${n}`]);
  for (let i = 1; i < changes; i++)
    for (let j = 0; j < i; j++) {
      if (stream() >= EUROSYS.potential) continue;
      earlier[i]?.push(j);
      paths[i]?.push(`pair/${j}-${i}`);
      paths[j]?.push(`pair/${j}-${i}`);
    }
  return { earlier, paths, real: EUROSYS.real };
}

/** Each change is in one module, the k-th of them in proportion to 1/k; all in a module conflict potentially. */
function clustered({ seed, changes }: WorkloadSpec): Conflicts {
  const stream = streamOf(seed, "module");
  const cumulative: number[] = [];
  for (let k = 1; k <= MODULES.count; k++) cumulative.push((cumulative.at(-1) ?? 0) + 1 / k ** MODULES.zipf);
  const total = cumulative.at(-1) ?? 0;
  const modules = Array.from({ length: changes }, () => {
    const drawn = stream() * total;
    return cumulative.findIndex((upTo) => drawn < upTo);
  });
  const earlier = modules.map((module, n) => [...modules.keys()].filter((m) => m < n && modules[m] === module));
  return { earlier, paths: modules.map((module) => [`module/${module}`]), real: MODULES.real };
}

function clashesOf(
  seed: number,
  arrivals: readonly number[],
  earlier: readonly (readonly number[])[],
  real: number,
): number[][] {
  const stream = streamOf(seed, "real");
  const clashes = arrivals.map((): number[] => []);
  arrivals.forEach((at, i) => {
    const conflicting = new Set(earlier[i]);
    for (let j = 0; j < i; j++) {
      // Drawn for every pair: what conflicts potentially does not shift the stream.
      const clash = stream() < real;
      if (!clash || !conflicting.has(j) || at - (arrivals[j] ?? 0) >= REAL_WITHIN_MS) continue;
      clashes[i]?.push(j);
      clashes[j]?.push(i);
    }
  });
  return clashes;
}

/** tree: a build tests everything in its tree. heads: only what its heads affect, so it says nothing of those below them. */
export const SPEAKS_FOR = ["tree", "heads"] as const;
export type SpeaksFor = (typeof SPEAKS_FOR)[number];

/** A build's contents beside the trunk, which is green. */
export interface Tree {
  readonly heads: readonly number[];
  /** What is assumed to land before them. */
  readonly base: readonly number[];
}

/** Whether each change that the build speaks for passes on its own merit, and really conflicts with nothing in the tree or on the trunk. */
export function passes(
  changes: readonly Change[],
  isLanded: (n: number) => boolean,
  { heads, base }: Tree,
  speaksFor: SpeaksFor,
): boolean {
  const fresh = new Set([...base, ...heads]);
  const isSound = (n: number): boolean => {
    const change = changes[n];
    return change?.passes === true && !change.clashes.some((other) => fresh.has(other) || isLanded(other));
  };
  return heads.every(isSound) && (speaksFor === "heads" || base.every(isSound));
}

/** What lands when each change is tried alone, in order of arrival. */
export function serialOutcome(changes: readonly Change[]): boolean[] {
  const landed: boolean[] = [];
  for (const { n } of changes)
    landed[n] = passes(changes, (other) => landed[other] === true, { heads: [n], base: [] }, "tree");
  return landed;
}
