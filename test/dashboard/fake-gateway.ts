import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import type { QueueNow } from "../../dashboard/contract.ts";
import type { Me } from "../../functions/contracts/api/service-views.ts";
import type { Trends } from "../../functions/contracts/api/trend-views.ts";
import type { PageSettings } from "../../functions/contracts/page.ts";
import { type AnswerPage, pageIn } from "../../functions/handlers/gateway/page.ts";
import { buildPage } from "../../lib/page.ts";
import { type Told, trends } from "./scenes.ts";

/** An answer: a body with status 200, or a status of its own. */
type Answer = { readonly status: number; readonly body: unknown };

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
}

/** A gateway that says what a test wants it to say. The page is served as the real one serves it. */
export class FakeGateway {
  readonly url: string;
  /** The calls of the API so far. */
  readonly asked: Asked[] = [];
  queues: QueueNow[] = [];
  requests: Told[] = [];
  trends: Trends = trends();
  /** Who looks at the page. */
  me: Me = { kind: "jwt", name: "ada@example.com", groups: [], queues: [] };
  /** Whether it tells of news, as the embedded runtime does. */
  hasEvents = true;
  /** Answers before the rest does: what it returns is the answer. */
  answer: (asked: Asked) => Answer | Promise<Answer> | undefined = () => undefined;
  readonly #server: ReturnType<typeof createServer>;
  #news = Promise.withResolvers<void>();
  readonly #listeners = new Set<ServerResponse>();

  private constructor(url: string, server: ReturnType<typeof createServer>) {
    this.url = url;
    this.#server = server;
  }

  static async start(settings: PageSettings = { auth: "open", version: "1.2.3" }): Promise<FakeGateway> {
    const page = pageIn(pageFiles(), settings);
    const server = createServer((request, response) => void fake.#serve(page, request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const fake: FakeGateway = new FakeGateway(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    return fake;
  }

  /** Answers the calls that wait for news of a request. */
  hasNews(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }

  /** Tells open pages that something happened in a queue. */
  tell(queue = "main"): void {
    for (const listener of this.#listeners) listener.write(`data: ${JSON.stringify({ data: { queue } })}\n\n`);
  }

  /** How many pages listen to the stream of events. */
  get listening(): number {
    return this.#listeners.size;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(page: AnswerPage, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const [asIs = "/"] = url.split("?", 1);
    const path = asIs.replace(/^\/jwt(?=\/v1)/, "");
    const served = page({ headers, requestContext: { http: { method, path } } } as unknown as APIGatewayProxyEventV2);
    if (served !== undefined) {
      response.writeHead(served.statusCode ?? 200, { ...(served.headers as Record<string, string>) });
      response.end(served.body === undefined ? undefined : Buffer.from(served.body, "base64"));
      return;
    }
    if (path === "/v1/events" && this.hasEvents) return this.#listen(response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const asked: Asked = {
      method,
      path: url,
      body: text === "" ? undefined : JSON.parse(text),
      headers,
    };
    this.asked.push(asked);
    if (url.includes("wait=")) await this.#news.promise;
    const { status, body } = (await this.answer(asked)) ?? this.#known(path) ?? NOTHING;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  #listen(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": hello\n\n");
    this.#listeners.add(response);
    response.on("close", () => this.#listeners.delete(response));
  }

  #known(path: string): Answer | undefined {
    if (path === "/v1/me") return ok(this.me);
    if (path === "/v1/queues") return ok({ queues: this.queues });
    const [, , , name, rest, number, verb] = path.split("/");
    const queue = this.queues.find((one) => one.name === name);
    if (queue === undefined) return undefined;
    if (rest === undefined) return ok(queue);
    if (rest === "trends") return ok(this.trends);
    if (rest === "requests" && number === undefined)
      return ok({ requests: this.requests.map(({ summary }) => summary) });
    const told = this.requests.find(({ summary }) => String(summary.number) === number);
    if (told === undefined) return undefined;
    if (verb === undefined) return ok(told.summary);
    if (verb === "history") return ok({ sqid: told.summary.sqid, events: told.history });
    return verb === "why" ? ok(told.why) : undefined;
  }
}

const ok = (body: unknown): Answer => ({ status: 200, body });
const NOTHING: Answer = {
  status: 404,
  body: {
    type: "urn:x",
    title: "There is nothing at this path",
    status: 404,
    code: "route.unknown",
    detail: "There is nothing here.",
  },
};

let built: string | undefined;

/** The files of the page, built once per process. */
export function pageFiles(): string {
  if (built === undefined) {
    built = mkdtempSync(join(tmpdir(), "submitqueue-page-"));
    buildPage(built);
  }
  return built;
}
