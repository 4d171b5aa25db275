import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { type Env, need } from "../../adapters/settings.ts";
import { ApiAuth, JWT_PREFIX } from "../../contracts/caller.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { isPagePath } from "../../contracts/page.ts";
import { httpHandler, type Route } from "../http.ts";
import { isHttpEvent } from "../http-call.ts";
import { callersBy } from "../http-caller.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { cancel } from "./calls/cancel.ts";
import { get } from "./calls/get.ts";
import { history } from "./calls/history.ts";
import { land } from "./calls/land.ts";
import { links, root } from "./calls/links.ts";
import { list } from "./calls/list.ts";
import { me } from "./calls/me.ts";
import { drain, pause, resume } from "./calls/modes.ts";
import { ping } from "./calls/ping.ts";
import { askPreflight, preflight } from "./calls/preflights.ts";
import { prioritize } from "./calls/prioritize.ts";
import { queue, queues } from "./calls/queues.ts";
import { recheck } from "./calls/recheck.ts";
import { apiDocument, docs } from "./calls/reference.ts";
import { trends } from "./calls/trends.ts";
import { trial } from "./calls/trials.ts";
import { why } from "./calls/why.ts";
import { type Gateway, gatewayOf } from "./gateway.ts";
import { pageOf } from "./page.ts";

const ROUTES = [
  root,
  links,
  land,
  cancel,
  prioritize,
  recheck,
  get,
  history,
  why,
  list,
  queues,
  queue,
  trends,
  trial,
  askPreflight,
  preflight,
  me,
  pause,
  resume,
  drain,
];

/** Every call of the API. */
export const routesOf = (gateway: Gateway, version: string): readonly Route[] => [
  ...ROUTES.map((route) => route(gateway)),
  ping(gateway, version),
  apiDocument(),
  docs(),
];

/** The HTTP API, and the page that shows it: one Lambda for all their calls. */
export const wire: Wire = (env, clients) => {
  const auth = authIn(env);
  const answer = httpHandler(routesOf(gatewayOf(env, clients), need(env, ENV.version)), clients, {
    callerOf: callersBy(auth),
    ...(auth === "iam+jwt" ? { prefix: JWT_PREFIX } : {}),
    ...(env[ENV.pageDirectory] === undefined ? {} : { isServed: (path: string) => path !== "/" && isPagePath(path) }),
  });
  const page = pageOf(env);
  return async (event, context) =>
    (isHttpEvent(event) && isForPage(event) ? page(event) : undefined) ?? answer(event, context);
};

/** At `/` a browser gets the page, and any other program the links of the API. */
const isForPage = ({ rawPath, headers }: APIGatewayProxyEventV2): boolean =>
  rawPath !== "/" || (headers["accept"] ?? "").includes("text/html");

/** Throws config.invalid. */
function authIn(env: Env): ApiAuth {
  const auth = ApiAuth.safeParse(need(env, ENV.apiAuth));
  if (auth.success) return auth.data;
  throw new CodedError("config.invalid", `${ENV.apiAuth} is none of ${ApiAuth.options.join(", ")}`);
}

export const handler = onLambda(wire);
