import { cut } from "../../contracts/text.ts";
import { type BuildId, type BuildStatus, MAX_MESSAGE } from "./build-runner.ts";
import type { CheckedRepository } from "./github-checks-repository.ts";
import type { CheckResult, ChecksVerdict, WantedCheck } from "./github-checks-verdict.ts";

type Finished = Extract<BuildStatus, { kind: "finished" }>;

/** How many lines are quoted of what a failed check says about files. */
const MOST_LINES = 5;
const SHOWN = 5;

/** The end of a build by its checks. One call more for a failed check run, for what it says about files. */
export async function decided(
  repository: CheckedRepository,
  { result, by }: Extract<ChecksVerdict, { kind: "finished" }>,
  page: string,
): Promise<Finished> {
  const [first, ...others] = by;
  const url = (result === "passed" ? undefined : first?.url) ?? page;
  if (result === "passed" || first === undefined) return { kind: "finished", result, url };
  const more = others.length === 0 ? "" : ` So did ${listed(others.map(({ name }) => name))}.`;
  const said = first.title === undefined || first.title === first.end?.conclusion ? "" : `: ${first.title}`;
  const lines = result === "failed" && first.kind === "check" ? await repository.annotations(first.id, MOST_LINES) : [];
  const message = [`The check ${named(first)} ended with ${first.end?.conclusion}${said}.${more}`, ...lines].join("\n");
  return { kind: "finished", result, message: cut(message, MAX_MESSAGE), url };
}

export const stoppedByQueue = ({ id }: BuildId, url: string): Finished => ({
  kind: "finished",
  result: "cancelled",
  message:
    id === undefined
      ? "The build was cancelled before its branch was pushed."
      : "The build was cancelled and its branch deleted. A CI system that does not watch for that may go on.",
  url,
});

export const gone = ({ id, key }: BuildId, branch: string, url: string): Finished => ({
  kind: "finished",
  result: "infrastructure",
  message:
    id === undefined
      ? `No branch was ever pushed for the build ${key}.`
      : `The branch ${branch} is gone, and not all checks have reported. Leave branches below submitqueue/ to the queue.`,
  url,
});

interface Unstarted {
  readonly build: BuildId;
  readonly missing: readonly WantedCheck[];
  /** All that was reported about this attempt. */
  readonly attempt: readonly CheckResult[];
  readonly startWithinSeconds: number;
}

/** With one of these in the message of a commit, Actions and most other CI systems start nothing. */
const SKIP = /\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: *true$/im;

/** The end of a build of which a check was never reported: the name of the check, and the usual cause. One call. */
export async function neverStarted(
  repository: CheckedRepository,
  { build, missing, attempt, startWithinSeconds }: Unstarted,
  url: string,
): Promise<Finished> {
  const names = listed(missing.map(({ name, app }) => (app === undefined ? name : `${name} (of the App ${app})`)));
  const what = `Nothing was reported for ${missing.length === 1 ? "the check" : "the checks"} ${names} within ${startWithinSeconds} seconds.`;
  const [skip] = SKIP.exec(await repository.message(build.commit)) ?? [];
  const others = attempt.filter(({ name }) => !missing.some((check) => check.name === name)).map(({ name }) => name);
  const wrongApp = attempt.find(({ name }) => missing.some((check) => check.name === name));
  const why =
    skip !== undefined
      ? `The message of the commit holds ${skip}, with which CI systems start nothing: take it out of the change's commit message.`
      : wrongApp !== undefined
        ? `${named(wrongApp)} reported it instead: correct the App in the rules of the branch or in \`checks\`.`
        : `Likely causes: the workflow is not started by pushes to submitqueue/** (Actions: on: push: branches: ['submitqueue/**']), a path filter leaves the changed files out, or the check has another name${others.length === 0 ? "" : ` (reported were ${listed([...new Set(others)])})`}.`;
  return { kind: "finished", result: "infrastructure", message: cut(`${what} ${why}`, MAX_MESSAGE), url };
}

const named = ({ name, appSlug }: CheckResult): string => (appSlug === undefined ? name : `${name} (${appSlug})`);

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).join(", ");
  return names.length > SHOWN ? `${shown} and ${names.length - SHOWN} more` : shown;
}
