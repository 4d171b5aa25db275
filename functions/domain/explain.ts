import type { BuildOutcome } from "../contracts/api.ts";
import { BuildKey, type QueueName, Sqid } from "../contracts/ids.ts";
import { Blocker, hasEnded, type LogEvent, type StatusEvent } from "../contracts/log-event.ts";
import type { QueueMode } from "../contracts/queues.ts";
import type { EpochMs } from "../contracts/time.ts";
import { inHistoryOrder, metadataOf, reasonOf, type Summary, stampOf } from "./request-log.ts";

/** The facts about the request's queue that may explain why the request waits. */
export interface QueueFacts {
  /** How many builds may run at once. Undefined when the queue is not configured any more. */
  readonly budget: number | undefined;
  readonly mode: QueueMode;
  /** The note that the operator gave when the queue was paused or drained. */
  readonly note?: string | undefined;
}

export interface ExplainedBuild {
  readonly buildKey: BuildKey;
  readonly outcome: BuildOutcome;
  readonly url?: string;
  /** The time of the last log entry about the build. */
  readonly at: EpochMs;
}

/** Why a request has its status. */
export interface Explanation {
  readonly blocker?: Blocker;
  /** The requests in the way. */
  readonly on?: readonly Sqid[];
  readonly since: EpochMs;
  /** Oldest first. Once the request has ended: only the builds that decided its end. */
  readonly builds: readonly ExplainedBuild[];
  readonly sentence: string;
}

/**
 * Explains a request from its log entries, in any order. Late or missing entries make the explanation shorter, and never fail. Example:
 * main/7 is speculating, and its last entry says that it is blocked by main/5. The sentence names main/5, and says that it touches the same
 * files.
 */
export function explain(summary: Summary, unordered: readonly LogEvent[], queue: QueueFacts): Explanation {
  const entries = inHistoryOrder(unordered);
  const builds = buildsIn(entries);
  if (hasEnded(summary.status))
    return { since: summary.at, builds: deciding(summary, entries, builds), sentence: endOf(summary) };
  if (queue.budget === undefined) return { since: summary.at, builds, sentence: queueIsGone(summary) };
  const block = blockIn(summary, entries, queue);
  return {
    ...(block === undefined ? {} : { blocker: block.blocker }),
    ...(block === undefined || block.on.length === 0 ? {} : { on: block.on }),
    since: block?.since ?? summary.at,
    builds,
    sentence: [waitOf(summary, block, builds, queue), ...pauseBeside(summary, block, queue)].join(" "),
  };
}

/** True when the blocker can delay a request of this status: `repository` in admission, `host` while landing, all others in between. */
function mayBlock(blocker: Blocker, { status }: Summary): boolean {
  if (status === "started" || status === "validating") return blocker === "repository";
  if (status === "landing") return blocker === "host";
  return blocker !== "host" && (status === "batching" || status === "batched" || status === "speculating");
}

interface Block {
  readonly blocker: Blocker;
  readonly on: readonly Sqid[];
  readonly since: EpochMs;
  /** The reason of the entry that told of the blocker. */
  readonly said?: string;
}

/** The last blocker in the log. Undefined when a later entry shows that it no longer delays the request. */
function blockIn(summary: Summary, entries: readonly LogEvent[], { mode }: QueueFacts): Block | undefined {
  const { queue } = summary;
  const index = entries.findLastIndex((entry) => entry.kind === "event" && entry.event === "blocked");
  const told = entries[index];
  const blocker = Blocker.safeParse(told?.metadata["blocker"]);
  if (told === undefined || !blocker.success) return undefined;
  if (!mayBlock(blocker.data, summary)) return undefined;
  if (blocker.data === "pause" && mode !== "paused") return undefined;
  if (entries.slice(index + 1).some((entry) => overtakes(entry, blocker.data))) return undefined;
  const labels = String(told.metadata["on"] ?? "").split(" ");
  const said = told.reason === undefined ? {} : { said: told.reason.message };
  return { blocker: blocker.data, on: labels.flatMap((label) => sqidsOf(queue, label)), since: told.at, ...said };
}

/** True when the entry shows that the blocker no longer delays the request. */
function overtakes(entry: LogEvent, blocker: Blocker): boolean {
  if (blocker === "repository") return entry.kind === "status" || entry.event === "building";
  if (entry.kind === "status") return entry.status === "speculated" || entry.status === "landing";
  if (entry.event === "building") return blocker === "budget" || blocker === "missing-path";
  return entry.event === "joined" && blocker === "probation";
}

