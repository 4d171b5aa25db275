import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid, type Sqid } from "../../contracts/ids.ts";
import type { LogEvent } from "../../contracts/log-event.ts";
import { consequencesOf, fold, hasSeen, type Summary } from "../../domain/request-log.ts";
import type { Gateway } from "./gateway.ts";

/** Each lost race is another writer's progress, and a request has few writers. */
const ATTEMPTS = 10;

/**
 * Changes a request's summary, starting from the summary as it was read, and returns what stands then. One PutItem when `change` changes
 * something, none otherwise; one more of each and a BatchGetItem per lost race. Throws store.version_conflict.
 */
export async function changeSummary(
  view: Gateway["view"],
  read: Summary,
  change: (summary: Summary) => Summary,
): Promise<Summary> {
  let before = read;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const next = change(before);
    if (next === before || (await view.replaceSummary(next, before))) return next;
    before = (await view.summary(read.queue, read.number)) ?? before;
  }
  throw tooFast(read.sqid);
}

const tooFast = (sqid: Sqid): CodedError =>
  new CodedError("store.version_conflict", `the summary of ${sqid} changes too fast`);

/** What came of entries: those that were new, with those that follow from them, and the summary as it stands then. */
export interface Recorded {
  readonly news: readonly LogEvent[];
  readonly summary: Summary;
}

/**
 * Writes entries of one request to the log, and folds them into its summary. The log first: an entry that the summary has seen is in the log.
 * So an entry is new to the call that folds it, and to each repeat of a call that ended in between: a caller that does something about news
 * does it at least once. BatchGetItem, and when an entry is new BatchWriteItem and PutItem; one more of each per lost race.
 */
export async function record(
  { entries: log, view }: Pick<Gateway, "entries" | "view">,
  sqid: Sqid,
  entries: readonly LogEvent[],
): Promise<Recorded> {
  const { queue, n } = partsOfSqid(sqid);
  const logged = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await view.summary(queue, n);
    if (before === undefined) throw new CodedError("store.unavailable", `${sqid} has an entry and no summary yet`);
    const fresh = newTo(before, entries);
    if (fresh.length === 0) return { news: [], summary: before };
    const news = [...fresh, ...newTo(before, consequencesOf(before, fresh))];
    await log.append(news.filter(({ id }) => !logged.has(id)));
    for (const { id } of news) logged.add(id);
    const summary = news.reduce(fold, before);
    if (await view.replaceSummary(summary, before)) return { news, summary };
  }
  throw tooFast(sqid);
}

/** The entries that the summary has not seen, each once. */
const newTo = (summary: Summary, entries: readonly LogEvent[]): LogEvent[] => [
  ...new Map(entries.filter((entry) => !hasSeen(summary, entry)).map((entry) => [entry.id, entry])).values(),
];
