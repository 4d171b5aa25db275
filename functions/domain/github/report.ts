import type { RequestSummary, Why } from "../../contracts/api.ts";
import type { Asked } from "../../contracts/github.ts";
import type { Status } from "../../contracts/log-event.ts";
import type { ReasonCode } from "../../contracts/reasons.ts";
import { cut } from "../../contracts/text.ts";
import { LAND_AGAIN } from "./meaning.ts";

/** The state of a request in one word: what the check run and the comment go by. They are written when it changes. */
export type Word =
  | "waiting"
  | "queued"
  | "building"
  | "passed"
  | "landing"
  | "cancelling"
  | "landed"
  | "failed"
  | "cancelled";

/** What a report is made of. */
export interface Facts {
  readonly request: RequestSummary;
  readonly why: Why;
  readonly asked: Asked;
  /** The address of the request's page; undefined when there is none. */
  readonly page: string | undefined;
  /** The pull requests of other requests, by sqid. */
  readonly pulls: ReadonlyMap<string, number>;
}

export interface CheckReport {
  readonly status: "queued" | "in_progress" | "completed";
  readonly conclusion?: "success" | "failure" | "cancelled";
  readonly title: string;
  readonly summary: string;
  readonly actions: readonly { readonly label: string; readonly description: string; readonly identifier: string }[];
}

/** The same for every request with these facts. */
export function wordOf({ status, builds, blocker }: Pick<Why, "status" | "builds" | "blocker">): Word {
  const ends: Partial<Record<Status, Word>> = {
    landed: "landed",
    error: "failed",
    cancelled: "cancelled",
    cancelling: "cancelling",
    landing: "landing",
  };
  const end = ends[status];
  if (end !== undefined) return end;
  if (status === "speculated") return "passed";
  if (blocker === "review" || blocker === "checks") return "waiting";
  if (builds.length === 0) return "queued";
  // Of a build that has failed it is not decided yet what becomes of the request: another may be on its way.
  const outcomes = builds.map(({ outcome }) => outcome);
  return !outcomes.includes("unfinished") && outcomes.includes("passed") ? "passed" : "building";
}

