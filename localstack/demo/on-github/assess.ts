import type { IssueComment, PullRequest } from "../../fakes/github/records.ts";
import type { RepositoryState } from "../../fakes/github/state.ts";
import type { TrunkReport } from "../proof.ts";
import type { Expected, PullPlan } from "./plan.ts";

const CHECK = "Submitqueue";
const BOT = "submitqueue[bot]";

/** A pull request of the demo, and the commit that it was to land. */
export interface Played {
  readonly plan: PullPlan;
  readonly pull: PullRequest;
  readonly head: string;
}

/** A pull request as GitHub shows it. */
export interface Shown {
  readonly number: number;
  readonly title: string;
  readonly state: "open" | "merged" | "closed, landed" | "closed";
  /** The conclusion of the queue's check, and its title. Undefined when there is none. */
  readonly check: { readonly conclusion: string | null; readonly title: string | null } | undefined;
  /** The comment that is kept up to date, and those that tell of an end. */
  readonly kept: readonly IssueComment[];
  readonly ends: readonly IssueComment[];
}

export function shownOf(
  { comments, checkRuns }: RepositoryState,
  { pull, head }: Pick<Played, "pull" | "head">,
): Shown {
  const ours = comments.filter(({ issue, by }) => issue === pull.number && by === BOT);
  const isEnd = ({ body }: IssueComment) => body.startsWith("<!-- submitqueue:end:");
  const check = checkRuns.find(({ sha, name }) => sha === head && name === CHECK);
  const closed = pull.labels.has("landed") ? "closed, landed" : "closed";
  return {
    number: pull.number,
    title: pull.title,
    state: pull.state === "open" ? "open" : pull.mergedAt === null ? closed : "merged",
    check: check && { conclusion: check.conclusion, title: check.title },
    kept: ours.filter((comment) => !isEnd(comment)),
    ends: ours.filter(isEnd),
  };
}

/** True when GitHub shows the end of the request, of any kind. */
export function isTold({ check, ends, state }: Shown): boolean {
  if (check?.conclusion === "success") return state !== "open";
  return check !== undefined && check.conclusion !== null && ends.length > 0;
}

const CONCLUSIONS: Readonly<Record<Expected, string>> = {
  landed: "success",
  "build.failed": "failure",
  "merge.conflict": "failure",
  "cancelled.by_caller": "cancelled",
};

/** What GitHub shows of a pull request otherwise than it should, a sentence each. Empty when all is well. */
export function surprisesOf(repository: RepositoryState, played: Played): readonly string[] {
  const { plan } = played;
  const { number, title, state, check, kept, ends } = shownOf(repository, played);
  const found: string[] = [];
  const wrong = (what: string) => found.push(`#${number} (${title}) ${what}.`);
  if (check?.conclusion !== CONCLUSIONS[plan.expected])
    wrong(
      `should have a check that ends as ${CONCLUSIONS[plan.expected]}, and it is ${check?.conclusion ?? "not there"}`,
    );
  if (kept.length !== 1) wrong(`should have one comment that is kept up to date, and has ${kept.length}`);
  if (plan.expected === "landed") {
    if (state !== "merged" && state !== "closed, landed") wrong(`should be closed as landed, and is ${state}`);
    if (ends.length !== (state === "merged" ? 0 : 1))
      wrong(`should be told once that it landed, and was ${ends.length} times`);
    if (kept.some(({ body }) => !body.includes("Landed as"))) wrong("should say as which commit it landed");
  } else {
    if (state !== "open") wrong(`should still be open, and is ${state}`);
    const [end] = ends;
    if (ends.length !== 1 || end === undefined) wrong(`should be told its end once, and was ${ends.length} times`);
    else if (
      !end.body.includes(`@ann, this pull request`) ||
      !end.body.includes(plan.expected) ||
      !end.body.includes("**Next:**")
    )
      wrong(`should be told @ann, ${plan.expected} and what to do next`);
  }
  return found;
}

/** What of the trunk is not as it should be. */
export function trunkSurprises({ commits }: TrunkReport, requests: number): readonly string[] {
  const points = commits.filter(({ point }) => point);
  const failing = points.filter(({ passed }) => passed !== true);
  return [
    ...failing.map(
      ({ sha, subject }) => `The check fails at ${sha.slice(0, 10)} (${subject}), a commit point of the trunk.`,
    ),
    ...(points.length === requests
      ? []
      : [`${requests} requests landed, and the trunk has ${points.length} commit points.`]),
  ];
}
