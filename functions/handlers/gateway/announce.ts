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

/** The log's first entry of a request: the same however often it is made. */
export const acceptedEntry = ({ sqid, receivedAt, caller }: Land): LogEvent =>
  statusEvent(sqid, "accepted", receivedAt, { metadata: caller === undefined ? {} : { caller: caller.name } });

/** The log's entry of a cancel: one per request. */
export const cancellingEntry = ({ sqid, at, note, caller }: Cancel): LogEvent =>
  statusEvent(sqid, "cancelling", at, {
    metadata: caller === undefined ? {} : { caller },
    reason: reasonOf("cancelled.by_caller", note ?? "Cancelled by its caller, who gave no reason."),
  });

/** Makes an accepted request known: log, lists, orchestrator. All may be repeated. PutItem (log), one PutItem and one per change (view), SendMessage; at once. */
export async function announceLand({ entries, view, send }: Gateway, land: Land): Promise<void> {
  await Promise.all([entries.append(acceptedEntry(land)), view.pointAt(land), send(land)]);
}

/** Makes a cancel known, and returns the summary as it stands then. All may be repeated. PutItem (log), PutItem (view), one or two SendMessage. */
export async function announceCancel({ entries, view, send }: Gateway, summary: Summary, cancel: Cancel) {
  const entry = cancellingEntry(cancel);
  await entries.append(entry);
  const cancelling = await foldInto(view, summary, entry);
  // Its Land may not have been sent yet. Within the request's group the repeat is swallowed, and the cancel comes second either way.
  if (summary.status === "accepted") await send(landOf(summary));
  await send(cancel);
  return cancelling;
}
