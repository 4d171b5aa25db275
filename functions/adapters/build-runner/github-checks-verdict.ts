import type { EpochMs } from "../../contracts/time.ts";
import type { BuildResult } from "./build-runner.ts";

/** A check that a build waits for. */
export interface WantedCheck {
  readonly name: string;
  /** The id or slug of the App that must report the check. Undefined: any App or user may. */
  readonly app?: number | string | undefined;
}

/** One report about a commit: a check run, or the last commit status of a context. */
export interface CheckResult {
  readonly kind: "check" | "status";
  /** Of check runs, and of statuses, a later one has a greater id. */
  readonly id: number;
  readonly name: string;
  /** The App that reported it, as far as GitHub says. */
  readonly appId?: number | undefined;
  readonly appSlug?: string | undefined;
  readonly startedAt: EpochMs;
  /** Undefined as long as it is not over. */
  readonly end?: { readonly conclusion: string; readonly at: EpochMs } | undefined;
  readonly url?: string | undefined;
  /** What the check itself says: its title, or a status's description. */
  readonly title?: string | undefined;
}

/**
 * Where the results of one attempt begin. A repeated attempt builds the same commit, with the results of earlier attempts on it.
 * `checks` and `statuses`: the greatest ids that were there before the attempt. Undefined when they could not be read then: results are
 * told by their time alone.
 */
export interface Baseline {
  /** GitHub's clock, in whole seconds. */
  readonly since: EpochMs;
  readonly ids?: { readonly check: number; readonly status: number } | undefined;
}

/**
 * Of a list of results, newest first, those of this attempt; of the statuses of one context the newest alone, as GitHub has it. Example:
 * with `ids.check` 7, check run 7 is old and check run 9 is new; 7 is new too once it started again after `since`.
 */
export function resultsOfAttempt({ since, ids }: Baseline, results: readonly CheckResult[]): readonly CheckResult[] {
  const ours = results.filter(({ kind, id, startedAt }) =>
    ids === undefined ? startedAt >= since : id > ids[kind] || startedAt > since,
  );
  const isNewest = ({ name }: CheckResult, index: number) =>
    ours.findIndex((one) => one.kind === "status" && one.name === name) === index;
  return ours.filter((result, index) => result.kind === "check" || isNewest(result, index));
}

/** The usual name of the check run that the queue's App shows on pull requests. */
const OWN_CHECK = "Submitqueue";

/** How the check of the queue itself is told from others: by the App of the credentials, and by the name that `github.check` gives it. */
export interface OwnCheck {
  readonly appId: number | undefined;
  readonly ownCheck: string | undefined;
}

/** True for the check of the queue itself, which ends when the queue has landed the change. */
export const isOwn = ({ appId, ownCheck = OWN_CHECK }: OwnCheck, { name, app }: WantedCheck): boolean =>
  name === ownCheck || name === OWN_CHECK || (appId !== undefined && app === appId);

/** True when the result is what a build waits for under that name. */
export const isWanted = ({ name, app }: WantedCheck, result: CheckResult): boolean =>
  result.name === name && (app === undefined || result.appId === app || result.appSlug === app);

/** As GitHub counts them for a required check. */
const PASSING: readonly string[] = ["success", "neutral", "skipped"];
/** A check that ended so says nothing about the tree. */
const BROKEN: readonly string[] = ["error", "stale", "startup_failure"];

const resultOf = (conclusion: string): BuildResult => {
  if (PASSING.includes(conclusion)) return "passed";
  if (conclusion === "cancelled") return "cancelled";
  return BROKEN.includes(conclusion) ? "infrastructure" : "failed";
};

export type ChecksVerdict =
  /** `missing`: the wanted checks of which nothing was reported. `quietSince`: when the last result ended; undefined while one is running. */
  | { readonly kind: "running"; readonly missing: readonly WantedCheck[]; readonly quietSince: EpochMs | undefined }
  /** `by`: the checks that decided it. All of them when it passed. `open`: checks that are still running. */
  | {
      readonly kind: "finished";
      readonly result: BuildResult;
      readonly by: readonly CheckResult[];
      readonly open: boolean;
    };

/**
 * What the results of an attempt come to. One failed check is the verdict, also when other checks passed; then one that broke, then one that was
 * cancelled; passed once each wanted check has reported and all that reported have passed. A check run and a status of one name both
 * count. Example: wanted are unit and lint; unit has failed, lint is running: failed, by unit, and open.
 * A check may start when another has ended, so `quietSince` counts all results, wanted or not.
 */
export function verdictOfChecks(
  wanted: readonly WantedCheck[],
  results: readonly CheckResult[],
  { since }: Baseline,
): ChecksVerdict {
  const counted = results.filter((result) => wanted.some((check) => isWanted(check, result)));
  const open = counted.some(({ end }) => end === undefined);
  for (const result of ["failed", "infrastructure", "cancelled"] as const) {
    const by = counted.filter(({ end }) => end !== undefined && resultOf(end.conclusion) === result);
    if (by.length > 0) return { kind: "finished", result, by, open };
  }
  const missing = wanted.filter((check) => !counted.some((result) => isWanted(check, result)));
  if (missing.length === 0 && !open) return { kind: "finished", result: "passed", by: counted, open };
  const ends = results.map(({ end }) => end?.at);
  const quietSince = ends.includes(undefined)
    ? undefined
    : (Math.max(since, ...ends.filter((at) => at !== undefined)) as EpochMs);
  return { kind: "running", missing, quietSince };
}
