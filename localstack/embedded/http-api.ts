import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import * as z from "zod";
import { CodedError, type ErrorCode } from "../../functions/contracts/errors.ts";
import { isPagePath } from "../../functions/contracts/page.ts";
import { unauthenticated } from "../../functions/handlers/http-caller.ts";
import { problemOf } from "../../functions/handlers/http-problem.ts";
import { ACCOUNT } from "../../lib/cloudformation/resolver.ts";
import { KEPT_CONNECTIONS } from "../kept-connections.ts";
import type { HttpAuthorizer } from "./api-tokens.ts";
import type { EventBus } from "./event-bus.ts";
import { type EventStreams, eventStreams } from "./event-streams.ts";
import { type Foreign, foreignIn } from "./loopback.ts";

export interface HttpApi {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  /** Takes no more calls, and waits for the calls that are being answered. */
  close(): Promise<void>;
}

export interface HttpApiOptions {
  /** Absent: every caller is let in, without a name. */
  readonly authorize?: HttpAuthorizer;
  /** Absent: there is no stream of events. */
  readonly bus?: EventBus;
  readonly hooks?: readonly Hook[];
}

/** Limits of API Gateway's HTTP APIs. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
const TIMEOUT_MS = 29_000;

/**
 * An HTTP API whose every route is one function: payload format 2.0, on loopback. Port 0 takes any. Throws when the port is taken. Where
 * there is a bus of events, `GET /v1/events` streams its events as they come.
 *
 * What a web page of another site sends is refused here and not in the function: on AWS, API Gateway is called by its own name, and
 * callers sign their calls.
 */
export async function serveHttpApi(
  port: number,
  invoke: (event: object) => Promise<unknown>,
  { authorize = () => ({}), bus, hooks = [] }: HttpApiOptions = {},
): Promise<HttpApi> {
  const streams = bus && eventStreams(bus);
  // A call without Host is refused below, with a problem document.
  const server = createServer({ ...KEPT_CONNECTIONS, requireHostHeader: false }, (request, response) => {
    // A connection that is kept would keep a server that is closing.
    response.once("finish", () => !server.listening && setImmediate(() => server.closeIdleConnections()));
    answer(request, response, { invoke, authorize, streams, hooks }).catch(() => {
      // A body that broke off, or that is no HTTP: the caller is gone, or `clientError` answers.
      if (!request.complete) return;
      reply(response, 500, { message: "Internal Server Error" });
    });
  });
  server.on("checkExpectation", (request, response) =>
    refuse(response, unreadable(`the expectation ${request.headers.expect} is not met here`), request.url),
  );
  server.on("connect", (_request, socket) => refuseUnread(socket, unreadable("this server is no proxy")));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else refuseUnread(socket, error.code === "HPE_HEADER_OVERFLOW" ? HEADERS_TOO_LARGE : unreadable(error.message));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    close: async () => {
      const closed = once(server, "close");
      streams?.end();
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}

interface Answering {
  readonly invoke: (event: object) => Promise<unknown>;
  readonly authorize: HttpAuthorizer;
  readonly streams: EventStreams | undefined;
  readonly hooks: readonly Hook[];
}

/** A path of a function that authenticates its callers itself. */
interface Hook {
  readonly method: string;
  readonly path: string;
  readonly invoke: (event: object) => Promise<unknown>;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { invoke, authorize, streams, hooks }: Answering,
): Promise<void> {
  const foreign = foreignIn(request.headers);
  if (foreign !== undefined) return refuse(response, new CodedError(CODES[foreign.header], foreign.why), request.url);
  const path = request.url?.split("?", 1)[0];
  const hook = hooks.find((one) => one.method === request.method && one.path === path);
  const authorizer = hook !== undefined || isPage(request) ? {} : authorize(request.headers);
  if (authorizer === undefined) {
    const isWrong = request.headers.authorization !== undefined;
    return refuse(response, unauthenticated("token", isWrong), request.url);
  }
  if (streams?.isFor(request))
    return request.method === "GET" ? streams.open(response) : refuse(response, STREAM_ONLY, request.url);
  const body = await bodyOf(request);
  if (body === undefined) return refuse(response, TOO_LARGE, request.url);
  const { promise: overdue, resolve } = Promise.withResolvers<"overdue">();
  const timer = setTimeout(() => resolve("overdue"), TIMEOUT_MS);
  const result = await Promise.race([(hook?.invoke ?? invoke)(eventOf(request, body, authorizer)), overdue]).finally(
    () => clearTimeout(timer),
  );
  if (result === "overdue") return reply(response, 503, { message: "Service Unavailable" });
  const shaped = Shaped.safeParse(result);
  if (!shaped.success) return reply(response, 200, result);
  const { statusCode, headers, cookies, body: text, isBase64Encoded } = shaped.data;
  response.writeHead(statusCode, { ...headers, ...(cookies.length > 0 ? { "set-cookie": cookies } : {}) });
  response.end(isBase64Encoded ? Buffer.from(text, "base64") : text);
}

/** The files of the page tell nothing of a queue, and a user has to see them before logging in. */
const isPage = ({ method, url = "/" }: IncomingMessage): boolean =>
  (method === "GET" || method === "HEAD") && isPagePath(url.split("?", 1)[0] ?? "/");

/** A result with a status is a response; any other is the body of one. */
const Shaped = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({}),
  cookies: z.array(z.string()).default([]),
  body: z.string().default(""),
  isBase64Encoded: z.boolean().default(false),
});

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const CODES: Readonly<Record<Foreign["header"], ErrorCode>> = {
  host: "request.foreign_host",
  origin: "request.foreign_origin",
  "sec-fetch-site": "request.foreign_origin",
};
const TOO_LARGE = new CodedError(
  "request.too_large",
  `A body has at most ${MAX_BODY_BYTES} bytes, and this one has more.`,
);
const STREAM_ONLY = new CodedError("route.method_not_allowed", "/v1/events takes GET alone.", {
  detail: { allow: "GET" },
});
const HEADERS_TOO_LARGE = new CodedError(
  "request.headers_too_large",
  "The address and the headers have at most 16 KB together.",
);
const unreadable = (why: string): CodedError =>
  new CodedError("request.invalid", `This is no request that can be read: ${why}.`);

