import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid } from "../../contracts/ids.ts";
import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import { fold, isAnswer, type Summary } from "../../domain/request-log.ts";
import type { Gateway } from "./gateway.ts";

/** Each lost race is another writer's progress, and a request has few writers. */
const ATTEMPTS = 10;

/**
 * Takes the entry into the request's summary, starting from the summary as it was read, and returns what stands then. One PutItem when
 * the entry changes something, none otherwise; one more of each and a GetItem per lost race. Throws store.version_conflict.
 */
export async function foldInto(view: Gateway["view"], read: Summary, entry: LogEvent): Promise<Summary> {
  let before = read;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const next = fold(before, entry);
    if (next === before || (await view.replaceSummary(next, before))) return next;
    before = (await view.summary(read.queue, read.number)) ?? before;
  }
  throw new CodedError("store.version_conflict", `the summary of ${read.sqid} changes too fast`);
}

/**
 * Writes an entry of the orchestrator's to the log, and takes it into the summary: also when the log had it already, since the first
 * try may have ended in between. Answers the summary as it stands then. PutItem, GetItem, at most one PutItem, and a DeleteItem when a
 * message of ours is answered by it.
 */
export async function record({ entries, view }: Pick<Gateway, "entries" | "view">, entry: LogEvent): Promise<Summary> {
  const { queue, n } = partsOfSqid(entry.sqid);
  await entries.append(entry);
  const summary = await view.summary(queue, n);
  if (summary === undefined) throw new CodedError("store.unavailable", `${entry.sqid} has an entry and no summary yet`);
  // Before the summary changes: the summary is what tells a repeat that the marker may still stand. The sweep removes what slips through.
  if (isAnswer(entry) && mayBeUnheard(summary)) await view.unmark(queue, "land", n);
  if (entry.kind === "status" && hasEnded(entry.status) && summary.status === "cancelling")
    await view.unmark(queue, "cancel", n);
  return foldInto(view, summary, entry);
}

/** True as long as the summary does not show that the orchestrator has heard of the request. */
export const mayBeUnheard = ({ status }: Summary): boolean => status === "accepted" || status === "cancelling";
