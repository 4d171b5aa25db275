import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { z } from "zod";
import { ACCOUNT } from "../../lib/cloudformation/resolver.ts";

export interface HttpApi {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  /** Takes no more calls, and waits for those that are being answered. */
  close(): Promise<void>;
}

/** Limits of API Gateway's HTTP APIs. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
const TIMEOUT_MS = 29_000;

/** An HTTP API whose every route is one function: payload format 2.0, on loopback. Port 0 takes any. Throws when the port is taken. */
export async function serveHttpApi(port: number, invoke: (event: object) => Promise<unknown>): Promise<HttpApi> {
  const server = createServer((request, response) => {
    // A connection that is kept would keep a server that is closing.
    response.once("finish", () => !server.listening && setImmediate(() => server.closeIdleConnections()));
    answer(request, response, invoke).catch(() => reply(response, 500, { message: "Internal Server Error" }));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  invoke: (event: object) => Promise<unknown>,
): Promise<void> {
  const body = await bodyOf(request);
  if (body === undefined) return reply(response, 413, { message: "Request Entity Too Large" });
  const { promise: overdue, resolve } = Promise.withResolvers<"overdue">();
  const timer = setTimeout(() => resolve("overdue"), TIMEOUT_MS);
  const result = await Promise.race([invoke(eventOf(request, body)), overdue]).finally(() => clearTimeout(timer));
  if (result === "overdue") return reply(response, 503, { message: "Service Unavailable" });
  const shaped = Shaped.safeParse(result);
  if (!shaped.success) return reply(response, 200, result);
  const { statusCode, headers, cookies, body: text, isBase64Encoded } = shaped.data;
  response.writeHead(statusCode, { ...headers, ...(cookies.length > 0 ? { "set-cookie": cookies } : {}) });
  response.end(isBase64Encoded ? Buffer.from(text, "base64") : text);
}

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
  // What is left of a body that is too large is never read: the connection can't be used again.
  const close = status === 413 ? { connection: "close" } : {};
  response.writeHead(status, { "content-type": "application/json", ...close }).end(JSON.stringify(body));
}

/** Undefined when it is too large. */
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

function eventOf(request: IncomingMessage, body: Buffer): APIGatewayProxyEventV2 {
  const { method = "GET", url = "/", headers, socket, httpVersion } = request;
  const cut = url.indexOf("?");
  const rawPath = decoded(cut < 0 ? url : url.slice(0, cut));
  const rawQueryString = cut < 0 ? "" : url.slice(cut + 1);
  const query = Object.entries(Object.groupBy(new URLSearchParams(rawQueryString), ([name]) => name));
  const { cookie, ...others } = headers;
  const isBase64Encoded = body.length > 0 && !TEXT.test(headers["content-type"] ?? "text/plain");
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

/** API Gateway hands paths over decoded. One that does not decode stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
