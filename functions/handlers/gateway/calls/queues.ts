import type { QueueList } from "../../../contracts/api.ts";
import type { Route } from "../../http.ts";
import { type Gateway, queueOf } from "../gateway.ts";
import { shownQueue } from "../shown.ts";

/** The configured queues, in the order of the configuration. One Query. */
export const queues = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues",
  answer: async () => {
    const modes = await gateway.view.modes();
    const body: QueueList = {
      queues: [...gateway.queues.values()].map((config) => shownQueue(config, modes.get(config.name))),
    };
    return { status: 200, body };
  },
});

/** One of them. One GetItem. */
export const queue = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}",
  answer: async (call) => {
    const config = queueOf(gateway, call);
    return { status: 200, body: shownQueue(config, await gateway.view.mode(config.name)) };
  },
});
