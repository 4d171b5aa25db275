import type { RequestSummary, Why } from "../../contracts/api/request-views.ts";
import type { Asked } from "../../contracts/github.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { Status } from "../../contracts/log-event.ts";
import type { ReasonCode } from "../../contracts/reasons.ts";
import { cut } from "../../contracts/text.ts";
import { estimateSentence } from "../explain.ts";
import { LAND_AGAIN } from "./meaning.ts";

/**
 * The state of a request as its pull request shows it. The check run and the status comment are rewritten only when this state changes, or
 * when a user comments `/status`, so that a request costs few calls of GitHub.
 */
export type ReportState =
  | "waiting"
  | "queued"
  | "building"
  | "passed"
  | "landing"
  | "cancelling"
  | "landed"
  | "failed"
  | "cancelled";

/** What a report on a request is made of. */
export interface Facts {
  readonly request: RequestSummary;
  readonly why: Why;
  /** What was asked for: by whom, and which pull requests of the stack. */
  readonly asked: Asked;
  /** The address of the request's page. Undefined when the installation has no page. */
  readonly page: string | undefined;
  /** The numbers of the pull requests of other requests, by sqid. For a stack: the uppermost pull request. */
  readonly pulls: ReadonlyMap<string, number>;
}

/** The check run of a request, in GitHub's terms. `conclusion` is set when `status` is completed. `actions` are buttons on the check run. */
export interface CheckReport {
  readonly status: "queued" | "in_progress" | "completed";
  readonly conclusion?: "success" | "failure" | "cancelled";
  readonly title: string;
  readonly summary: string;
  readonly actions: readonly { readonly label: string; readonly description: string; readonly identifier: string }[];
}

/**
 * The state that is shown for a request: by its status, and while it is in the queue, by its blocker and builds. An end that only a newer
 * gateway knows is shown as one without a landing.
 */
export function stateOf({
  status,
  ended,
  builds,
  blocker,
}: Pick<Why, "status" | "ended" | "builds" | "blocker">): ReportState {
  const ends: Partial<Record<Status, ReportState>> = {
    landed: "landed",
    error: "failed",
    cancelled: "cancelled",
    cancelling: "cancelling",
    landing: "landing",
  };
  const end = ends[status];
  if (end !== undefined) return end;
  if (ended) return "failed";
  if (status === "speculated") return "passed";
  if (blocker === "review" || blocker === "checks") return "waiting";
  if (builds.length === 0) return "queued";
  // A request with a failed build shows as building: another build may be about to start.
  const outcomes = builds.map(({ outcome }) => outcome);
  return !outcomes.includes("unfinished") && outcomes.includes("passed") ? "passed" : "building";
}

const TITLES: Readonly<Record<ReportState, string>> = {
  waiting: "Waiting, not in the queue yet",
  queued: "Queued",
  building: "Building",
  passed: "Passed, waiting to land",
  landing: "Landing",
  cancelling: "Being cancelled",
  landed: "Landed",
  failed: "Did not land",
  cancelled: "Cancelled",
};

/** The most characters of a text. GitHub takes 65,535 in a comment or in the summary of a check run; the rest is left for what is added around. */
const MOST_TEXT = 60_000;

/** The check run on the head commit of the pull request. It has the button "Land again" when the request ended otherwise than by landing. */
export function checkOf(facts: Facts): CheckReport {
  const state = stateOf(facts.why);
  const commit = commitOf(facts.request);
  const title = state === "landed" && commit !== undefined ? `Landed as ${commit.slice(0, 10)}` : TITLES[state];
  const summary = cut(paragraphs([`**${title}** (${linked(facts)})`, sentenceOf(facts), builds(facts)]), MOST_TEXT);
  const again = { label: "Land again", description: "Put the change back into the queue", identifier: LAND_AGAIN };
  switch (state) {
    case "waiting":
    case "queued":
      return { status: "queued", title, summary, actions: [] };
    case "landed":
      return { status: "completed", conclusion: "success", title, summary, actions: [] };
    case "failed":
      return { status: "completed", conclusion: "failure", title, summary, actions: [again] };
    case "cancelled":
      return { status: "completed", conclusion: "cancelled", title, summary, actions: [again] };
    default:
      return { status: "in_progress", title, summary, actions: [] };
  }
}

// A marker is the first line of a comment: an HTML comment, which GitHub does not show, and by which the queue finds its own comment again.

