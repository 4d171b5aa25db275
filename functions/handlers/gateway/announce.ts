import type { ModeSet } from "../../adapters/dynamodb/view-items.ts";
import { happeningEvent, hasEnded, type LogEvent, statusEvent } from "../../contracts/log-event.ts";
import type { Cancel, Control, Land, Reprioritize } from "../../contracts/messages/request-messages.ts";
import { reasonOf } from "../../contracts/reasons.ts";
import { landOf, type Summary } from "../../domain/request-log.ts";
import type { Gateway } from "./gateway.ts";

/** The Control message about a queue's mode. The same mode always gives the same message. */
const controlOf = ({ queue, mode, note, since, version }: ModeSet): Control => ({
  v: 1,
  kind: "control",
  queue,
  mode,
  ...(note === undefined ? {} : { note }),
  at: since,
  version,
});

/**
 * Sends a queue's mode to the orchestrator; and to the log consumer, which publishes an event, unless this version was sent there before. May
 * be repeated. One SendMessage; for a version that was not sent to the log consumer, one more and a PutItem.
 */
export async function announceMode({ view, send, tellLog }: Gateway, set: ModeSet): Promise<void> {
  const control = controlOf(set);
  await send(control);
  if (set.told === true) return;
  await tellLog({ ...control, kind: "mode" });
  await view.markTold(set);
}

const by = (caller: string | undefined) => (caller === undefined ? {} : { caller });

/** The first log entry of a request. The same request always gives the same entry. */
export const acceptedEntry = ({ sqid, receivedAt, caller, retryReason }: Land): LogEvent => {
  const retried = retryReason === undefined ? {} : { retry_reason: retryReason };
  return statusEvent(sqid, "accepted", receivedAt, { metadata: { ...by(caller?.name), ...retried } });
};

/** The log's entry of a cancel: one per request. */
export const cancellingEntry = ({ sqid, at, note, caller }: Cancel): LogEvent =>
  statusEvent(sqid, "cancelling", at, {
    metadata: by(caller),
    reason: reasonOf("cancelled.by_caller", note ?? "Cancelled by its caller, who gave no reason."),
  });

/**
 * The Cancel message of a request that its caller has cancelled. The same request always gives the same message. Undefined when it was not
 * cancelled.
 */
export const cancelOf = ({ queue, sqid, cancel }: Summary): Cancel | undefined =>
  cancel && { v: 1, kind: "cancel", queue, sqid, ...cancel };

/** The message about the last change of a request's priority. Undefined when it was never changed. */
const reprioritizeOf = ({ queue, sqid, priority = 0, prioritized }: Summary): Reprioritize | undefined =>
  prioritized && { v: 1, kind: "reprioritize", queue, sqid, priority, count: prioritized.count };

/** The log's entry of the last change of a request's priority. */
const prioritizedEntry = ({ sqid, priority = 0 }: Summary, change: NonNullable<Summary["prioritized"]>): LogEvent => {
  const { count, at, caller, note } = change;
  const metadata = { ...by(caller), priority, ...(note === undefined ? {} : { note }) };
  return happeningEvent(sqid, "prioritized", at, { occurrence: String(count), metadata });
};

/**
 * The entries of a request with its first entry, which the log holds once the orchestrator has answered: until then the summary stands for
 * the entry.
 */
export const withAccepted = (entries: readonly LogEvent[], summary: Summary): readonly LogEvent[] =>
  entries.some(isAccepted) ? entries : [acceptedEntry(landOf(summary)), ...entries];

/** True for the first entry of a request. */
export const isAccepted = (entry: LogEvent): boolean => entry.kind === "status" && entry.status === "accepted";

/**
 * Makes an accepted request known to the orchestrator. Once the orchestrator answers, the log consumer writes the request's first entry and
 * its items in the lists, and publishes its event. May be repeated. One SendMessage.
 */
export const announceLand = ({ send }: Gateway, land: Land): Promise<void> => send(land);

/** Makes a cancel known that the summary holds already. All may be repeated. BatchWriteItem (log), two or three SendMessage. */
export async function announceCancel({ entries, send, tellLog }: Gateway, summary: Summary): Promise<void> {
  const message = cancelOf(summary);
  if (message === undefined || hasEnded(summary.status)) return;
  const entry = cancellingEntry(message);
  await entries.append([entry]);
  await tellLog(entry);
  // The request's Land may not have been sent yet. SQS drops a repeat of it, and delivers the cancel after the Land, since both are in the request's group.
  if (!summary.answered) await send(landOf(summary));
  await send(message);
}

/** Makes a change of the priority known that the summary holds already. All may be repeated. BatchWriteItem (log), two SendMessage. */
export async function announcePriority({ entries, send, tellLog }: Gateway, summary: Summary): Promise<void> {
  const message = reprioritizeOf(summary);
  if (message === undefined || summary.prioritized === undefined || hasEnded(summary.status)) return;
  const entry = prioritizedEntry(summary, summary.prioritized);
  await entries.append([entry]);
  await tellLog(entry);
  await send(message);
}
