import type { GitSha } from "../../contracts/ids.ts";
import type { CheckFact } from "../../domain/pull-request.ts";
import { CheckedRepository } from "../build-runner/github-checks-repository.ts";
import { type CheckResult, isOwn, isWanted, resultsOfAttempt } from "../build-runner/github-checks-verdict.ts";
import type { GitHubClient } from "./client.ts";

/** Every result of a commit, old or new. */
const EVER = { since: 0 as never, ids: { check: 0, status: 0 } };

const PASSING: readonly string[] = ["success", "neutral", "skipped"];

/**
 * The checks of a pull request's head that count: those that GitHub requires on the branch, or all that were reported where it requires
 * none. The queue's own check is none of them. A check run and a status of one name both have to pass, as GitHub has it. Four calls, more
 * for a commit with over a hundred results. Throws runner.unavailable, config.invalid.
 */
export async function pullChecks(client: GitHubClient, head: GitSha, branch: string): Promise<readonly CheckFact[]> {
  const repository = new CheckedRepository(client);
  const [required, { results }] = await Promise.all([repository.required(branch), repository.results(head)]);
  const latest = latestOf(resultsOfAttempt(EVER, results)).filter(
    ({ name, appId: app }) => !isOwn(client.appId, { name, app }),
  );
  const wanted = required.filter((check) => !isOwn(client.appId, check));
  if (wanted.length === 0) return latest.map((result) => ({ name: result.name, state: stateOf([result]) }));
  return wanted.map((check) => ({
    name: check.name,
    state: stateOf(latest.filter((result) => isWanted(check, result))),
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
