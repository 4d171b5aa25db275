import { need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { logTopic } from "../../contracts/messages.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";
import { storesOf } from "./gateway.ts";
import { record } from "./record.ts";

/** Consumes the log topic: the only way in which the orchestrator's words reach the request log. */
export const wire: Wire = (env, clients) => {
  const stores = storesOf(env, clients);
  return queueHandler(logTopic, clients, need(env, ENV.deadLetters), (entry) => record(stores, entry));
};

export const handler = onLambda(wire);