const TITLES: Readonly<Record<Word, string>> = {
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

/** GitHub's limit of a check run's summary, and of a comment, in characters; the rest is left for what is added around. */
const MOST_TEXT = 60_000;

/** The check run on the head commit. */
export function checkOf(facts: Facts): CheckReport {
  const word = wordOf(facts.why);
  const commit = commitOf(facts.request);
  const title = word === "landed" && commit !== undefined ? `Landed as ${commit.slice(0, 10)}` : TITLES[word];
  const summary = cut(paragraphs([`**${title}** (${linked(facts)})`, sentenceOf(facts), builds(facts)]), MOST_TEXT);
  const again = { label: "Land again", description: "Put it back into the queue", identifier: LAND_AGAIN };
  switch (word) {
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

export const stickyMarker = (queue: string): string => `<!-- submitqueue:${queue} -->`;
export const endMarker = (sqid: string): string => `<!-- submitqueue:end:${sqid} -->`;
export const replyMarker = (key: string): string => `<!-- submitqueue:reply:${key} -->`;

/** The one comment of a pull request that is kept up to date. No positions and no percentages: GitHub notifies no user of an edit. */
export function stickyOf(facts: Facts): string {
  const { asked, request, why } = facts;
  const word = wordOf(why);
  const commit = commitOf(request);
  const lines = [
    stickyMarker(request.queue),
    `**${word === "landed" && commit !== undefined ? `Landed as ${commit}` : TITLES[word]}** in \`${request.queue}\` (${linked(facts)}), asked for by ${plain(asked.by)}.`,
    sentenceOf(facts),
    ...(asked.members.length > 1 ? [`Lands together, in this order: ${list(asked)}.`] : []),
    builds(facts),
    ...(request.ended ? [] : ["Comment `/cancel` to take it out of the queue, `/why` for what it waits for."]),
  ];
  return cut(paragraphs(lines), MOST_TEXT);
}

/** A new comment, of an end that is not a landing: GitHub notifies no user of an edit. Undefined for a landing, and before an end. */
export function endCommentOf(facts: Facts): string | undefined {
  const { request, asked } = facts;
  if (!request.ended || request.status === "landed") return undefined;
  const { code = "internal", message = "No reason was given." } = request.reason ?? {};
  const failed = facts.why.builds.findLast(({ outcome, url }) => outcome === "failed" && url !== undefined);
  const what = request.status === "cancelled" ? "was cancelled" : "did not land";
  const inTheWay = blamed(message, facts);
  const lines = [
    endMarker(request.sqid),
    `@${asked.by}, this pull request ${what} (\`${code}\`, ${linked(facts)}).`,
    quoted(named(message, facts)),
    ...(failed?.url === undefined ? [] : [`The build that decided: ${failed.url}`]),
    ...(inTheWay.length === 0 ? [] : [`In the way: ${inTheWay.map((pull) => `#${pull}`).join(", ")}.`]),
    `**Next:** ${NEXT[code] ?? AGAIN}`,
  ];
  return cut(lines.join("\n\n"), MOST_TEXT);
}

/** The comment of a landing on a pull request that the queue closes, since GitHub does not mark it as merged. */
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

const AGAIN = "comment `/land` to try again.";
const REBASE = "bring the branch up to date with the target branch, push, and comment `/land` again.";

/** What a person can do about an end. */
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

/** Empty where it says no more than the title. */
const sentenceOf = (facts: Facts): string =>
  facts.why.sentence === `Landed as commit ${commitOf(facts.request)}.` ? "" : named(facts.why.sentence, facts);

/** The texts as paragraphs of Markdown. Empty texts are left out. */
const paragraphs = (texts: readonly string[]): string => texts.filter((text) => text !== "").join("\n\n");

/** Requests in a text, with the pull requests that they are of. Example: `main/12` is `#40 (main/12)`. */
function named(text: string, { pulls, request }: Facts): string {
  const [queue = ""] = request.sqid.split("/");
  const sqids = new RegExp(`(?<![\\w/])${queue.replaceAll(/[.\\-]/g, "\\$&")}/\\d+(?![\\w/])`, "g");
  return text.replaceAll(sqids, (sqid) => {
    const pull = pulls.get(sqid);
    return pull === undefined || sqid === request.sqid ? sqid : `#${pull} (${sqid})`;
  });
}

/** The pull requests that a message, or the explanation, names as in the way. */
function blamed(message: string, { pulls, request, why }: Facts): readonly number[] {
  const texts = [message, ...(why.on ?? [])];
  const found = [...pulls].filter(([sqid]) => sqid !== request.sqid && texts.some((text) => text.includes(sqid)));
  return [...new Set(found.map(([, pull]) => pull))];
}

/** What a report names of other requests: their pull requests are to be looked up. */
export function sqidsIn({ request, why }: Pick<Facts, "request" | "why">): readonly string[] {
  const [queue = ""] = request.sqid.split("/");
  const text = [why.sentence, request.reason?.message ?? "", ...(why.on ?? [])].join(" ");
  const sqids = new RegExp(`(?<![\\w/])${queue.replaceAll(/[.\\-]/g, "\\$&")}/\\d+(?![\\w/])`, "g");
  return [...new Set(text.match(sqids) ?? [])].filter((sqid) => sqid !== request.sqid).slice(0, 20);
}

/** The builds, as a table with links. Empty when there is none. */
function builds({ why }: Facts): string {
  const rows = why.builds.slice(-20).map(({ outcome, url, at, buildKey }) => {
    const shown = url === undefined ? `\`${buildKey.slice(0, 8)}\`` : `[build](${url})`;
    return `| ${at} | ${outcome} | ${shown} |`;
  });
  return rows.length === 0 ? "" : ["| began | outcome | build |", "|---|---|---|", ...rows].join("\n");
}

const list = ({ members }: Asked): string => members.map(({ pull }) => `#${pull}`).join(", ");

/** Text from outside the queue, as a block that formats nothing and mentions no user. */
function quoted(text: string): string {
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return text.includes("\n") || /[@<`*_[\]]/.test(text) ? `${fence}text\n${text}\n${fence}` : `> ${text}`;
}

/** A login that does not mention its user. */
const plain = (login: string): string => `\`${login}\``;
