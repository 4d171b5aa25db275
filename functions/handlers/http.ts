import middy from "@middy/core";
import httpRouter from "@middy/http-router";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { Clients } from "../adapters/aws-clients.ts";
import type { Caller } from "../contracts/caller.ts";
import { CodedError } from "../contracts/errors.ts";
import { type Call, callOf, isHttpEvent, requestIdOf } from "./http-call.ts";
import { anonymous, type CallerOf } from "./http-caller.ts";
import { problemOf } from "./http-problem.ts";
import type { LambdaContext, LambdaHandler } from "./on-lambda.ts";

/** The answer to a call. */
export interface Answer {
  readonly status: number;
  /** Sent as JSON. A text with a content type of its own is sent as it is. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One call of the API. `path` names its parameters in braces; a GET answers HEAD too. */
export interface Route {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: `/${string}`;
  /** The query parameters that the call takes. Default: none. Any other is refused. */
  readonly takes?: readonly string[];
  readonly answer: (call: Call) => Promise<Answer>;
}

type Response = APIGatewayProxyStructuredResultV2 & { readonly code?: string };

export interface HttpOptions {
  /** Default: every caller is anonymous. */
  readonly callerOf?: CallerOf;
  /** Is removed from the start of each path. */
  readonly prefix?: string;
  /** True for a path whose GET is answered before it comes here: another method is not allowed there. */
  readonly isServed?: (path: string) => boolean;
}

/** Who makes each call, for its line in the log: noted once the caller is known. */
type Callers = WeakMap<object, Caller>;

/**
 * An API as one Lambda behind API Gateway's HTTP API (payload format 2.0). An error of a route becomes a problem document
 * (RFC 9457); an error that is not the caller's shows its code and nothing more. One line is logged per call.
 */
export function httpHandler(
  routes: readonly Route[],
  { log, now }: Pick<Clients, "log" | "now">,
  { callerOf = anonymous, prefix, isServed = () => false }: HttpOptions = {},
): LambdaHandler {
  const callers: Callers = new WeakMap();
  const router = httpRouter<APIGatewayProxyEventV2, Response>({
    routes: routes.flatMap(({ method, path, takes = [], answer }) =>
      (method === "GET" ? (["GET", "HEAD"] as const) : [method]).map((verb) => ({
        method: verb,
        path,
        handler: async (event: APIGatewayProxyEventV2, context: LambdaContext) => {
          const caller = callerOf(event);
          callers.set(event, caller);
          const call = callOf(event, { takes, caller, prefix: isBelow(prefix, event.rawPath) ? prefix : "" });
          return responseOf(await inTime(context, answer(call)), isForPeople(event));
        },
      })),
    ),
    notFoundResponse: ({ method, path }) => unrouted(methodsAt(routes, isServed, method, path), method, path),
  });

  const stack = middy((event: APIGatewayProxyEventV2, context: LambdaContext) => router(event, context))
    .use(logging(log, now, callers))
    .use(framing)
    .use(problems);
  return async (event, context) => {
    if (!isHttpEvent(event)) throw new CodedError("internal", "this is no event of an HTTP API (payload format 2.0)");
    return stack(routed(event, prefix), context);
  };
}

const isBelow = (prefix: string | undefined, path: string): prefix is string =>
  prefix !== undefined && (path === prefix || path.startsWith(`${prefix}/`));

/** The event, with the prefix removed from its path, and without API Gateway's parameter `proxy`, which is the rest of the path. */
function routed(event: APIGatewayProxyEventV2, prefix: string | undefined): APIGatewayProxyEventV2 {
  const { rawPath, requestContext } = event;
  if (!isBelow(prefix, rawPath)) return event;
  const path = rawPath.slice(prefix.length) || "/";
  const { pathParameters: _, ...rest } = event;
  return { ...rest, requestContext: { ...requestContext, http: { ...requestContext.http, path } } };
}

/**
 * How long before the end of the invocation a call is answered at the latest: Lambda's own answer would be a 500 without a problem document.
 */
const MARGIN_MS = 1_000;

const LATE = [
  "The call was not answered in time, because the service or something that it needs is busy. What you asked for may have been accepted.",
  "Send the same call again after a moment; with the Idempotency-Key that you sent, you get the request that was accepted.",
].join(" ");

/** Throws service.overloaded when the invocation is nearly over. The work goes on then, for as long as Lambda lets it. */
async function inTime<T>(context: Partial<LambdaContext>, work: Promise<T>): Promise<T> {
  const leftMs = context.getRemainingTimeInMillis?.();
  if (leftMs === undefined) return work;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new CodedError("service.overloaded", LATE)), Math.max(0, leftMs - MARGIN_MS));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/**
 * True when the call accepts any content type, as curl and browsers do: then the answer is laid out for people to read. A program asks for
 * JSON.
 */
