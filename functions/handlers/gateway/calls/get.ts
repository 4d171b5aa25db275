import type { Route } from "../../http.ts";
import { type Gateway, summaryOf } from "../gateway.ts";
import { shown } from "../shown.ts";

/** Where a request stands. One strongly consistent GetItem. */
export const get = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/requests/{n}",
  answer: async (call) => ({ status: 200, body: shown(await summaryOf(gateway, call)) }),
});
