import type { Ping } from "../../../contracts/api/service-views.ts";
import type { Route } from "../../http.ts";
import type { Gateway } from "../gateway.ts";
import { timestamp } from "../shown.ts";

/** Liveness. No calls to AWS. */
export const ping = ({ now }: Gateway, version: string): Route => ({
  method: "GET",
  path: "/v1/ping",
  answer: async () => {
    const body: Ping = { service: "gateway", version, time: timestamp(now()) };
    return { status: 200, body };
  },
});
