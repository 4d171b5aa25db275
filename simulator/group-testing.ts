import type { Settings } from "./run-settings.ts";
import { serialOutcome } from "./tree-outcome.ts";
import type { Workload } from "./workload.ts";

/** What no policy can beat that knows only which share of the changes fails. */
export interface Bound {
  readonly buildsPerLanded: number;
  readonly landedPerHour: number;
}

/** The entropy in bits of an event with probability `p`. Example: 1 for 0.5, 0.47 for 0.1, 0 for 0. */
export const entropy = (p: number): number => (p <= 0 || p >= 1 ? 0 : -p * Math.log2(p) - (1 - p) * Math.log2(1 - p));

/**
 * The bound of group testing: a build passes or fails, which is one bit, and telling apart which changes fail takes as many bits as their
 * entropy. Builds are taken to be as long as in the mean.
 *
 * Example: 10 % of the changes fail: 0.47 bits and so at least 0.47 builds per change, 0.52 per landed change. 4 builders with builds of 10
 * minutes make 24 builds an hour: at most 46 changes an hour land.
 */
export function boundOf({ changes }: Workload, { builders }: Settings): Bound {
  const lands = serialOutcome(changes).filter(Boolean).length / Math.max(1, changes.length);
  const meanMs = changes.reduce((sum, { buildMs }) => sum + buildMs, 0) / Math.max(1, changes.length);
  const buildsPerLanded = lands === 0 ? 0 : entropy(1 - lands) / lands;
  const buildsPerHour = meanMs === 0 ? 0 : (builders * 3_600_000) / meanMs;
  return {
    buildsPerLanded,
    landedPerHour: buildsPerLanded === 0 ? Number.POSITIVE_INFINITY : buildsPerHour / buildsPerLanded,
  };
}
