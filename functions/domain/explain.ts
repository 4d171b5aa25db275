import type { BuildOutcome } from "../contracts/api/request-views.ts";
import { BuildKey, type Sqid } from "../contracts/ids.ts";
import { type Blocker, hasEnded, type LogEvent, type StatusEvent } from "../contracts/log-event.ts";
import type { RedTrunk } from "../contracts/messages/log-messages.ts";
import type { QueueMode } from "../contracts/queues.ts";
import type { EpochMs } from "../contracts/time.ts";
import { type BuildState, foldProgress, NO_PROGRESS, type Progress, sqidsOf, standingBlock } from "./progress.ts";
import { endReasonOf, inHistoryOrder, metadataOf, type Summary, stampOf } from "./request-log.ts";

/** What the explanation of a waiting request needs to know of its queue. */
export interface QueueFacts {
  /** How many builds may run at once. Undefined when the queue is not configured any more. */
  readonly budget: number | undefined;
  readonly mode: QueueMode;
  /** The note that the operator gave when the queue was paused or drained. */
  readonly note?: string | undefined;
  /** Set while the target branch fails by itself. */
  readonly red?: RedTrunk | undefined;
  /** The estimated time until the request lands. Undefined when the queue has landed too few requests to tell. */
  readonly estimateSeconds?: number | undefined;
}

/** A build in an explanation. */
interface ExplainedBuild {
  readonly buildKey: BuildKey;
  readonly outcome: BuildOutcome;
  readonly url?: string;
  /** The time of the log entry that `outcome` comes from. For a build that is not in the request's own log: the time of the request's end. */
  readonly at: EpochMs;
}

/** Why a request has its status. */
export interface Explanation {
  /** What the request waits for. Absent when the log does not tell, and when the request has ended. */
  readonly blocker?: Blocker;
  /** The requests that the request waits for. Absent when it waits for no other request. */
  readonly on?: readonly Sqid[];
  /** Since when the request waits for `blocker`. Without a blocker: since when it has its status. */
  readonly since: EpochMs;
  /** In how many seconds the request will probably have landed. Absent when that can't be told (`timeLeft`). */
  readonly estimateSeconds?: number;
  /** Oldest first. Once the request has ended: only the builds that decided its end. */
  readonly builds: readonly ExplainedBuild[];
  /** The same for people: one or more sentences. */
  readonly sentence: string;
}

/**
 * Explains a request from its log entries, which may be in any order. When entries are late or missing, the explanation says less.
 *
 * Example: main/7 is speculating, and its last entry says that it passed and is blocked by main/5. The blocker is `dependency`, `on` is
 * [main/5], and the sentence says that main/5 is ahead and has to be tested together with main/7.
 */
export function explain(summary: Summary, unordered: readonly LogEvent[], queue: QueueFacts): Explanation {
  const entries = inHistoryOrder(unordered);
  const progress = entries.reduce(foldProgress, NO_PROGRESS);
  const builds = explained(progress);
  if (hasEnded(summary.status))
    return { since: summary.at, builds: deciding(summary, entries, builds), sentence: endOf(summary) };
  return { ...waitingFor(summary, progress, queue), builds };
}

/** What a request waits for that has not ended. `progress` is folded from its log entries. */
export function waitingFor(
  summary: Summary,
  progress: Progress,
  queue: QueueFacts,
): Pick<Explanation, "blocker" | "on" | "since" | "estimateSeconds" | "sentence"> {
  if (queue.budget === undefined) return { since: summary.at, sentence: queueIsGone(summary) };
  const block = blockIn(summary, progress, queue);
  const isBuilding = progress.builds.some(({ state }) => state === "running");
  const estimateSeconds = timeLeft(block, queue);
  const sentences = [
    waitOf(summary, block, isBuilding, queue),
    ...pauseBeside(summary, block, queue),
    ...redBeside(summary, block, queue),
    ...(estimateSeconds === undefined ? [] : [estimateSentence(estimateSeconds)]),
  ];
  return {
    ...(block === undefined ? {} : { blocker: block.blocker }),
    ...(block === undefined || block.on.length === 0 ? {} : { on: block.on }),
    since: block?.since ?? summary.at,
    ...(estimateSeconds === undefined ? {} : { estimateSeconds }),
    sentence: sentences.join(" "),
  };
}

/**
 * True when the blocker can delay a request of this status. In admission: `repository`, `review` and `checks`. In the queue: all but `review`,
 * `checks` and `host`. While landing: `host`. A request of any other status waits for none.
 */
function mayBlock(blocker: Blocker, { status }: Summary): boolean {
  const isOfAdmission = blocker === "review" || blocker === "checks";
  switch (status) {
    case "started":
    case "validating":
      return isOfAdmission || blocker === "repository";
    case "batching":
    case "batched":
    case "speculating":
      return !isOfAdmission && blocker !== "host";
    case "landing":
      return blocker === "host";
    default:
      return false;
  }
}

