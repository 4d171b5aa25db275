import { type Env, need } from "../../adapters/settings.ts";
import { ApiAuth, JWT_PREFIX } from "../../contracts/caller.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { httpHandler } from "../http.ts";
import { callersBy } from "../http-caller.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { cancel } from "./calls/cancel.ts";
import { get } from "./calls/get.ts";
import { history } from "./calls/history.ts";
import { land } from "./calls/land.ts";
import { list } from "./calls/list.ts";
import { drain, pause, resume } from "./calls/modes.ts";
import { ping } from "./calls/ping.ts";
import { queue, queues } from "./calls/queues.ts";
import { why } from "./calls/why.ts";
import { gatewayOf } from "./gateway.ts";

/** The HTTP API: one Lambda for all its calls. */
export const wire: Wire = (env, clients) => {
  const gateway = gatewayOf(env, clients);
  const calls = [land, cancel, get, history, why, list, queues, queue, pause, resume, drain].map((call) =>
    call(gateway),
  );
  const auth = authIn(env);
  return httpHandler([...calls, ping(gateway, need(env, ENV.version))], clients, {
    callerOf: callersBy(auth),
    ...(auth === "iam+jwt" ? { prefix: JWT_PREFIX } : {}),
  });
};

/** Throws config.invalid. */
function authIn(env: Env): ApiAuth {
  const auth = ApiAuth.safeParse(need(env, ENV.apiAuth));
  if (auth.success) return auth.data;
  throw new CodedError("config.invalid", `${ENV.apiAuth} is none of ${ApiAuth.options.join(", ")}`);
}

export const handler = onLambda(wire);
