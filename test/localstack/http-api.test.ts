import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { Problem } from "../../functions/contracts/api/problem.ts";
import { freshToken, tokenAuthorizer } from "../../localstack/embedded/api-tokens.ts";
import { type HttpApi, serveHttpApi } from "../../localstack/embedded/http-api.ts";

let api: HttpApi | undefined;
afterEach(() => api?.close());

/** The event that a function got for a request. */
async function eventOf(path: string, init: RequestInit = {}): Promise<unknown> {
  api = await serveHttpApi(0, async (event) => ({ statusCode: 200, body: JSON.stringify(event) }));
  return (await fetch(`${api.url}${path}`, init)).json();
}

async function answerTo(result: unknown): Promise<Response> {
  api = await serveHttpApi(0, async () => result);
  return fetch(api.url);
}

describe("the HTTP API", () => {
  it("hands over a request in payload format 2.0", async () => {
    const init = { method: "POST", headers: { "Content-Type": "application/json", "X-One": "1" }, body: '{"a":1}' };
    expect(await eventOf("/v1/queues/q%20x/requests?limit=5&tag=a&tag=b", init)).toMatchObject({
      version: "2.0",
      routeKey: "$default",
      rawPath: "/v1/queues/q x/requests",
      rawQueryString: "limit=5&tag=a&tag=b",
      queryStringParameters: { limit: "5", tag: "a,b" },
      headers: { "content-type": "application/json", "x-one": "1" },
      requestContext: {
        http: { method: "POST", path: "/v1/queues/q x/requests", sourceIp: "127.0.0.1" },
        stage: "$default",
      },
      body: '{"a":1}',
      isBase64Encoded: false,
    });
  });

  it("hands over what is no text in base64", async () => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: new Uint8Array([0, 255]),
    };
    expect(await eventOf("/", init)).toMatchObject({ body: "AP8=", isBase64Encoded: true });
  });

  it("hands over text that is not UTF-8 in base64, so that nothing is replaced in it", async () => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Uint8Array.of(0x22, 0xff, 0x22),
    };
    expect(await eventOf("/", init)).toMatchObject({ body: "Iv8i", isBase64Encoded: true });
  });

  it.each([
    ["/%E0%A4%A", "/%E0%A4%A"],
    ["/%zz", "/%zz"],
    ["/a%2Fb", "/a%2Fb"],
    ["/%2573andbox", "/%2573andbox"],
    ["/%73andbox", "/sandbox"],
    ["/%C3%A9", "/é"],
  ])("hands over the path %s as %s: decoded once, and no segment made two", async (path, rawPath) => {
    expect(await eventOf(path)).toMatchObject({ rawPath });
  });

  it("answers as the function says", async () => {
    const response = await answerTo({
      statusCode: 202,
      headers: { location: "/x", "x-n": 3 },
      body: "aGk=",
      isBase64Encoded: true,
    });
    expect([
      response.status,
      response.headers.get("location"),
      response.headers.get("x-n"),
      await response.text(),
    ]).toEqual([202, "/x", "3", "hi"]);
  });

  it("takes a result without a status for the body of a 200", async () => {
    const response = await answerTo({ ok: true });
    expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
  });

  it("refuses a body of more than ten megabytes without calling the function", async () => {
    let called = false;
    api = await serveHttpApi(0, async () => {
      called = true;
      return null;
    });
    const response = await fetch(api.url, { method: "POST", body: "x".repeat(10 * 1024 * 1024 + 1) });
    expect([response.status, called]).toEqual([413, false]);
    expect(Problem.parse(await response.json())).toMatchObject({ code: "request.too_large" });
  });

  it("answers 500 when the function fails, and tells nothing of why", async () => {
    api = await serveHttpApi(0, async () => {
      throw new Error("secret");
    });
    const response = await fetch(api.url);
    expect([response.status, await response.json()]).toEqual([500, { message: "Internal Server Error" }]);
  });

  it("says so when its port is taken", async () => {
    api = await serveHttpApi(0, async () => null);
    await expect(serveHttpApi(Number(new URL(api.url).port), async () => null)).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
  });
});

/** An API that counts the calls which get to its function. */
async function counting() {
  const calls: string[] = [];
  api = await serveHttpApi(0, async (event) => {
    calls.push(JSON.stringify(event));
    return { statusCode: 200, body: "reached" };
  });
  return { url: api.url, port: Number(new URL(api.url).port), calls };
}

