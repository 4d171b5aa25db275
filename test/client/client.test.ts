import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../client/api-error.ts";
import { Client } from "../../client/client.ts";
import { sdkCredentials } from "../../client/credentials.ts";
import { signedFetch, signerFor } from "../../client/sign.ts";
import { verifySignature } from "../../localstack/embedded/signature.ts";

const SHA = "a".repeat(40);
const CHANGE = `git://localhost/shop/refs%2Fheads%2Fx/${SHA}`;

const summary = (number: number) => ({
  sqid: `shop/${number}`,
  queue: "shop",
  number,
  status: "accepted",
  ended: false,
  changes: [CHANGE],
  strategy: "REBASE",
  priority: 0,
  receivedAt: "2026-11-25T10:00:00.000Z",
  updatedAt: "2026-11-25T10:00:00.000Z",
  metadata: {},
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

describe("the client of the HTTP API", () => {
  /** One answer per call, in order; the last one stands for all that follow. */
  let answers: ((response: ServerResponse) => void)[] = [];
  let seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    seen.push({ method, url, headers, body: await text(request) });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response);
  });
  let url = "";

  beforeEach(async () => {
    [answers, seen] = [[], []];
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stage`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  const json =
    (status: number, body: unknown, headers: Record<string, string> = {}) =>
    (response: ServerResponse) => {
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
    };
  const hangUp = (response: ServerResponse) => response.destroy();
  const client = (options = {}) => new Client({ url, ...options });

  it("lands changes under a stage, with the headers that it was given", async () => {
    answers = [json(202, summary(7))];
    const asked = client({ headers: { authorization: "Bearer secret" } }).queue("shop");
    expect((await asked.land([CHANGE], { strategy: "MERGE", priority: 2 })).sqid).toBe("shop/7");
    expect(seen).toMatchObject([
      { method: "POST", url: "/stage/v1/queues/shop/requests", headers: { authorization: "Bearer secret" } },
    ]);
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ changes: [CHANGE], strategy: "MERGE", priority: 2 });
  });

  it("repeats a Land whose answer was lost under the same idempotency key", async () => {
    answers = [hangUp, json(503, { code: "store.unavailable" }, { "retry-after": "0" }), json(202, summary(7))];
    expect((await client().queue("shop").land([CHANGE])).number).toBe(7);
    const keys = seen.map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it("gives every Land a key of its own", async () => {
    answers = [json(202, summary(7))];
    const shop = client().queue("shop");
    await shop.land([CHANGE]);
    await shop.land([CHANGE]);
    expect(new Set(seen.map(({ headers }) => headers["idempotency-key"])).size).toBe(2);
  });

  it.each(["shop/12", "12", 12])("finds request %j by its number", async (id) => {
    answers = [json(200, summary(12))];
    await client().queue("shop").request(id);
    expect(seen[0]?.url).toBe("/stage/v1/queues/shop/requests/12");
  });

  it("reads all pages of a list, one call per page, when they are needed", async () => {
    answers = [
      json(200, { requests: [summary(3), summary(2)], nextPage: "more of it" }),
      json(200, { requests: [summary(1)] }),
    ];
    const numbers: number[] = [];
    for await (const { number } of client().queue("shop").requests({ since: "2026-11-01T00:00:00.000Z" })) {
      if (number === 3) expect(seen).toHaveLength(1);
      numbers.push(number);
    }
    expect(numbers).toEqual([3, 2, 1]);
    expect(seen[1]?.url).toContain("page=more+of+it");
    expect(seen[1]?.url).toContain("since=2026-11-01");
  });

  it("throws the problem of a call that is refused, without repeating it", async () => {
    const problem = {
      type: "t",
      title: "t",
      status: 404,
      code: "queue.unknown",
      detail: "Queue nope is not configured. The queues are: sandbox.",
    };
    answers = [json(404, problem)];
    const refusal = await client()
      .queue("nope")
      .show()
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({
      code: "queue.unknown",
      message: "queue.unknown: Queue nope is not configured. The queues are: sandbox.",
      failure: { kind: "refused", status: 404 },
    });
    expect(seen).toHaveLength(1);
  });

  it("says in a sentence that API Gateway takes no more calls for now, after it has tried again", async () => {
    answers = [json(429, { message: "Too Many Requests" })];
    const asked = client({ retries: 1 }).queue("shop").show();
    await expect(asked).rejects.toThrow("GET /v1/queues/shop was refused, because the API gets too many calls");
    expect(seen).toHaveLength(2);
  });

  it.each([
    ["no answer", hangUp, "unreachable"],
    ["an answer of something else", json(200, { hello: "world" }), "misunderstood"],
    ["an answer that is no JSON", (response: ServerResponse) => response.end("<html>"), "misunderstood"],
    [
      "a redirect, which could carry the credentials elsewhere",
      json(302, {}, { location: "http://127.0.0.1:9/" }),
      "unreachable",
    ],
    ["a gateway error without a problem", json(500, "oops"), "refused"],
  ])("tells %s apart", async (_, answer, kind) => {
    answers = [answer];
    const error = await client({ retries: 0 })
      .ping()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "ApiError", failure: { kind } });
    expect((error as Error).message).toContain("/v1/ping");
  });

  it("ends its calls when its signal aborts", async () => {
    const stop = new AbortController();
    answers = [() => stop.abort(new Error("enough"))];
    await expect(client({ signal: stop.signal }).ping()).rejects.toThrow("enough");
  });

  it("signs each call anew with the credentials of the SDK's chain, so that the signature checks out", async () => {
    const key = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret key" };
    vi.stubEnv("AWS_ACCESS_KEY_ID", key.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", key.secretAccessKey);
    vi.stubEnv("AWS_REGION", "eu-west-1");
    answers = [hangUp, json(200, summary(1)), json(200, { requests: [] })];
    const queue = new Client({ url, fetch: signedFetch({ credentials: sdkCredentials }) }).queue("shop");
    await queue.land([CHANGE]);
    await queue.page({ change: CHANGE, limit: 5 });
    vi.unstubAllEnvs();
    expect(seen.map(({ method }) => method)).toEqual(["POST", "POST", "GET"]);
    const mustCover = ["host", "x-amz-date", "x-amz-content-sha256"];
    for (const { method, url: target, headers, body } of seen) {
      expect(headers.authorization).toMatch(/\/eu-west-1\/execute-api\/aws4_request/);
      const { pathname: path, searchParams } = new URL(target, url);
      const request = { method, path, query: Object.fromEntries(searchParams), headers, body: Buffer.from(body) };
      await verifySignature(request, key, Date.now(), mustCover);
      const altered = { ...request, path: `${path}x` };
      await expect(verifySignature(altered, key, Date.now(), mustCover)).rejects.toThrow("does not match");
    }
  });

  it("takes the region of an API Gateway address, and needs one otherwise", async () => {
    vi.stubEnv("AWS_REGION", undefined);
    vi.stubEnv("AWS_DEFAULT_REGION", undefined);
    const sign = signerFor({ credentials: { accessKeyId: "a", secretAccessKey: "b" } });
    const signed = await sign(new Request("https://x.execute-api.us-east-2.amazonaws.com/v1/ping"));
    expect(signed.headers.get("authorization")).toContain("/us-east-2/execute-api/");
    await expect(sign(new Request(`${url}/v1/ping`))).rejects.toThrow("AWS_REGION");
    vi.unstubAllEnvs();
  });
});
