import type { ModeSet } from "../../adapters/dynamodb/view-items.ts";
import type { LogEvent } from "../../contracts/log-event.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import type { Cancel, Control, Land } from "../../contracts/messages.ts";
import { reasonOf } from "../../contracts/reasons.ts";
import { landOf, type Summary } from "../../domain/request-log.ts";
import type { Gateway } from "./gateway.ts";
import { foldInto } from "./record.ts";

/** What the orchestrator is told of a queue's mode: the same however often it is told. */
export const controlOf = ({ queue, mode, note, since, version }: ModeSet): Control => ({
  v: 1,
  kind: "control",
  queue,
  mode,
  ...(note === undefined ? {} : { note }),
  at: since,
  version,
});

/**
 * Makes a queue's mode known: the log consumer (which publishes an event) when this version was not yet told, and the orchestrator. All may
 * be repeated. SendMessage; of a version that was not told, one more and a PutItem.
 */
export async function announceMode({ view, send, tellLog }: Gateway, set: ModeSet): Promise<void> {
  const control = controlOf(set);
  await send(control);
  if (set.told === true) return;
  await tellLog({ ...control, kind: "mode" });
  await view.markTold(set);
}

/** The log's first entry of a request: the same however often it is made. */
export const acceptedEntry = ({ sqid, receivedAt, caller }: Land): LogEvent =>
  statusEvent(sqid, "accepted", receivedAt, { metadata: caller === undefined ? {} : { caller: caller.name } });

/** The log's entry of a cancel: one per request. */
export const cancellingEntry = ({ sqid, at, note, caller }: Cancel): LogEvent =>
  statusEvent(sqid, "cancelling", at, {
    metadata: caller === undefined ? {} : { caller },
    reason: reasonOf("cancelled.by_caller", note ?? "Cancelled by its caller, who gave no reason."),
  });

/**
 * Makes an accepted request known: log, lists, the log consumer (which publishes an event), and then the orchestrator. All may be repeated.
 * The orchestrator comes last: its answer removes the marker that has the sweep repeat the rest. PutItem (log), one PutItem and one per
 * change (view), two SendMessage.
 */
export async function announceLand({ entries, view, send, tellLog }: Gateway, land: Land): Promise<void> {
  const accepted = acceptedEntry(land);
  await Promise.all([entries.append(accepted), view.pointAt(land), tellLog(accepted).then(() => send(land))]);
}

/** Makes a cancel known, and returns the summary as it stands then. All may be repeated. PutItem (log), PutItem (view), two or three SendMessage. */
export async function announceCancel({ entries, view, send, tellLog }: Gateway, summary: Summary, cancel: Cancel) {
  const entry = cancellingEntry(cancel);
  await entries.append(entry);
  const cancelling = await foldInto(view, summary, entry);
  await tellLog(entry);
  // Its Land may not have been sent yet. Within the request's group the repeat is swallowed, and the cancel comes second either way.
  if (summary.status === "accepted") await send(landOf(summary));
  await send(cancel);
  return cancelling;
}
