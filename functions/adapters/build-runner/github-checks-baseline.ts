import { epochMs } from "../../contracts/time.ts";
import type { BuildId } from "./build-runner.ts";
import type { Baseline } from "./github-checks-verdict.ts";

/** The same moment by two clocks. */
export interface Clocks {
  readonly github: number;
  readonly ours: number;
}

/** GitHub tells times in whole seconds, its own clock's as well. */
const WHOLE_SECONDS_MS = 2_000;

/**
 * The baseline of a build of which nothing is known but when it was first asked for: up to two seconds early, as a result may have started
 * in the second of the ask.
 */
export const timeBaseline = ({ askedAt }: BuildId, { github, ours }: Clocks): Baseline => ({
  since: epochMs(Math.floor((askedAt + github - ours - WHOLE_SECONDS_MS) / 1_000) * 1_000),
});

/** A baseline as the id of a build: `<seconds>`, or `<seconds>-<check run>-<status>`. */
export const writtenBaseline = ({ since, ids }: Baseline): string =>
  [since / 1_000, ...(ids === undefined ? [] : [ids.check, ids.status])].join("-");

/** An id that is none counts all results. */
export function baselineFrom(id: string): Baseline {
  const [seconds = 0, check, status] = id.split("-").map(Number);
  const since = epochMs((seconds || 0) * 1_000);
  return check === undefined || status === undefined ? { since } : { since, ids: { check, status } };
}
