import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import * as z from "zod";
import { signerOf } from "../../functions/adapters/build-runner/http/signature.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { KEPT_CONNECTIONS } from "../kept-connections.ts";

const Start = z.object({
  type: z.literal("build.start"),
  key: z.string(),
  commit: z.string(),
  ref: z.string(),
  base: z.string(),
  queue: z.string(),
  batch: z.string(),
  changes: z.array(z.string()),
  timeoutSeconds: z.number(),
  callbackUrl: z.string(),
});
export type HttpStart = z.infer<typeof Start>;

/** What becomes of a build. `hangs`: it goes on until it is stopped. */
export interface HttpCourse {
  readonly result: "passed" | "failed" | "infrastructure" | "hangs";
  readonly ms?: number;
  readonly message?: string;
  readonly junit?: string;
}

export interface HttpBuild {
  readonly start: HttpStart;
  readonly course: HttpCourse;
  state: "running" | "passed" | "failed" | "cancelled" | "infrastructure";
  /** When it ended, as ISO 8601. */
  endedAt?: string;
}

export interface FakeHttpCiOptions {
  /** As the queue's secret holds it. */
  readonly secret: string;
  readonly courseOf: (start: HttpStart) => HttpCourse;
  /** False: it names no status URL, and refuses to stop a build. Default: true. */
  readonly watchable?: boolean;
  /** False: it does not say when a build ended. Default: true. */
  readonly tellsEnd?: boolean;
  /** False: it never calls back. Default: true. */
  readonly callsBack?: boolean;
  readonly now?: () => number;
}

/** A CI system that speaks what doc/howto/ci.md asks of one, on loopback, and builds nothing. */
export class FakeHttpCi {
  readonly builds = new Map<string, HttpBuild>();
  /** Method and path of each call that was taken, oldest first. */
  readonly calls: string[] = [];
  /** The status of the next answers, instead of what is asked. 429 asks to be called again after an hour. */
  readonly refusals: number[] = [];
  /** The status of each callback's answer. */
  readonly callbacks: number[] = [];
  readonly #options: FakeHttpCiOptions;
  readonly #server: Server;

  private constructor(options: FakeHttpCiOptions) {
    this.#options = options;
    this.#server = createServer(KEPT_CONNECTIONS, (request, response) => {
      void this.#answer(request, response).catch(() => response.writeHead(500).end());
    });
  }

  static async start(options: FakeHttpCiOptions): Promise<FakeHttpCi> {
    const ci = new FakeHttpCi(options);
    ci.#server.listen(0, "127.0.0.1");
    await once(ci.#server, "listening");
    return ci;
  }

  /** Where builds are started. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/builds`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  /** Ends a build and calls back. */
  async end(name: string, state: Exclude<HttpBuild["state"], "running">): Promise<void> {
    const build = this.builds.get(name);
    if (build === undefined || build.state !== "running") return;
    build.state = state;
    if (this.#options.tellsEnd !== false) build.endedAt = new Date(this.#now).toISOString();
    if (this.#options.callsBack !== false) await this.callBack(build);
  }

  /** Says how the build is, signed. */
  async callBack(
    { start, course: { message, junit }, state, endedAt }: HttpBuild,
    signer = this.#signer,
  ): Promise<void> {
    const { key, commit, callbackUrl } = start;
    const body = JSON.stringify({
      key,
      commit,
      result: state,
      message,
      junit,
      endedAt,
      url: `${this.url}/${key}-${commit}/log`,
    });
    const headers = { ...signer.sign(`end-${key}-${commit}`, body, this.#now), "content-type": "application/json" };
    const { status } = await fetch(callbackUrl, { method: "POST", headers, body });
    this.callbacks.push(status);
  }

  get #signer() {
    return signerOf(this.#options.secret);
  }

  get #now() {
    return epochMs((this.#options.now ?? Date.now)());
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const body = await buffer(request);
    this.calls.push(`${method} ${url}`);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      const later = refusal === 429 ? { "retry-after": "3600" } : {};
      return void response.writeHead(refusal, { location: "/elsewhere", ...later }).end("refused");
    }
    const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    if (!this.#signer.verify(flat, body, this.#now)) return void response.writeHead(401).end("no such signature");
    if (method === "POST") return this.#start(Start.parse(JSON.parse(body.toString("utf8"))), response);
    const name = url.split("/").at(-1) ?? "";
    const build = this.builds.get(name);
    if (this.#options.watchable === false) return void response.writeHead(405).end();
    if (build === undefined) return void response.writeHead(404).end();
    if (method === "DELETE") await this.end(name, "cancelled");
    const { message, junit } = build.course;
    const { endedAt } = build;
    const told = build.state === "running" ? {} : { message, junit, endedAt, url: `${this.url}/${name}/log` };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ result: build.state, ...told }));
  }

  #start(start: HttpStart, response: ServerResponse): void {
    const name = `${start.key}-${start.commit}`;
    if (!this.builds.has(name)) {
      const course = this.#options.courseOf(start);
      this.builds.set(name, { start, course, state: "running" });
      const { result, ms = 0 } = course;
      if (result !== "hangs") setTimeout(() => void this.end(name, result).catch(() => undefined), ms);
    }
    const statusUrl = this.#options.watchable === false ? {} : { statusUrl: `${this.url}/${name}` };
    response.writeHead(202, { "content-type": "application/json" });
    response.end(JSON.stringify({ url: `${this.url}/${name}/log`, ...statusUrl }));
  }
}
