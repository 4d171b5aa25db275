import { trunkIdOf } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import type { Signal, SignalOf } from "../../contracts/messages/signals.ts";
import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import { enter } from "../batch.ts";
import { recordBuild } from "./builds.ts";
import { commandFailed } from "./command-failed.ts";
import type { Draft } from "./draft.ts";
import { join } from "./join.ts";
import { recordHeld, recordLandings } from "./landings.ts";
import type { CommandFailed, News } from "./plan.ts";
import { judgeFailures } from "./set-aside.ts";
import { recordTrunkBuild } from "./trunk-build.ts";

/**
 * Step 1 of a run of the planner (`plan`): applies the input of the run to the draft. First all signals, in the order given. Then all commands
 * of the run before that were refused. Then it decides for each failed build that was set aside whether the failure counts, by what is known
 * of the trunk (`judgeFailures`). Applying a signal a second time changes nothing.
 */
export function fold(draft: Draft, news: readonly News[]): void {
  const isRefusal = (told: News): told is CommandFailed => told.kind === "command-failed";
  for (const told of news) if (!isRefusal(told)) foldSignal(draft, told);
  for (const told of news) if (isRefusal(told)) commandFailed(draft, told);
  judgeFailures(draft);
}

function foldSignal(draft: Draft, signal: Signal): void {
  switch (signal.kind) {
    case "request-ready":
      join(draft, signal.sqid);
      return;
    case "cancel-requested":
      cancel(draft, signal);
      return;
    case "priority-changed":
      prioritize(draft, signal);
      return;
    case "build-finished":
      if (signal.batchId === trunkIdOf(signal.queue)) recordTrunkBuild(draft, signal);
      else recordBuild(draft, signal);
      return;
    case "land-finished":
      recordLandings(draft, signal);
      return;
    case "land-held":
      recordLandings(draft, signal);
      for (const batchId of signal.held) recordHeld(draft, signal, batchId);
      return;
    case "queue-control":
      control(draft, signal);
      return;
    case "tick":
      return;
  }
}

/**
 * Sets the mode of the queue. A signal whose version is not greater than that of the last one is ignored. `draining` counts as `open` here:
 * the gateway refuses new requests, and the planner lands what it holds.
 */
function control(draft: Draft, { mode, note, at, version }: SignalOf<"queue-control">): void {
  const { paused: _, ...rest } = draft.queue;
  if (version <= (rest.control ?? 0)) return;
  const paused = { since: at, ...(note === undefined ? {} : { note }) };
  draft.queue = { ...rest, control: version, ...(mode === "paused" ? { paused } : {}) };
}

/**
 * Gives a request another priority. This signal can arrive before the signal that the request is ready, so the request joins first. Ignored
 * when the count is not greater than that of the last change, and when the batch is being cancelled or has ended. While the batch is landing
 * the priority changes nothing, and counts if runway does not land the batch.
 */
function prioritize(draft: Draft, { sqid, priority, count }: SignalOf<"priority-changed">): void {
  join(draft, sqid);
  const batch = draft.carrierOf(sqid);
  if (batch?.state !== "speculating" && batch?.state !== "landing") return;
  if (count <= (batch.priorityCount ?? 0)) return;
  draft.put({ ...batch, priority, priorityCount: count });
}

const cancelReason = (note: string | undefined): Reason =>
  reasonOf("cancelled.by_caller", note ? `Cancelled: ${note}` : "Cancelled by its caller.");

/**
 * Cancels a request: its batch goes to `cancelling`. A ready request without a batch ends at once. When the batch is landing, the request ends
 * as its landing does, and the batch is cancelled only if runway does not land it (`notLanded`). Does nothing when the batch has ended.
 */
function cancel(draft: Draft, { sqid, note }: SignalOf<"cancel-requested">): void {
  const batch = draft.carrierOf(sqid);
  if (batch) {
    const reason = batch.reason ?? cancelReason(note);
    if (batch.state === "speculating") draft.put(enter(batch, "cancelling", { reason }));
    else if (batch.state === "landing" && batch.reason === undefined) draft.put({ ...batch, reason });
    return;
  }
  const request = draft.snapshot.requests.get(sqid);
  // The end of a request that is cancelled already is told again: the run that cancelled it may have died before it told the log.
  if (request?.state !== "ready" && request?.state !== "cancelled") return;
  const reason = request.reason ?? cancelReason(note);
  draft.loose.push(statusEvent(sqid, "cancelled", draft.now, { version: request.version + 1, reason }));
}
