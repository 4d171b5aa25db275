import { configOf } from "../../../adapters/settings.ts";
import { PriorityBody } from "../../../contracts/api/request-calls.ts";
import { CodedError } from "../../../contracts/errors.ts";
import { hasEnded } from "../../../contracts/log-event.ts";
import { epochMs } from "../../../contracts/time.ts";
import type { PriorityChange, Summary } from "../../../domain/request-log.ts";
import type { Route } from "../../http.ts";
import { invalid } from "../../http-problem.ts";
import { requireRight } from "../access.ts";
import { announcePriority } from "../announce.ts";
import { type Gateway, summaryOf } from "../gateway.ts";
import { changeSummary } from "../record.ts";
import { shown } from "../shown.ts";
import { boundOf } from "./land.ts";

/**
 * Changes the priority of a request. It has no effect on a request that is being landed already. The priority that it has already changes
 * nothing, and is told again. BatchGetItem, PutItem, BatchWriteItem, two SendMessage.
 */
export const prioritize = (gateway: Gateway): Route => ({
  method: "PATCH",
  path: "/v1/queues/{queue}/requests/{n}",
  answer: async (call) => {
    const { priority, reason = "" } = call.body(PriorityBody);
    const summary = await summaryOf(gateway, call);
    const config = configOf(gateway.queues, summary.queue);
    requireRight(config, call.caller, "priority");
    if (priority > config.maxPriority)
      throw invalid([{ at: "/priority", message: boundOf(config.name, config.maxPriority) }]);
    const at = epochMs(Math.max(gateway.now(), summary.receivedAt));
    const note = reason.trim() === "" ? {} : { note: reason };
    const change = { at, caller: call.caller.name, ...note };
    const changed = await changeSummary(gateway.view, summary, (before) => prioritizedBy(before, priority, change));
    await announcePriority(gateway, changed);
    return { status: 202, body: shown(changed) };
  },
});

/** The summary with another priority. The same object when it has that priority. Throws land.ended. */
function prioritizedBy(summary: Summary, priority: number, change: Omit<PriorityChange, "count">): Summary {
  if (hasEnded(summary.status))
    throw new CodedError(
      "land.ended",
      `${summary.sqid} has ended (${summary.status}): its priority is of no use any more.`,
    );
  if ((summary.priority ?? 0) === priority) return summary;
  const prioritized = { ...change, count: (summary.prioritized?.count ?? 0) + 1 };
  return { ...summary, priority, prioritized, version: summary.version + 1 };
}
