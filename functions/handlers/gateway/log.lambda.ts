import { need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { logMessages } from "../../contracts/messages.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";
import { storesOf } from "./gateway.ts";
import { publishEntry, publishingOf, publishMode } from "./publish.ts";
import { record } from "./record.ts";

/**
 * Consumes the log topic: the only way in which the orchestrator's words reach the request log. A lifecycle event is published of every
 * message, after its entry was written: a crash in between brings the message back, so that an event comes at least once.
 */
export const wire: Wire = (env, clients) => {
  const stores = storesOf(env, clients);
  const publishing = publishingOf(env, clients);
  return queueHandler(logMessages, clients, need(env, ENV.deadLetters), async (message) => {
    if (message.kind === "mode") return publishMode(publishing, message);
    await publishEntry(publishing, message, await record(stores, message));
  });
};

export const handler = onLambda(wire);