/** The request of the batch with this label. Empty when the label is malformed. Example: `7` is main/7. */
function sqidsOf(queue: QueueName, label: string): readonly Sqid[] {
  const sqid = Sqid.safeParse(`${queue}/${label.split(".")[0]}`);
  return sqid.success ? [sqid.data] : [];
}

const OUTCOMES: Partial<Record<string, BuildOutcome>> = {
  building: "unfinished",
  built: "passed",
  build_failed: "failed",
  retrying: "retried",
};
const FINALITY: readonly BuildOutcome[] = ["unfinished", "passed", "failed", "retried"];

function buildsIn(entries: readonly LogEvent[]): ExplainedBuild[] {
  const builds = new Map<BuildKey, ExplainedBuild>();
  for (const entry of entries) {
    const outcome = entry.kind === "event" ? OUTCOMES[entry.event] : undefined;
    const key = BuildKey.safeParse(entry.metadata["build_key"]);
    if (outcome === undefined || !key.success) continue;
    const before = builds.get(key.data);
    // The entries come from several clocks, so a later one may tell of an earlier state.
    const isNews = before === undefined || FINALITY.indexOf(outcome) >= FINALITY.indexOf(before.outcome);
    const { build_url: url = before?.url } = entry.metadata;
    builds.set(key.data, {
      buildKey: key.data,
      outcome: isNews ? outcome : before.outcome,
      ...(typeof url === "string" ? { url } : {}),
      at: isNews ? entry.at : before.at,
    });
  }
  return [...builds.values()].toSorted((a, b) => a.at - b.at);
}

/**
 * The builds that the last entry names. A build that was started for another request is not in this log: its outcome follows from the
 * status.
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
  if (summary.status !== "landed") return reasonOf(summary)?.message ?? "The request has ended. No reason was given.";
  const { commit, bypassed } = metadataOf(summary);
  const ahead =
    typeof bypassed === "string" ? bypassed.split(" ").flatMap((label) => sqidsOf(summary.queue, label)) : [];
  const before =
    ahead.length === 0
      ? ""
      : `, ahead of ${listed(ahead)}: builds with and without ${ahead.length === 1 ? "that request" : "those requests"} have passed`;
  const note = summary.reason === undefined ? "" : ` ${summary.reason.message}`;
  const where = note === "" ? " on the target branch" : "";
  return `Landed${commit === undefined ? where : ` as commit ${String(commit)}`}${before}.${note}`;
}

function waitOf(
  summary: Summary,
  block: Block | undefined,
  builds: readonly ExplainedBuild[],
  queue: QueueFacts,
): string {
  switch (summary.status) {
    case "accepted":
      return "Accepted. Processing has not started yet; it is tried again every minute.";
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
      return builds.some(({ outcome }) => outcome === "unfinished")
        ? "The request is being built."
        : "The request is in the queue. The log does not say yet what it waits for.";
  }
}

function blocked({ blocker, on, said }: Block, queue: QueueFacts): string {
  switch (blocker) {
    case "host":
      return `Passed, but the push was refused. The landing is tried again every few minutes, for an hour.${said === undefined ? "" : ` ${said}`}`;
    case "dependency":
      return `Passed. Waiting for ${on.length === 0 ? "requests that are" : `${listed(on)}, which ${on.length === 1 ? "is" : "are"}`} ahead in the queue and ${on.length === 1 ? "has" : "have"} to be tested together with this one.`;
    case "budget":
      return `Waiting for a free build slot. The queue may run ${queue.budget} ${queue.budget === 1 ? "build" : "builds"} at once.`;
    case "missing-path":
      return "A change ahead of this one did not turn out as its build assumed, so it is being rebuilt.";
    case "probation":
      return "This change is likely to fail, so no other change is built on top of it until one of its own builds has passed.";
    case "pause":
      return paused(queue);
    case "repository":
      return (
        said ?? "The queue's repository does not answer. The request goes on by itself once the repository answers."
      );
  }
}

const queueIsGone = ({ queue }: Summary): string =>
  `Queue ${queue} is not configured any more. The request goes on if the queue is put back within ten minutes, and ends otherwise.`;

/** The sentence about a pause, when another blocker was explained first. Empty for a request that is being landed or cancelled. */
function pauseBeside({ status }: Summary, block: Block | undefined, queue: QueueFacts): readonly string[] {
  const isLeaving = status === "cancelling" || status === "speculated" || status === "landing";
  return queue.mode === "paused" && block?.blocker !== "pause" && !isLeaving ? [paused(queue)] : [];
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
