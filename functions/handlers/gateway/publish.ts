import type { Clients } from "../../adapters/aws-clients.ts";
import { type EventBus, eventBridge } from "../../adapters/event-bus.ts";
import { type Env, need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import type { LogEvent } from "../../contracts/log-event.ts";
import type { ModeChanged, TrunkChanged } from "../../contracts/messages/log-messages.ts";
import { queueEventOf, requestEventOf, trunkEventOf } from "../../domain/lifecycle-event.ts";
import type { Summary } from "../../domain/request-log.ts";

/** Where lifecycle events go, and what tells this deployment from others. */
export interface Publishing {
  readonly bus: EventBus;
  readonly deployment: string;
}

/** Throws config.invalid. */
export const publishingOf = (env: Env, { events }: Clients): Publishing => ({
  bus: eventBridge(events, need(env, ENV.eventBus)),
  deployment: need(env, ENV.deployment),
});

/** One PutEvents per ten entries. Throws as EventBus does. */
export const publishEntries = (
  { bus, deployment }: Publishing,
  entries: readonly LogEvent[],
  summary: Summary,
): Promise<void> => bus.publish(entries.map((entry) => requestEventOf(deployment, entry, summary)));

/** One PutEvents. Throws as EventBus does. */
export const publishMode = ({ bus, deployment }: Publishing, changed: ModeChanged): Promise<void> =>
  bus.publish([queueEventOf(deployment, changed)]);

/** One PutEvents. Throws as EventBus does. */
export const publishTrunk = ({ bus, deployment }: Publishing, changed: TrunkChanged): Promise<void> =>
  bus.publish([trunkEventOf(deployment, changed)]);
