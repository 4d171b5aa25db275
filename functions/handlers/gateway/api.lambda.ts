import { need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { httpHandler } from "../http.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { cancel } from "./calls/cancel.ts";
import { get } from "./calls/get.ts";
import { history } from "./calls/history.ts";
import { land } from "./calls/land.ts";
import { list } from "./calls/list.ts";
import { drain, pause, resume } from "./calls/modes.ts";
import { ping } from "./calls/ping.ts";
import { queue, queues } from "./calls/queues.ts";
import { apiDocument, docs } from "./calls/reference.ts";
import { why } from "./calls/why.ts";
import { gatewayOf } from "./gateway.ts";

/** The HTTP API: one Lambda for all its calls. */
export const wire: Wire = (env, clients) => {
  const gateway = gatewayOf(env, clients);
  const calls = [land, cancel, get, history, why, list, queues, queue, pause, resume, drain].map((call) =>
    call(gateway),
  );
  return httpHandler([...calls, ping(gateway, need(env, ENV.version)), apiDocument(), docs()], clients);
};

export const handler = onLambda(wire);
