import { GitSha, type QueueName } from "../../contracts/ids.ts";
import type { Finding } from "./build-runner.ts";
import { listed } from "./github-checks-message.ts";
import type { CheckedRepository } from "./github-checks-repository.ts";
import { type CheckResult, isWanted, type WantedCheck } from "./github-checks-verdict.ts";

/** How many commits of the trunk, and how many branches of builds, are looked at for reports of a check. */
const MOST_COMMITS = 8;

export interface PreflightOptions {
  readonly queue: QueueName;
  /** The queue's target branch. */
  readonly trunk: string;
  readonly wanted: readonly WantedCheck[];
}

/**
 * Whether a queue's builds can come to a verdict on GitHub: the credentials may push branches, no branch is in the way, and each check
 * that a build waits for has reported on some commit: one of the given, of the trunk's last, or of a branch below `submitqueue/`. Five calls
 * and two per commit that is looked at, until each check was seen. Throws as the repository does.
 */
export async function preflightOf(
  repository: CheckedRepository,
  { queue, trunk, wanted }: PreflightOptions,
  commits: readonly GitSha[],
): Promise<readonly Finding[]> {
  const { owner, repo } = repository.client;
  const pushes = await repository.mayPush();
  const findings: Finding[] = [pushFinding(`${owner}/${repo}`, pushes)];
  const builds = await repository.branches("submitqueue");
  if (builds.some(({ branch }) => branch === "submitqueue"))
    findings.push({
      kind: "problem",
      sentence: `${owner}/${repo} has a branch submitqueue, so git can keep no branch submitqueue/${queue}/… beside it. Rename the branch submitqueue.`,
    });
  const recent = [
    ...commits,
    ...(await repository.commits(trunk, MOST_COMMITS)),
    ...builds.slice(0, MOST_COMMITS).map(({ sha }) => sha),
  ];
  const seen = await reportsOn(repository, wanted, recent);
  return [...findings, ...wanted.map((check) => checkFinding(check, seen, { queue, trunk }))];
}

/** What was reported about the commits, up to the first after which each check was seen. */
async function reportsOn(
  repository: CheckedRepository,
  wanted: readonly WantedCheck[],
  commits: readonly string[],
): Promise<readonly CheckResult[]> {
  const seen: CheckResult[] = [];
  for (const commit of new Set(commits)) {
    if (wanted.every((check) => seen.some((result) => isWanted(check, result)))) break;
    seen.push(...(await repository.results(GitSha.parse(commit))).results);
  }
  return seen;
}

function pushFinding(repository: string, pushes: boolean | undefined): Finding {
  if (pushes === true) return { kind: "ok", sentence: `The credentials may push branches to ${repository}.` };
  if (pushes === undefined)
    return {
      kind: "unknown",
      sentence: `GitHub does not say whether the credentials may push to ${repository}. Give them contents: write.`,
    };
  return {
    kind: "problem",
    sentence: `The credentials may not push branches to ${repository}: give the GitHub App, or the token, contents: write.`,
  };
}

function checkFinding(
  check: WantedCheck,
  seen: readonly CheckResult[],
  { queue, trunk }: Pick<PreflightOptions, "queue" | "trunk">,
): Finding {
  const { name, app } = check;
  const who = app === undefined ? name : `${name} (of the App ${app})`;
  if (seen.some((result) => isWanted(check, result))) return { kind: "ok", sentence: `The check ${who} reports.` };
  const others = [...new Set(seen.map((result) => result.name))].filter((other) => other !== name);
  const byAnother = seen.find((result) => result.name === name);
  if (byAnother !== undefined)
    return {
      kind: "problem",
      sentence: `The queue would wait for the check ${who}, which is reported by ${byAnother.appSlug ?? "another"}: correct the App in the rules of ${trunk}, or in checks.`,
    };
  return {
    kind: "problem",
    sentence: `The queue would wait for the check ${who}, which has reported on none of the last commits of ${trunk}${others.length === 0 ? "" : ` (those that have: ${listed(others)})`}. Correct its name, or have CI run on pushes to submitqueue/** and try it once: git push origin origin/${trunk}:refs/heads/submitqueue/${queue}/try`,
  };
}
