import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { ACCOUNT, REGION } from "../../lib/cloudformation/resolver.ts";
import type { ScheduleSpec } from "./deployment.ts";

export interface Schedules {
  stop(): void;
}

/**
 * Calls the function of each schedule: once at the start, when there may be something to repair, and then at its rate, or every
 * `everyMs`. A call that is still going on when the next is due is not joined by another.
 */
export function startSchedules(
  specs: readonly ScheduleSpec[],
  invoke: (functionArn: string, event: unknown) => Promise<unknown>,
  log: Logger,
  everyMs?: number,
): Schedules {
  const timers = specs.map((spec) => {
    let going = false;
    const call = async () => {
      if (going) return;
      going = true;
      await invoke(spec.functionArn, spec.input ?? eventOf(spec)).catch((err: unknown) =>
        log.warn({ err, schedule: spec.name }, "a scheduled call failed"),
      );
      going = false;
    };
    void call();
    return setInterval(call, everyMs ?? spec.everyMs);
  });
  return { stop: () => timers.forEach(clearInterval) };
}

const eventOf = ({ name }: ScheduleSpec) => ({
  version: "0",
  id: randomUUID(),
  "detail-type": "Scheduled Event",
  source: "aws.events",
  account: ACCOUNT,
  time: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
  region: REGION,
  resources: [`arn:aws:events:${REGION}:${ACCOUNT}:rule/${name}`],
  detail: {},
});
