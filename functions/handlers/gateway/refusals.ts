import { CodedError } from "../../contracts/errors.ts";
import type { Land } from "../../contracts/messages.ts";
import { MENDED_WITHOUT_COMMIT } from "../../contracts/reasons.ts";
import { epochMs } from "../../contracts/time.ts";
import { endReasonOf, type Summary } from "../../domain/request-log.ts";
import type { Gateway } from "./gateway.ts";

const DAY_MS = 86_400_000;

/**
 * Throws land.refused_too_often when requests with one of these commits were refused as often within a day as the queue allows, unless the
 * caller says why the commit should be tried again. Otherwise a program that repeats a failing request could keep the queue's builders busy.
 * One Query per change; one BatchGetItem more for a change that was requested that often.
 */
export async function requireFewRefusals(gateway: Gateway, asked: Pick<Land, "queue" | "changes" | "retryReason">) {
  const { queue, changes, retryReason } = asked;
  const most = gateway.queues.get(queue)?.maxRefusalsPerDay ?? 0;
  if (most === 0 || retryReason !== undefined) return;
  const now = gateway.now();
  const window = { since: epochMs(Math.max(0, now - DAY_MS)), until: epochMs(now + DAY_MS) };
  for (const uri of changes) {
    const { pointers } = await gateway.view.naming(queue, uri, window, 4 * most);
    if (pointers.length < most) continue;
    const numbers = pointers.map(({ number }) => number);
    const refused = (await gateway.view.summaries(queue, numbers)).filter(isAgainstCommit);
    const [last] = refused;
    if (last === undefined || refused.length < most) continue;
    throw new CodedError(
      "land.refused_too_often",
      `${uri} was refused ${refused.length} times within a day, last as ${last.sqid}: ${endReasonOf(last)?.message ?? "no reason was given"} Repair the change and land the new commit. To try this one again all the same, send retry: true with a reason.`,
    );
  }
}

/** What was refused for its pull request has cost no build. */
function isAgainstCommit(summary: Summary): boolean {
  const code = endReasonOf(summary)?.code;
  return summary.status === "error" && (code === undefined || !MENDED_WITHOUT_COMMIT.has(code));
}