interface Block {
  readonly blocker: Blocker;
  readonly on: readonly Sqid[];
  readonly since: EpochMs;
  /** The reason of the entry that told of the blocker. */
  readonly said?: string;
}

/** The last blocker that the log tells of. Undefined when it no longer delays the request. */
function blockIn(summary: Summary, progress: Progress, { mode, red }: QueueFacts): Block | undefined {
  const told = standingBlock(progress);
  if (told === undefined || !mayBlock(told.blocker, summary)) return undefined;
  if (told.blocker === "pause" && mode !== "paused") return undefined;
  if (told.blocker === "trunk.red" && red === undefined) return undefined;
  const said = told.said === undefined ? {} : { said: told.said };
  return { blocker: told.blocker, on: sqidsOf(summary.queue, told.on), since: told.at, ...said };
}

const OUTCOMES: Readonly<Record<BuildState, BuildOutcome>> = {
  running: "unfinished",
  stopped: "stopped",
  passed: "passed",
  failed: "failed",
  retried: "retried",
};

const explained = ({ builds }: Progress): ExplainedBuild[] =>
  builds
    .map(({ buildKey, state, at, url }) => ({
      buildKey,
      outcome: OUTCOMES[state],
      ...(url === undefined ? {} : { url }),
      at,
    }))
    .toSorted((a, b) => a.at - b.at);

/**
 * The builds that decided the end of a request: those that the entry about its end names. None of a cancelled request. A build that was
 * started for another request is not in this log, so its outcome follows from how this request ended.
 */
function deciding(
  { status, stamp }: Summary,
  entries: readonly LogEvent[],
  builds: readonly ExplainedBuild[],
): readonly ExplainedBuild[] {
  const end = entries.find((entry): entry is StatusEvent => entry.kind === "status" && stampOf(entry) === stamp);
  if (end === undefined || status === "cancelled") return [];
  const keys = String(end.metadata["build_key"] ?? "").split(" ");
  return keys.flatMap((text) => {
    const key = BuildKey.safeParse(text);
    if (!key.success) return [];
    const outcome = status === "landed" ? "passed" : "failed";
    return builds.find(({ buildKey }) => buildKey === key.data) ?? { buildKey: key.data, outcome, at: end.at };
  });
}

function endOf(summary: Summary): string {
  if (summary.status !== "landed")
    return endReasonOf(summary)?.message ?? "The request has ended. No reason was given.";
  const { commit, bypassed, repair } = metadataOf(summary);
  const note = summary.reason?.message;
  const unknown = note === undefined ? " on the target branch" : "";
  const where = commit === undefined ? unknown : ` as commit ${String(commit)}`;
  const repaired = repair === true ? ", ahead of all others, since its build passed on the red target branch" : "";
  return [
    `Landed${where}${aheadOf(summary, bypassed)}${repaired}.`,
    ...(note === undefined ? [] : [note]),
    ...lateCancel(summary),
  ].join(" ");
}

/** Why the request landed ahead of the batches that `bypassed` names by their labels. Empty when there are none. */
function aheadOf({ queue }: Summary, bypassed: unknown): string {
  const ahead = typeof bypassed === "string" ? sqidsOf(queue, bypassed) : [];
  if (ahead.length === 0) return "";
  const those = ahead.length === 1 ? "that request" : "those requests";
  return `, ahead of ${listed(ahead)}: builds with and without ${those} have passed`;
}

/** The sentence about a cancel of a request that has landed. Empty when no caller cancelled the request. */
function lateCancel({ cancel }: Summary): readonly string[] {
  if (cancel === undefined) return [];
  const by = cancel.caller === undefined ? "" : ` by ${cancel.caller}`;
  return [`The cancel${by} came too late.`];
}

function waitOf(summary: Summary, block: Block | undefined, isBuilding: boolean, queue: QueueFacts): string {
  switch (summary.status) {
    case "accepted":
      return "Accepted. Processing has not started yet; the queue tries again every minute.";
    case "started":
    case "validating":
      return block ? blocked(block, queue) : "The changes are being read and merged onto the target branch on trial.";
    case "validated":
      return "The changes are valid. The request is about to join the queue.";
    case "cancelling":
      return "Being cancelled. The request ends once its builds have stopped. If it had started landing, it may still land.";
    case "speculated":
    case "landing":
      return block ? blocked(block, queue) : "Passed. The request is being landed.";
    default:
      if (block) return blocked(block, queue);
      return isBuilding
        ? "The request is being built."
        : "The request is in the queue. The log does not say yet what it waits for.";
  }
}