/** Answers without the function, with a problem document. What is left of the body is never read: the connection can't be used again. */
function refuse(response: ServerResponse, error: CodedError, target = "/"): void {
  const [instance = "/"] = target.split("?");
  const problem = problemOf(error, instance);
  const body = `${JSON.stringify(problem, null, 2)}\n`;
  const { challenge, allow } = error.detail;
  response.writeHead(problem.status, {
    ...PROBLEM_HEADERS,
    ...(typeof allow === "string" ? { allow } : {}),
    ...(typeof challenge === "string" ? { "www-authenticate": challenge } : {}),
    "content-length": Buffer.byteLength(body),
    "x-request-id": randomUUID(),
    connection: "close",
  });
  // Node.js leaves the body out of the answer to a HEAD.
  response.end(body);
}

const PROBLEM_HEADERS = { "content-type": "application/problem+json", "cache-control": "no-store" };

/** The same for what never became a request. */
function refuseUnread(socket: Duplex, error: CodedError): void {
  const problem = problemOf(error, "/");
  const body = JSON.stringify(problem);
  const headers = { ...PROBLEM_HEADERS, "content-length": Buffer.byteLength(body), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join("")}\r\n${body}`);
}

/** The body of a request. Undefined when it is larger than MAX_BODY_BYTES. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const TEXT = /^(text\/|application\/([\w.-]+\+)?(json|xml|javascript|x-www-form-urlencoded)\b)/;

function eventOf(request: IncomingMessage, body: Buffer, authorizer: object): APIGatewayProxyEventV2 {
  const { method = "GET", url = "/", headers, socket, httpVersion } = request;
  const cut = url.indexOf("?");
  const rawPath = decoded(cut < 0 ? url : url.slice(0, cut));
  const rawQueryString = cut < 0 ? "" : url.slice(cut + 1);
  const query = Object.entries(Object.groupBy(new URLSearchParams(rawQueryString), ([name]) => name));
  const { cookie, ...others } = headers;
  const isText = TEXT.test(headers["content-type"] ?? "text/plain") && isUtf8(body);
  const isBase64Encoded = body.length > 0 && !isText;
  const now = new Date();
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/; */) }),
    headers: Object.fromEntries(Object.entries(others).map(([name, value]) => [name, [value].flat().join(",")])),
    ...(query.length === 0
      ? {}
      : {
          queryStringParameters: Object.fromEntries(
            query.map(([name, pairs = []]) => [name, pairs.map(([, value]) => value).join(",")]),
          ),
        }),
    requestContext: {
      accountId: ACCOUNT,
      apiId: "local",
      ...(Object.keys(authorizer).length === 0 ? {} : { authorizer }),
      domainName: headers.host ?? "127.0.0.1",
      domainPrefix: "local",
      http: {
        method,
        path: rawPath,
        protocol: `HTTP/${httpVersion}`,
        sourceIp: socket.remoteAddress ?? "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId: randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...(body.length === 0 ? {} : { body: body.toString(isBase64Encoded ? "base64" : "utf8") }),
    isBase64Encoded,
  };
}

/**
 * API Gateway hands paths over decoded. A slash and a percent sign stay encoded, so that no segment becomes two and none is decoded
 * twice. A path that does not decode stays as it is.
 */
function decoded(path: string): string {
  try {
    return path
      .split(/(%2[5f])/i)
      .map((part, index) => (index % 2 === 0 ? decodeURIComponent(part) : part))
      .join("");
  } catch {
    return path;
  }
}
