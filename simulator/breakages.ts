import { exponential, streamOf } from "./random-streams.ts";

/** How often the trunk is broken by a commit that is pushed past the queue, and how long after that another such commit repairs it. */
export interface Breakages {
  readonly perHour: number;
  readonly mendedAfterMs: number;
  /** True: the queue takes a passed build to vouch for every commit of the trunk, as if it had no rule about a red trunk. */
  readonly unnoticed?: boolean;
}

/** A commit that is pushed past the queue. */
export interface Push {
  readonly atMs: number;
  readonly breaks: boolean;
}

const HOUR_MS = 3_600_000;

/** The pushes until `endMs`, in order of time: Poisson, each followed by its repair. A trunk that is broken is not broken again. */
export function pushesUntil(endMs: number, { perHour, mendedAfterMs }: Breakages, seed: number): Push[] {
  const stream = streamOf(seed, "breakage");
  const pushes: Push[] = [];
  const pause = () => exponential(stream, HOUR_MS / perHour);
  for (let at = pause(); at <= endMs; at += mendedAfterMs + pause())
    pushes.push({ atMs: Math.round(at), breaks: true }, { atMs: Math.round(at + mendedAfterMs), breaks: false });
  return pushes;
}

/** What the rule about a red trunk is worth in one run, or in several of different seeds (sums). */
export interface Rescue {
  /** How often the trunk was broken. */
  readonly breakages: number;
  /** How often the trunk itself was built. */
  readonly trunkBuilds: number;
  /** How many changes were rejected although no change was at fault. */
  readonly innocents: number;
  /** How many changes would have been rejected without the rule although no change was at fault. */
  readonly withoutRule: number;
}

export const sumOf = (rescues: readonly Rescue[]): Rescue => {
  const sum = (of: (rescue: Rescue) => number) => rescues.reduce((total, rescue) => total + of(rescue), 0);
  return {
    breakages: sum(({ breakages }) => breakages),
    trunkBuilds: sum(({ trunkBuilds }) => trunkBuilds),
    innocents: sum(({ innocents }) => innocents),
    withoutRule: sum(({ withoutRule }) => withoutRule),
  };
};