/** The marker of the status comment: one per pull request and queue. */
export const stickyMarker = (queue: string): string => `<!-- submitqueue:${queue} -->`;
/** The marker of the comment about the end of a request. */
export const endMarker = (sqid: string): string => `<!-- submitqueue:end:${sqid} -->`;
/** The marker of a reply. `key` names what is replied to, such as `gh-<comment id>`. */
export const replyMarker = (key: string): string => `<!-- submitqueue:reply:${key} -->`;

/** The status comment: the one comment of a pull request that is rewritten as the request gets on. GitHub notifies no user of a rewrite. */
export function stickyOf(facts: Facts): string {
  const { asked, request, why } = facts;
  const state = stateOf(why);
  const commit = commitOf(request);
  const lines = [
    stickyMarker(request.queue),
    `**${state === "landed" && commit !== undefined ? `Landed as ${commit}` : TITLES[state]}** in \`${request.queue}\` (${linked(facts)})${asked.by === undefined ? "" : `, asked for by ${plain(asked.by)}`}.`,
    sentenceOf(facts),
    ...(asked.members.length > 1 ? [`Lands together, in this order: ${list(asked)}.`] : []),
    builds(facts),
    ...(request.ended
      ? []
      : ["Comment `/cancel` to take the pull request out of the queue, `/why` for what it waits for."]),
  ];
  return cut(paragraphs(lines), MOST_TEXT);
}

/**
 * The comment that says why a request has failed or was cancelled, and what to do next. It is a new comment, because GitHub notifies no user
 * of a rewritten one. Undefined when the request has landed or has not ended.
 */
