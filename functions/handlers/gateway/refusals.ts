import type { BeforeLand } from "../../adapters/dynamodb/view-store.ts";
import { CodedError } from "../../contracts/errors.ts";
import { isEnd, type LogEvent } from "../../contracts/log-event.ts";
import type { Land } from "../../contracts/messages/request-messages.ts";
import { MENDED_WITHOUT_COMMIT } from "../../contracts/reasons.ts";
import { ageOf } from "../../contracts/time.ts";
import { endReasonOf, type Summary } from "../../domain/request-log.ts";
import type { Gateway } from "./gateway.ts";

const DAY_MS = 86_400_000;

/**
 * Throws land.refused_too_often when requests with one of these commits were refused as often within a day as the queue allows, unless the
 * caller says why the commit should be tried again. Otherwise a program that repeats a failing request could keep the queue's builders busy.
 * `refused` is what was noted of each change. One BatchGetItem for a change that was refused that often, and otherwise no call.
 */
export async function requireFewRefusals(
  gateway: Gateway,
  { queue, changes, retryReason }: Pick<Land, "queue" | "changes" | "retryReason">,
  refused: BeforeLand["refused"],
): Promise<void> {
  const most = gateway.queues.get(queue)?.maxRefusalsPerDay ?? 0;
  if (most === 0 || retryReason !== undefined) return;
  const now = gateway.now();
  for (const [i, uri] of changes.entries()) {
    const numbers = refused[i]?.slice(0, 4 * most) ?? [];
    if (numbers.length < most) continue;
    const summaries = await gateway.view.summaries(queue, numbers);
    const found = [...summaries.values()]
      .toSorted((a, b) => b.number - a.number)
      .filter((summary) => ageOf(summary.receivedAt, now) <= DAY_MS && isAgainstCommit(summary));
    const [last] = found;
    if (last === undefined || found.length < most) continue;
    throw new CodedError(
      "land.refused_too_often",
      `${uri} was refused ${found.length} times within a day, last as ${last.sqid}: ${endReasonOf(last)?.message ?? "no reason was given"} Repair the change and land the new commit. To try this one again all the same, send retry: true with a reason.`,
    );
  }
}

/** Notes a refusal, before the summary tells of it. One UpdateItem per change of a request that was refused, and otherwise no call. */
export async function noteRefusal(
  { view }: Pick<Gateway, "view">,
  news: readonly LogEvent[],
  summary: Summary,
): Promise<void> {
  if (!news.some(isEnd) || !isAgainstCommit(summary)) return;
  await view.noteRefusal(summary.queue, summary.number, summary.changes, summary.at);
}

/** What was refused for its pull request has cost no build. */
function isAgainstCommit(summary: Summary): boolean {
  const code = endReasonOf(summary)?.code;
  return summary.status === "error" && (code === undefined || !MENDED_WITHOUT_COMMIT.has(code));
}