function blocked({ blocker, on, said }: Block, queue: QueueFacts): string {
  switch (blocker) {
    case "host":
      return `Passed, but the push was refused. The landing is tried again every few minutes, for an hour.${said === undefined ? "" : ` ${said}`}`;
    case "dependency":
      return on.length === 1
        ? `Passed. Waiting for ${listed(on)}, which is ahead in the queue and has to be tested together with this one.`
        : `Passed. Waiting for ${on.length === 0 ? "requests that" : `${listed(on)}, which`} are ahead in the queue and have to be tested together with this one.`;
    case "budget":
      return `Waiting for a free build slot. The queue may run ${queue.budget} ${queue.budget === 1 ? "build" : "builds"} at once.`;
    case "missing-path":
      return on.length === 0
        ? "Not being built right now. The request waits to share a build with other requests."
        : `Not being built right now. What to build this request on depends on what becomes of ${listed(on)}, ahead in the queue.`;
    case "failure":
      return `A build of this request failed. The build also held ${listed(on)}, ahead in the queue. Which request is at fault is known once ${on.length === 1 ? "that request has" : "those requests have"} landed or failed.`;
    case "probation":
      return "This change may fail, so no other change is built on top of it until one of its own builds has passed.";
    case "pause":
      return paused(queue);
    case "trunk.red":
      return said ?? "The target branch fails by itself. The queue goes on once the branch passes.";
    case "trunk.unproven":
      return "A build of this request failed on a commit of the target branch that was pushed past the queue. The branch itself is being built, to see which of the two is at fault.";
    case "repository":
      return (
        said ?? "The queue's repository does not answer. The request goes on by itself once the repository answers."
      );
    case "review":
      return `${said ?? "Waiting for a review."} The request enters the queue by itself once the review is there.`;
    case "checks":
      return `${said ?? "Waiting for the pull request's checks."} The request enters the queue by itself once they have passed.`;
  }
}

const queueIsGone = ({ queue }: Summary): string =>
  `Queue ${queue} is not configured any more. The request goes on if the queue is put back within ten minutes, and ends otherwise.`;

/**
 * The sentence that the queue is paused. Empty when the queue is not paused, when `block` says so already, and for a request that is being
 * landed or cancelled.
 */
function pauseBeside({ status }: Summary, block: Block | undefined, queue: QueueFacts): readonly string[] {
  const isLeaving = status === "cancelling" || status === "speculated" || status === "landing";
  return queue.mode === "paused" && block?.blocker !== "pause" && !isLeaving ? [paused(queue)] : [];
}

/**
 * The sentence that the trunk is red. Empty when the trunk is not red, when `block` says so already, and for a request that is not in the
 * queue yet or is landing.
 */
function redBeside({ status }: Summary, block: Block | undefined, { red }: QueueFacts): readonly string[] {
  const waits = status === "batching" || status === "batched" || status === "speculating";
  if (red === undefined || !waits || block?.blocker === "trunk.red") return [];
  const commit = red.commit.slice(0, 12);
  return [`The target branch itself fails since commit ${commit}: only a request that repairs the branch lands.`];
}

/** Example: 754 seconds are `Probably lands in about 13 minutes.` */
export const estimateSentence = (seconds: number): string => `Probably lands in about ${roughly(seconds)}.`;

/** The blockers that last as long as a person, the repository or its host takes, and the one after which the request may not land at all. */
const WITHOUT_ESTIMATE: ReadonlySet<Blocker> = new Set(["review", "repository", "host", "failure"]);

/**
 * The estimate of the queue. Undefined when there is none, while the queue is paused or its trunk is red, and for a request that has a blocker
 * of WITHOUT_ESTIMATE: how long other requests took says nothing then.
 */
const timeLeft = (block: Block | undefined, { estimateSeconds, mode, red }: QueueFacts): number | undefined =>
  mode === "paused" || red !== undefined || (block !== undefined && WITHOUT_ESTIMATE.has(block.blocker))
    ? undefined
    : estimateSeconds;

/** Example: 754 seconds are 13 minutes, and 45 seconds a minute. */
function roughly(seconds: number): string {
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 90) return minutes === 1 ? "a minute" : `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours === 1 ? "an hour" : `${hours} hours`;
}

const paused = ({ note }: QueueFacts): string =>
  `The queue is paused${note === undefined ? "" : ` (${note})`}: nothing lands until the queue is resumed.`;

/** How many requests a sentence names. */
const MOST_NAMED = 5;

/** Example: `main/1, main/2 and 3 more`. */
function listed(sqids: readonly Sqid[]): string {
  const shown: string[] = sqids.slice(0, MOST_NAMED);
  if (sqids.length > MOST_NAMED) shown.push(`${sqids.length - MOST_NAMED} more`);
  const last = shown.pop() ?? "";
  return shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
}