export function endCommentOf(facts: Facts): string | undefined {
  const { request, asked } = facts;
  if (!request.ended || request.status === "landed") return undefined;
  const { code = "internal", message = "No reason was given." } = request.reason ?? {};
  const failed = facts.why.builds.findLast(({ outcome, url }) => outcome === "failed" && url !== undefined);
  const what = request.status === "cancelled" ? "was cancelled" : "did not land";
  const inTheWay = blamed(message, facts);
  const lines = [
    endMarker(request.sqid),
    `${asked.by === undefined ? "This" : `@${asked.by}, this`} pull request ${what} (\`${code}\`, ${linked(facts)}).`,
    quoted(named(message, facts)),
    ...(failed?.url === undefined ? [] : [`The build that decided: ${failed.url}`]),
    ...(inTheWay.length === 0 ? [] : [`In the way: ${inTheWay.map((pull) => `#${pull}`).join(", ")}.`]),
    `**Next:** ${NEXT[code] ?? AGAIN}`,
  ];
  return cut(lines.join("\n\n"), MOST_TEXT);
}

/** The comment on a pull request that has landed and that the queue closes, since GitHub does not mark it as merged. `branch`: the trunk. */
export function landedCommentOf(facts: Facts, pull: number, branch: string): string {
  const { request, asked } = facts;
  const commit = commitOf(request);
  const top = asked.members.at(-1)?.pull;
  const together = top === undefined || top === pull ? "" : ` together with #${top}`;
  const what =
    commit === undefined
      ? `Nothing was left to land: \`${branch}\` held all of it already`
      : `Landed as ${commit} on \`${branch}\`${together}`;
  return `${endMarker(request.sqid)}\n${what} (${linked(facts)}).`;
}

/**
 * The comment on a pull request that has landed with `head`, and that was pushed to since: the newer commits did not land, so the pull request
 * stays open.
 */
export const pushedSinceCommentOf = (facts: Facts, pull: number, branch: string, head: GitSha): string =>
  `${landedCommentOf(facts, pull, branch)}

That was ${head.slice(0, 10)}. The branch was pushed to since, and what was pushed has not landed, so the pull request stays open: comment \`/land\` to land the rest.`;

const AGAIN = "comment `/land` to try again.";
const REBASE = "bring the branch up to date with the target branch, push, and comment `/land` again.";

/** What a person can do after a request has ended for this reason. AGAIN for the other reasons. */
const NEXT: Partial<Record<ReasonCode, string>> = {
  "cancelled.by_caller": "comment `/land` when it is to land after all.",
  "change.duplicate": "this commit is in the queue already: wait for that request, or cancel it.",
  "change.not_found": "the commit is gone from the branch: comment `/land` on what the branch holds now.",
  "change.closed": "reopen the pull request, and comment `/land` again.",
  "change.draft": "mark the pull request as ready for review, and comment `/land` again.",
  "change.wrong_base": "change the base of the pull request, and comment `/land` again.",
  "change.not_reviewed": "get a review that approves it, and comment `/land` again.",
  "change.changes_requested": "do what the reviewer asked for, push, and comment `/land` again.",
  "change.checks_failed": "mend what fails, or run the check again, and comment `/land` again.",
  "change.stale": "look at the commits that were pushed since, and comment `/land` again.",
  "merge.conflict": REBASE,
  "merge.invalid": REBASE,
  "build.failed":
    "mend what fails, push, and comment `/land` again; when the failure has nothing to do with the change, press “Land again” on the check.",
  "build.timed_out": "make the build faster, or press “Land again” on the check when it only hung.",
  "build.infrastructure": "the CI system failed, and not the change: press “Land again” on the check.",
  "push.declined":
    "the host's rules refuse what the change puts onto the branch: change it, push, and comment `/land` again.",
  "repository.refused":
    "the host refuses the queue itself: the queue's operators have to look (`submitqueue github doctor`).",
};

const commitOf = ({ metadata }: RequestSummary): string | undefined =>
  typeof metadata["commit"] === "string" ? metadata["commit"] : undefined;

/** The name of the request, as a link where there is a page. */
const linked = ({ request, page }: Facts): string =>
  page === undefined ? `request \`${request.sqid}\`` : `[request ${request.sqid}](${page})`;

/**
 * The sentence about the request. Empty when the title says the same. Without the time left: the report may not be rewritten for hours.
 */
function sentenceOf(facts: Facts): string {
  const { sentence, estimateSeconds } = facts.why;
  if (sentence === `Landed as commit ${commitOf(facts.request)}.`) return "";
  const timeLeft = estimateSeconds === undefined ? "" : estimateSentence(estimateSeconds);
  return named(sentence.replace(timeLeft, "").trimEnd(), facts);
}

/** The texts as paragraphs of Markdown. Empty texts are left out. */
const paragraphs = (texts: readonly string[]): string => texts.filter((text) => text !== "").join("\n\n");

/** The sqids of the request's queue in a text. Example: in queue `main`, `main/1` is found in "see main/1.", and not in "main/12" or "x/main/1". */
function sqidPattern({ sqid }: RequestSummary): RegExp {
  const [queue = ""] = sqid.split("/");
  return new RegExp(`(?<![\\w/])${queue.replaceAll(/[.\\-]/g, "\\$&")}/\\d+(?![\\w/])`, "g");
}

/** The text with the number of its pull request before each other request. Example: `main/12` becomes `#40 (main/12)`. */
function named(text: string, { pulls, request }: Facts): string {
  return text.replaceAll(sqidPattern(request), (sqid) => {
    const pull = pulls.get(sqid);
    return pull === undefined || sqid === request.sqid ? sqid : `#${pull} (${sqid})`;
  });
}

/** The numbers of the pull requests whose requests the message names, or which the request waited for (`Why.on`). Each once. */
function blamed(message: string, { pulls, request, why }: Facts): readonly number[] {
  const sqids = [...(message.match(sqidPattern(request)) ?? []), ...(why.on ?? [])];
  return [...new Set(sqids.filter((sqid) => sqid !== request.sqid).flatMap((sqid) => pulls.get(sqid) ?? []))];
}

/** The other requests that a report on this request names: sqids, each once, at most 20. The caller looks up their pull requests. */
export function sqidsIn({ request, why }: Pick<Facts, "request" | "why">): readonly string[] {
  const text = [why.sentence, request.reason?.message ?? "", ...(why.on ?? [])].join(" ");
  return [...new Set(text.match(sqidPattern(request)) ?? [])].filter((sqid) => sqid !== request.sqid).slice(0, 20);
}

/** The last 20 builds as a table with links, each with the time of its outcome. Empty when there is none. */
function builds({ why }: Facts): string {
  const rows = why.builds.slice(-20).map(({ outcome, url, at, buildKey }) => {
    const shown = url === undefined ? `\`${buildKey.slice(0, 8)}\`` : `[build](${url})`;
    return `| ${at} | ${outcome} | ${shown} |`;
  });
  return rows.length === 0 ? "" : ["| at | outcome | build |", "|---|---|---|", ...rows].join("\n");
}

const list = ({ members }: Asked): string => members.map(({ pull }) => `#${pull}`).join(", ");

/** The text as a block of Markdown in which GitHub formats nothing and mentions no user. */
function quoted(text: string): string {
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return text.includes("\n") || /[@<`*_[\]~]|^\s*(?:[#>+=-]|\d+[.)])/.test(text)
    ? `${fence}text\n${text}\n${fence}`
    : `> ${text}`;
}

/** The login of a user, written so that GitHub does not notify the user. */
const plain = (login: string): string => `\`${login}\``;
