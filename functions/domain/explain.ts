import type { BuildOutcome } from "../contracts/api.ts";
import { BuildKey, type QueueName, Sqid } from "../contracts/ids.ts";
import { Blocker, hasEnded, type LogEvent, type StatusEvent } from "../contracts/log-event.ts";
import type { QueueMode } from "../contracts/queues.ts";
import type { EpochMs } from "../contracts/time.ts";
import { inHistoryOrder, metadataOf, reasonOf, type Summary, stampOf } from "./request-log.ts";

/** How the request's queue runs, as far as it explains a wait. */
export interface QueueFacts {
  /** Undefined when the queue is not configured any more. */
  readonly budget: number | undefined;
  readonly mode: QueueMode;
  /** What was said when it was paused or drained. */
  readonly note?: string | undefined;
}

export interface ExplainedBuild {
  readonly buildKey: BuildKey;
  readonly outcome: BuildOutcome;
  readonly url?: string;
  /** When it was last heard of. */
  readonly at: EpochMs;
}

/** Why a request stands where it stands. */
export interface Explanation {
  readonly blocker?: Blocker;
  /** The requests in the way. */
  readonly on?: readonly Sqid[];
  readonly since: EpochMs;
  /** Oldest first. Once it has ended, those that decided. */
  readonly builds: readonly ExplainedBuild[];
  readonly sentence: string;
}

/** Explains a request from what its log tells: entries in any order. Late or missing ones make it say less, not fail. */
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

/** Where a request may be when the blocker delays it: in admission the repository, while landing the host, in between all others. */
function mayBlock(blocker: Blocker, { status }: Summary): boolean {
  if (status === "started" || status === "validating") return blocker === "repository";
  if (status === "landing") return blocker === "host";
  return blocker !== "host" && (status === "batching" || status === "batched" || status === "speculating");
}

interface Block {
  readonly blocker: Blocker;
  readonly on: readonly Sqid[];
  readonly since: EpochMs;
  /** The words of the entry that told of it, when it had any. */
  readonly said?: string;
}

/** The last blocker that was told and that nothing later has overtaken. */
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

function overtakes(entry: LogEvent, blocker: Blocker): boolean {
  if (blocker === "repository") return entry.kind === "status" || entry.event === "building";
  if (entry.kind === "status") return entry.status === "speculated" || entry.status === "landing";
  if (entry.event === "building") return blocker === "budget" || blocker === "missing-path";
  return entry.event === "joined" && blocker === "probation";
}

/** A batch's label begins with the number of its first request. */
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
    // Several clocks tell of a build: what is final stays.
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

/** Those that the last entry names. One that was made for another request's sake is not in this log: the outcome tells of it. */
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
  if (summary.status !== "landed") return reasonOf(summary)?.message ?? "It has ended, and nothing was said about why.";
  const { commit, bypassed } = metadataOf(summary);
  const ahead =
    typeof bypassed === "string" ? bypassed.split(" ").flatMap((label) => sqidsOf(summary.queue, label)) : [];
  const before = ahead.length === 0 ? "" : `, ahead of ${listed(ahead)}: it was seen to pass whatever becomes of them`;
  const note = summary.reason === undefined ? "" : ` ${summary.reason.message}`;
  return `It has landed${commit === undefined ? "" : ` as commit ${String(commit)}`}${before}.${note}`;
}

function waitOf(
  summary: Summary,
  block: Block | undefined,
  builds: readonly ExplainedBuild[],
  queue: QueueFacts,
): string {
  switch (summary.status) {
    case "accepted":
      return "It was accepted, and waits to be taken up: its message is sent again every minute until it is.";
    case "started":
    case "validating":
      return block ? blocked(block, queue) : "Its changes are being read and merged on trial.";
    case "validated":
      return "It is valid, and about to join the queue.";
    case "cancelling":
      return "It is being cancelled, and ends once its builds have stopped; if it was landing already, it may land.";
    case "speculated":
    case "landing":
      return block ? blocked(block, queue) : "It has passed, and is being landed.";
    default:
      if (block) return blocked(block, queue);
      return builds.some(({ outcome }) => outcome === "unfinished")
        ? "It is being built."
        : "It is in the queue; what it waits for has not been told yet.";
  }
}

function blocked({ blocker, on, said }: Block, queue: QueueFacts): string {
  switch (blocker) {
    case "host":
      return `It has passed, and its landing is tried again every few minutes, for an hour.${said === undefined ? "" : ` ${said}`}`;
    case "dependency":
      return `It waits for ${on.length === 0 ? "requests ahead of it" : listed(on)}: it conflicts with what goes ahead of it, and lands once that is decided.`;
    case "budget":
      return `It waits for a free build slot: the queue may run ${queue.budget} ${queue.budget === 1 ? "build" : "builds"} at once.`;
    case "missing-path":
      return "What goes ahead of it has come out other than its builds assumed: it is built again.";
    case "probation":
      return "It will probably fail, so it first has to pass by itself; then it joins the order.";
    case "pause":
      return paused(queue);
    case "repository":
      return said ?? "The queue's repository does not answer. The request goes on by itself once it does.";
  }
}

const queueIsGone = ({ queue }: Summary): string =>
  `Queue ${queue} is not configured any more. The request goes on if the queue is put back within ten minutes, and ends otherwise.`;

/** A pause holds back also what waits for something else, and leaves alone what is on its way out. */
function pauseBeside({ status }: Summary, block: Block | undefined, queue: QueueFacts): readonly string[] {
  const isLeaving = status === "cancelling" || status === "speculated" || status === "landing";
  return queue.mode === "paused" && block?.blocker !== "pause" && !isLeaving ? [paused(queue)] : [];
}

const paused = ({ note }: QueueFacts): string =>
  `The queue is paused${note === undefined ? "" : ` (${note})`}: nothing lands until it is resumed.`;

const SHOWN = 5;

function listed(sqids: readonly Sqid[]): string {
  const shown: string[] = sqids.slice(0, SHOWN);
  if (sqids.length > SHOWN) shown.push(`${sqids.length - SHOWN} more`);
  const last = shown.pop() ?? "";
  return shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
}
