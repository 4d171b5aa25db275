import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isPagePath, PROXY_HEADER } from "../../functions/contracts/page.ts";
import { Guard } from "./guard.ts";
import type { Sign } from "./sign.ts";

export interface UiOptions {
  /** Of the API, with or without a stage. */
  readonly url: string;
  readonly sign: Sign;
  /** Of the proxy on 127.0.0.1. Default 0: any. */
  readonly port?: number;
}

export interface Ui {
  /** Where one browser is let in, once. */
  addressOf(path: string): string;
  close(): Promise<void>;
}

const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PATCH"];
/** What the API takes. */
const MAX_BODY_BYTES = 256 * 1024;
/** What of a browser's headers the API is to see, and of the API's headers the browser. */
const SENT = ["accept", "content-type", "idempotency-key", "if-none-match"];
const RETURNED =
  /^(cache-control|content-security-policy|content-type|cross-origin-opener-policy|date|etag|referrer-policy|retry-after|vary|x-content-type-options|x-request-id)$/;

/** Serves the page of an API on loopback, and makes the page's calls in the name of the user who runs it. Throws when the port is taken. */
export async function startUi({ url, sign, port = 0 }: UiOptions): Promise<Ui> {
  const gone = new AbortController();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else say(response, 502, `The API does not answer: ${error instanceof Error ? error.message : String(error)}`);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const guard = new Guard(`127.0.0.1:${(server.address() as AddressInfo).port}`);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url: target = "/", method = "GET", headers } = request;
    const ruling = guard.rule(target, headers);
    if (ruling.kind === "refused") return say(response, 403, ruling.why);
    if (ruling.kind === "key") {
      response.writeHead(303, { location: ruling.to, "set-cookie": ruling.cookie, "cache-control": "no-store" }).end();
      return;
    }
    const called = URL.parse(target, "http://127.0.0.1");
    const isServed = called !== null && (isPagePath(called.pathname) || called.pathname.startsWith("/v1/"));
    if (!isServed || !METHODS.includes(method)) return say(response, 404, "There is nothing here.");
    await forward(request, response, new URL(`${url.replace(/\/$/, "")}${called.pathname}${called.search}`));
  }

  async function forward(request: IncomingMessage, response: ServerResponse, to: URL): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return say(response, 413, `A body has at most ${MAX_BODY_BYTES} bytes.`);
    const { method = "GET" } = request;
    const own = SENT.flatMap((name) =>
      request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]],
    );
    const headers = await sign({ method, url: to, headers: { ...Object.fromEntries(own), [PROXY_HEADER]: "1" }, body });
    const left = new AbortController();
    response.once("close", () => left.abort());
    const answered = await fetch(to, {
      method,
      headers,
      redirect: "manual",
      signal: AbortSignal.any([gone.signal, left.signal]),
      ...(body.length === 0 ? {} : { body }),
    });
    // Unpacked by fetch: its length and encoding are not those that the API named.
    const returned = [...answered.headers].filter(([name]) => RETURNED.test(name));
    response.writeHead(answered.status, Object.fromEntries(returned));
    if (answered.body === null) return void response.end();
    await pipeline(Readable.fromWeb(answered.body), response).catch(() => response.destroy());
  }

  return {
    addressOf: (path) => guard.addressOf(path),
    close: async () => {
      gone.abort();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  });
  response.end(`${text}\n`);
}

/** The body of a call. Undefined when it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}
