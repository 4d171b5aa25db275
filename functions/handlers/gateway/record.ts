import { LOST, retryOnConflict } from "../../adapters/dynamodb/retry-on-conflict.ts";
import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid, type Sqid } from "../../contracts/ids.ts";
import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import { consequencesOf, fold, hasSeen, isAnswer, landOf, type Summary } from "../../domain/request-log.ts";
import { acceptedEntry } from "./announce.ts";
import type { Gateway, Stores } from "./gateway.ts";

/**
 * Applies `change` to a request's summary, which was read as `read`, and answers the stored summary. One PutItem when `change` changes
 * something, none otherwise. Each time that another writer was faster, `change` is applied to the newer summary: one PutItem and one
 * BatchGetItem more. Throws store.version_conflict.
 */
export function changeSummary(
  view: Gateway["view"],
  read: Summary,
  change: (summary: Summary) => Summary,
): Promise<Summary> {
  let before = read;
  return retryOnConflict(`the summary of ${read.sqid}`, async () => {
    const next = change(before);
    if (next === before || (await view.replaceSummary(next, before))) return next;
    before = (await view.summary(read.queue, read.number)) ?? before;
    return LOST;
  });
}

/**
 * Is called with the new entries of a request after they were written to the log, and before the summary tells that they were seen. At least
 * once for each entry. `summary` is the summary with these entries.
 */
export type OnNews = (news: readonly LogEvent[], summary: Summary) => Promise<void>;

/** The summaries that this process wrote last, of requests in flight. The next entries of such a request are folded without a read. */
export interface WrittenSummaries {
  get(sqid: Sqid): Summary | undefined;
  keep(summary: Summary): void;
}

/** Some 2 KB each. */
const MOST_KEPT = 500;

export function writtenSummaries(): WrittenSummaries {
  const kept = new Map<Sqid, Summary>();
  return {
    get: (sqid) => kept.get(sqid),
    keep(summary) {
      kept.delete(summary.sqid);
      if (!hasEnded(summary.status)) kept.set(summary.sqid, summary);
      const [oldest] = kept.keys();
      if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    },
  };
}

/** What entries are recorded with. Made once per process. */
export interface Recorder {
  readonly stores: Stores;
  readonly onNews: OnNews;
  readonly written: WrittenSummaries;
}

/**
 * Writes entries of one request to the log, and folds them into its summary, which is the answer. The log is written first, so that the log
 * holds every entry that the summary has seen. With the orchestrator's first answer come the request's first entry and its items in the lists.
 *
 * One BatchWriteItem and one PutItem when an entry is new. One BatchGetItem unless `written` has the summary; when another writer has changed
 * the summary since, the PutItem is refused, and all three follow. Throws store.version_conflict.
 */
export async function record(
  { stores: { entries: log, view, write }, onNews, written }: Recorder,
  sqid: Sqid,
  entries: readonly LogEvent[],
): Promise<Summary> {
  const { queue, n } = partsOfSqid(sqid);
  const known = new Set<string>();
  const isKnown = ({ id }: LogEvent) => known.has(id);
  // The API has changed the summary before it sent an entry of its own.
  let remembered = own(entries).length > 0 ? undefined : written.get(sqid);
  return retryOnConflict(`the summary of ${sqid}`, async () => {
    const before = remembered ?? (await view.summary(queue, n));
    remembered = undefined;
    if (before === undefined) throw new CodedError("store.unavailable", `${sqid} has an entry and no summary yet`);
    const fresh = newTo(before, entries);
    const news = [...fresh, ...newTo(before, consequencesOf(before, fresh))];
    const summary = news.reduce(fold, before);
    const first = firstAnswered(before, summary);
    const unwritten = [...first, ...news].filter((entry) => !isKnown(entry));
    const untold = eachOnce([...unwritten, ...own(entries).filter((entry) => !isKnown(entry))]);
    const listed = first.length === 0 ? [] : view.pointersOf(landOf(before));
    if (unwritten.length > 0) await write([...log.itemsOf(eachOnce(unwritten)), ...listed]);
    if (untold.length > 0) await onNews(untold, summary);
    for (const { id } of untold) known.add(id);
    if (news.length === 0) return before;
    if (!(await view.replaceSummary(summary, before))) return LOST;
    written.keep(summary);
    return summary;
  });
}

/** The request's first entry, which the API has sent to the orchestrator, and has neither written to the log nor published. */
const firstAnswered = (before: Summary, after: Summary): LogEvent[] =>
  after.answered && !before.answered ? [acceptedEntry(landOf(before))] : [];

/** The entries that the API has written and folded itself, and sent here to be published. */
const own = (entries: readonly LogEvent[]): LogEvent[] => entries.filter((entry) => !isAnswer(entry));

const eachOnce = (entries: readonly LogEvent[]): LogEvent[] => [
  ...new Map(entries.map((entry) => [entry.id, entry])).values(),
];

/** The entries that the summary has not seen, each once. */
const newTo = (summary: Summary, entries: readonly LogEvent[]): LogEvent[] =>
  eachOnce(entries.filter((entry) => !hasSeen(summary, entry)));