/** Sends exactly these headers: fetch would put its own in their place. */
async function sendTo(url: string, method: string, headers: Record<string, string>) {
  const sent = request(url, { method, headers }).end();
  const [response] = await once(sent, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

describe("a page of another site", () => {
  it.each<[string, string, Record<string, string>, string]>([
    ["that has its own name point here", "GET", { host: "evil.example:3000" }, "request.foreign_host"],
    ["that has its own name point here, to pause", "POST", { host: "evil.example" }, "request.foreign_host"],
    ["that posts", "POST", { origin: "https://evil.example" }, "request.foreign_origin"],
    ["in a sandboxed frame", "POST", { origin: "null" }, "request.foreign_origin"],
    ["on another port of this machine", "POST", { origin: "http://127.0.0.1:5173" }, "request.foreign_origin"],
    ["that shows an image from here", "GET", { "sec-fetch-site": "cross-site" }, "request.foreign_origin"],
    [
      "that shows an image from here, on another port",
      "GET",
      { "sec-fetch-site": "same-site" },
      "request.foreign_origin",
    ],
    [
      "that asks whether it may",
      "OPTIONS",
      { origin: "https://evil.example", "access-control-request-method": "POST" },
      "request.foreign_origin",
    ],
  ])("%s is refused before any function is called", async (_, method, headers, code) => {
    const { url, calls } = await counting();
    const answer = await sendTo(`${url}/v1/queues/q/pause?x=1`, method, headers);
    expect(answer.status).toBe(403);
    expect(answer.headers).toMatchObject({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-request-id": expect.any(String),
    });
    const problem = Problem.strict().parse(JSON.parse(answer.body));
    expect(problem).toMatchObject({ code, status: 403, instance: "/v1/queues/q/pause" });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(calls).toEqual([]);
  });

  it("is refused without a body under HEAD", async () => {
    const { url } = await counting();
    expect(await sendTo(url, "HEAD", { host: "evil.example" })).toMatchObject({ status: 403, body: "" });
  });
});

describe("a page of this server, and a program", () => {
  it.each<(port: number) => Record<string, string>>([
    (port) => ({ host: `localhost:${port}`, origin: `http://localhost:${port}`, "sec-fetch-site": "same-origin" }),
    (port) => ({ host: `127.0.0.1:${port}`, "sec-fetch-site": "none" }),
    (port) => ({ host: `LOCALHOST.:${port}` }),
    (port) => ({ host: `[::1]:${port}` }),
  ])("is answered: %s", async (headersAt) => {
    const { url, port } = await counting();
    expect(await sendTo(url, "POST", headersAt(port))).toMatchObject({ status: 200, body: "reached" });
  });
});

describe("a message that is no request", () => {
  it.each<[string, string, number, string]>([
    ["no HTTP", "hello\r\n\r\n", 400, "request.invalid"],
    ["a method that HTTP does not know", "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "request.invalid"],
    ["a header with a line break", "GET / HTTP/1.1\r\nHost: localhost\r\nA\r\n\r\n", 400, "request.invalid"],
    [
      "two lengths",
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
      "request.invalid",
    ],
    [
      "a broken chunk",
      "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
      400,
      "request.invalid",
    ],
    [
      "headers of 17 KB",
      `GET / HTTP/1.1\r\nHost: localhost\r\nA: ${"a".repeat(17_000)}\r\n\r\n`,
      431,
      "request.headers_too_large",
    ],
    ["no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 403, "request.foreign_host"],
    ["no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 403, "request.foreign_host"],
    ["a tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 400, "request.invalid"],
    [
      "an expectation",
      "GET / HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\nConnection: close\r\n\r\n",
      400,
      "request.invalid",
    ],
  ])("%s gets a problem document", async (_, sent, status, code) => {
    const { port, calls } = await counting();
    const socket = connect(port, "127.0.0.1");
    socket.write(sent);
    const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} [A-Z]`));
    expect(head).toMatch(/^content-type: application\/problem\+json$/im);
    expect(Problem.strict().parse(JSON.parse(body))).toMatchObject({ code, status });
    expect(calls).toEqual([]);
  });
});

describe("the HTTP API with tokens", () => {
  const tokens = [
    { token: "secret-1", name: "anna", groups: ["operators", "leads"] },
    { token: "secret-2", name: "bob", groups: [] },
  ];
  const call = async (authorization?: string, path = "/v1/queues", method = "GET"): Promise<Response> => {
    api = await serveHttpApi(0, async (event) => event, { authorize: tokenAuthorizer(tokens) });
    return fetch(`${api.url}${path}`, {
      method,
      ...(authorization === undefined ? {} : { headers: { authorization } }),
    });
  };

  it.each([
    ["Bearer secret-1", { name: "anna", groups: "operators,leads" }],
    ["bearer  secret-2", { name: "bob", groups: "" }],
  ])("hands over who %s is, as a Lambda authorizer does", async (authorization, lambda) => {
    expect(await (await call(authorization)).json()).toMatchObject({ requestContext: { authorizer: { lambda } } });
  });

  it.each([undefined, "Bearer secret-3", "Bearer", "Basic secret-1", "secret-1", "Bearer secret-1 x"])(
    "refuses %s, and says what to send",
    async (authorization) => {
      const response = await call(authorization);
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect(Problem.parse(await response.json())).toMatchObject({
        code: "caller.unauthenticated",
        detail: expect.stringMatching(authorization === undefined ? /not say who.*Bearer/ : /not taken here.*Bearer/),
      });
    },
  );

  it.each(["/", "/q/main/7", "/q/main/search?text=a", "/assets/page.js"])(
    "hands over the page without a token: %s",
    async (path) => {
      const event = z
        .looseObject({ rawPath: z.string(), requestContext: z.looseObject({}) })
        .parse(await (await call(undefined, path)).json());
      expect(event.rawPath).toBe(path.split("?")[0]);
      expect(event.requestContext["authorizer"]).toBeUndefined();
    },
  );

  it.each([
    ["/", "POST"],
    ["/assets", "DELETE"],
    ["/queues", "GET"],
    ["/v1/queues/q/main", "GET"],
    ["//q/main", "GET"],
  ])("asks for a token at %s with %s, which is no part of the page", async (path, method) => {
    expect((await call(undefined, path, method)).status).toBe(401);
  });

  it("makes tokens that cannot be guessed", () => {
    const [a, b] = [freshToken("anna"), freshToken("anna")];
    expect(a.token).toMatch(/^[\w-]{32}$/);
    expect(a.token).not.toBe(b.token);
  });
});
