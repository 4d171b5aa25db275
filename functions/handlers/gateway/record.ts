import { LOST, retryOnConflict } from "../../adapters/dynamodb/retry-on-conflict.ts";
import { CodedError } from "../../contracts/errors.ts";
import { partsOfSqid, type Sqid } from "../../contracts/ids.ts";
import type { LogEvent } from "../../contracts/log-event.ts";
import { consequencesOf, fold, hasSeen, isAnswer, landOf, type Summary } from "../../domain/request-log.ts";
import { acceptedEntry } from "./announce.ts";
import type { Gateway } from "./gateway.ts";

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

/**
 * Writes entries of one request to the log, and folds them into its summary. The log is written first, so that the log holds every entry that
 * the summary has seen. One BatchGetItem; one BatchWriteItem and one PutItem when an entry is new; one more of each when another writer was
 * faster. Throws store.version_conflict.
 */
export async function record(
  { entries: log, view }: Pick<Gateway, "entries" | "view">,
  sqid: Sqid,
  entries: readonly LogEvent[],
  onNews: OnNews,
): Promise<void> {
  const { queue, n } = partsOfSqid(sqid);
  const known = new Set<string>();
  return retryOnConflict(`the summary of ${sqid}`, async () => {
    const before = await view.summary(queue, n);
    if (before === undefined) throw new CodedError("store.unavailable", `${sqid} has an entry and no summary yet`);
    const fresh = newTo(before, entries);
    const news = [...fresh, ...newTo(before, consequencesOf(before, fresh))];
    const summary = news.reduce(fold, before);
    const untold = [...firstHeard(before, summary), ...news, ...own(entries)].filter(({ id }) => !known.has(id));
    await log.append(news.filter(({ id }) => !known.has(id)));
    if (untold.length > 0) await onNews(eachOnce(untold), summary);
    for (const { id } of untold) known.add(id);
    return news.length === 0 || (await view.replaceSummary(summary, before)) ? undefined : LOST;
  });
}

/** The request's first entry. The API has written the entry and sent it to the orchestrator, and has published no event of it. */
const firstHeard = (before: Summary, after: Summary): LogEvent[] =>
  after.heard && !before.heard ? [acceptedEntry(landOf(before))] : [];

/** The entries that the API has written and folded itself, and sent here to be published. */
const own = (entries: readonly LogEvent[]): LogEvent[] => entries.filter((entry) => !isAnswer(entry));

const eachOnce = (entries: readonly LogEvent[]): LogEvent[] => [
  ...new Map(entries.map((entry) => [entry.id, entry])).values(),
];

/** The entries that the summary has not seen, each once. */
const newTo = (summary: Summary, entries: readonly LogEvent[]): LogEvent[] =>
  eachOnce(entries.filter((entry) => !hasSeen(summary, entry)));
