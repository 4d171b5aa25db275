import type { GitSha } from "../../contracts/ids.ts";
import { concurrently } from "../../domain/concurrently.ts";
import type { CheckFact } from "../../domain/pull-request.ts";
import { CheckedRepository } from "../build-runner/github-checks-repository.ts";
import {
  type CheckResult,
  isOwn,
  isWanted,
  resultsOfAttempt,
  type WantedCheck,
} from "../build-runner/github-checks-verdict.ts";
import type { GitHubClient } from "./client.ts";

/** Every result of a commit, old or new. */
const EVER = { since: 0 as never, ids: { check: 0, status: 0 } };

const PASSING: readonly string[] = ["success", "neutral", "skipped"];

/** So many heads are read at the same time, with two calls each: GitHub takes 100 calls at once. */
const MOST_AT_ONCE = 10;

/**
 * The checks that count of the heads of pull requests, by head: those that GitHub requires on the branch, or all that were reported where it
 * requires none. The queue's own check is none of them. A check run and a status of one name both have to pass, as GitHub has it. Two calls,
 * and two for each head, more for a commit with over a hundred results. Throws runner.unavailable, config.invalid.
 */
export async function pullChecks(
  client: GitHubClient,
  heads: readonly GitSha[],
  { branch, ownCheck }: { readonly branch: string; readonly ownCheck: string | undefined },
): Promise<ReadonlyMap<GitSha, readonly CheckFact[]>> {
  const checks = new Map<GitSha, readonly CheckFact[]>();
  if (heads.length === 0) return checks;
  const repository = new CheckedRepository(client);
  const own = { appId: client.appId, ownCheck };
  const wanted = (await repository.required(branch)).filter((check) => !isOwn(own, check));
  await concurrently(new Set(heads), MOST_AT_ONCE, async (head) => {
    const { results } = await repository.results(head);
    const reported = latestOf(resultsOfAttempt(EVER, results)).filter(
      ({ name, appId: app }) => !isOwn(own, { name, app }),
    );
    checks.set(head, factsOf(wanted, reported));
  });
  return checks;
}

function factsOf(wanted: readonly WantedCheck[], reported: readonly CheckResult[]): readonly CheckFact[] {
  if (wanted.length === 0) return reported.map((result) => ({ name: result.name, state: stateOf([result]) }));
  return wanted.map((check) => ({
    name: check.name,
    state: stateOf(reported.filter((result) => isWanted(check, result))),
  }));
}

/** Of the check runs of one name and App the newest alone: the others were run again. */
const latestOf = (results: readonly CheckResult[]): readonly CheckResult[] =>
  results.filter(
    (result) =>
      !results.some(
        (other) =>
          other.kind === result.kind &&
          other.name === result.name &&
          other.appId === result.appId &&
          other.id > result.id,
      ),
  );

function stateOf(results: readonly CheckResult[]): CheckFact["state"] {
  if (results.length === 0) return "missing";
  if (results.some(({ end }) => end !== undefined && !PASSING.includes(end.conclusion))) return "failed";
  return results.some(({ end }) => end === undefined) ? "pending" : "passed";
}
