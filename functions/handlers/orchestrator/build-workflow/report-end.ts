import type { Clients } from "../../../adapters/aws-clients.ts";
import { type Env, need } from "../../../adapters/settings.ts";
import { send, sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { type BuildVerdict, logTopic, type SignalOf, signalsTopic } from "../../../contracts/messages.ts";
import type { BuildEnd, BuildOrder } from "../../../contracts/workflows.ts";
import { buildHappened } from "./happening.ts";

/** What a report tells of the build beside its verdict. */
export type ReportedBuild = Pick<BuildOrder, "queue" | "batchId" | "buildKey" | "attempt" | "sqids">;

/** Tells how a build came out. Answers the signal. A repeat is harmless: the entries and the signal are the same ones. */
export type ReportEnd = (build: ReportedBuild, end: BuildEnd) => Promise<SignalOf<"build-finished">>;

/**
 * Tells the log and the planner. Two calls; one when the tree could not be composed: the batch that does not apply need not be one of the
 * build's own, so the planner tells the log. None when both have been told already.
 */
export function reporterOf(env: Env, clients: Clients): ReportEnd {
  const [log, signals] = [need(env, ENV.logTopic), need(env, ENV.signalsTopic)];
  return async (build, { verdict, url, reported }) => {
    const { queue, batchId, buildKey } = build;
    const located = url === undefined ? {} : { url };
    const signal = { v: 1, kind: "build-finished", queue, batchId, buildKey, verdict, ...located } as const;
    if (reported) return signal;
    const reason = verdict.kind !== "unappliable" && "reason" in verdict ? verdict.reason : undefined;
    const event = eventOf(verdict);
    if (event) await sendAll(clients.sqs, log, logTopic, buildHappened(build, event, clients.now(), { url, reason }));
    await send(clients.sqs, signals, signalsTopic, signal);
    return signal;
  };
}

/** Undefined for a tree that could not be composed: the planner tells the log. And for a trunk that needed no build. */
function eventOf({ kind }: BuildVerdict): "built" | "build_failed" | "build_stopped" | undefined {
  switch (kind) {
    case "passed":
      return "built";
    case "failed":
    case "infrastructure":
      return "build_failed";
    case "cancelled":
    case "refuted":
      return "build_stopped";
    case "unappliable":
    case "unchanged":
      return undefined;
  }
}
