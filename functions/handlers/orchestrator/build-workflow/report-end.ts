import type { Clients } from "../../../adapters/aws-clients.ts";
import { type Env, need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { type SignalOf, signalsTopic } from "../../../contracts/messages/signals.ts";
import type { BuildEnd, BuildOrder } from "../../../contracts/workflows.ts";

/** What a report tells of the build beside its verdict. */
type ReportedBuild = Pick<BuildOrder, "queue" | "batchId" | "buildKey">;

/** Tells how a build came out. Answers the signal. A repeat is harmless: the signal is the same one. */
export type ReportEnd = (build: ReportedBuild, end: BuildEnd) => Promise<SignalOf<"build-finished">>;

/** Tells the planner, who tells the log. One call; none when the planner has been told already. */
export function reporterOf(env: Env, clients: Clients): ReportEnd {
  const signals = need(env, ENV.signalsTopic);
  return async ({ queue, batchId, buildKey }, { verdict, url, endedAt, reported }) => {
    const known = { ...(url === undefined ? {} : { url }), ...(endedAt === undefined ? {} : { endedAt }) };
    const signal = { v: 1, kind: "build-finished", queue, batchId, buildKey, verdict, ...known } as const;
    if (!reported) await send(clients.sqs, signals, signalsTopic, signal);
    return signal;
  };
}