const isForPeople = ({ headers }: APIGatewayProxyEventV2): boolean => {
  const accept = headers["accept"]?.trim() ?? "";
  return accept === "" || accept === "*/*" || accept.includes("text/html");
};

/** A longer answer is not laid out for people: with its blanks it could be larger than what Lambda answers. */
const MOST_LAID_OUT = 1_000_000;

function jsonText(body: unknown, forPeople: boolean): string {
  const text = JSON.stringify(body);
  return forPeople && text.length <= MOST_LAID_OUT ? `${JSON.stringify(body, null, 2)}\n` : text;
}

const responseOf = ({ status, body, headers = {} }: Answer, forPeople: boolean): Response => ({
  statusCode: status,
  headers: { "content-type": "application/json", ...headers },
  body: typeof body === "string" && "content-type" in headers ? body : jsonText(body, forPeople),
});

/** The methods that a path takes, for a call that has no route. */
function methodsAt(routes: readonly Route[], isServed: (path: string) => boolean, method: string, path: string) {
  const isMissing = method === "GET" || method === "HEAD";
  return [
    ...routes.filter((route) => patternOf(route.path).test(path)).map((route) => route.method),
    ...(isServed(path) && !isMissing ? ["GET"] : []),
  ];
}

/**
 * The answer to a call without a route. For a path that is known under other methods, the answer names these methods, which is also the
 * answer to OPTIONS.
 */
function unrouted(here: readonly string[], method: string, path: string): Response {
  if (here.length === 0)
    throw new CodedError("route.unknown", `There is nothing at ${path}. GET /v1 names what there is.`);
  const allow = [...here, ...(here.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
  if (method === "OPTIONS") return { statusCode: 204, headers: { allow } };
  throw new CodedError("route.method_not_allowed", `${path} does not take ${method}: use ${allow}.`, {
    detail: { allow },
  });
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, "[^/]+")}/?$`);

type Middleware = middy.MiddlewareObj<APIGatewayProxyEventV2, Response>;

/** Turns errors into responses. The innermost middleware, so that the other middlewares always see a response. */
const problems: Middleware = {
  onError: (request) => {
    const { event, error } = request;
    const problem = problemOf(error, event.rawPath);
    const { allow, challenge } = error instanceof CodedError ? error.detail : {};
    request.response = {
      statusCode: problem.status,
      code: problem.code,
      headers: {
        "content-type": "application/problem+json",
        ...(typeof allow === "string" ? { allow } : {}),
        ...(typeof challenge === "string" ? { "www-authenticate": challenge } : {}),
        ...(problem.status === 503 ? { "retry-after": problem.code === "service.overloaded" ? "5" : "1" } : {}),
      },
      body: jsonText(problem, isForPeople(event)),
    };
  },
};

/** Adds the headers of every response, and removes the body of an answer to HEAD. */
const frame: NonNullable<Middleware["after"]> = (request) => {
  const { event, response } = request;
  if (!response) return;
  const { body, headers, ...rest } = response;
  const isHead = event.requestContext.http.method === "HEAD";
  request.response = {
    ...rest,
    headers: { ...headers, "cache-control": "no-store", "x-request-id": requestIdOf(event) },
    ...(body === undefined || isHead ? {} : { body }),
  };
};
const framing: Middleware = { after: frame, onError: frame };

function logging(log: Clients["log"], now: Clients["now"], callers: Callers): Middleware {
  const startedAt = new WeakMap<object, number>();
  const line: NonNullable<Middleware["after"]> = (request) => {
    const { event, response, error } = request;
    const { code, ...plain } = response ?? {};
    const status = plain.statusCode ?? 500;
    const { method } = event.requestContext.http;
    const durationMs = now() - (startedAt.get(event) ?? now());
    const caller = callers.get(event)?.name;
    const fields = { requestId: requestIdOf(event), method, path: event.rawPath, caller, status, code, durationMs };
    if (status >= 500) log.error({ ...fields, err: error }, "call failed");
    else if (status === 401 || status === 403) log.warn({ ...fields, refused: String(error) }, "call refused");
    else log.info(fields, "call");
    request.response = plain;
  };
  return {
    before: ({ event }) => {
      startedAt.set(event, now());
    },
    after: line,
    onError: line,
  };
}
