import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { regionIn } from "../../client/sign.ts";
import { startUi, type Ui } from "../../client/ui/proxy.ts";
import { type Sign, unsigned, withAws, withToken } from "../../client/ui/sign.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let api: Server;
let url: string;
let seen: Seen[];
let ui: Ui;
beforeEach(async () => {
  seen = [];
  api = createServer(async (request, response) => {
    const { method = "", url: target = "", headers } = request;
    seen.push({ method, url: target, headers, body: await text(request) });
    if (target === "/v1/events") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: one\n\n");
      return;
    }
    response.writeHead(201, { "content-type": "application/json", "set-cookie": "a=b", "x-other": "1", etag: '"e"' });
    response.end('{"ok":true}');
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await ui.close();
  api.close();
  api.closeAllConnections();
});

interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A call with exactly these headers: fetch would choose some itself. */
async function call(path: string, headers: Record<string, string> = {}, method = "GET", body = ""): Promise<Reply> {
  const { host } = new URL(ui.addressOf("/"));
  const request = httpRequest(`http://${host}`, { path, method, headers: { host, ...headers } });
  request.end(body);
  const [response] = await once(request, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const start = async (sign: Sign = unsigned, base = url) => {
  ui = await startUi({ url: base, sign });
};

/** The cookie of the browser that brought the key. */
async function letIn(path = "/q/main"): Promise<Record<string, string>> {
  const { pathname, search } = new URL(ui.addressOf(path));
  const { headers } = await call(`${pathname}${search}`);
  return { cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
}

describe("the page on loopback", () => {
  it("lets in the first browser that brings the key, and sends it on without the key", async () => {
    await start();
    const { pathname, search } = new URL(ui.addressOf("/q/main?by=day"));
    const first = await call(`${pathname}${search}`);
    expect([first.status, first.headers.location]).toEqual([303, "/q/main?by=day"]);
    expect(first.headers["set-cookie"]?.[0]).toMatch(/^submitqueue-\d+=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict$/);
    const second = await call(`${pathname}${search}`);
    expect([second.status, second.headers["set-cookie"]]).toEqual([403, undefined]);
    expect(seen).toEqual([]);
  });

  it.each([
    ["no cookie", {}],
    ["a cookie that was guessed", { cookie: "submitqueue-1=x" }],
    ["another host, whose name resolves to this machine", { host: "evil.example" }],
    ["the name localhost, whose cookies are other ones", { host: "localhost" }],
    ["a page of another origin", { origin: "https://evil.example" }],
    ["a page on another port", { origin: "http://127.0.0.1:1" }],
    ["an opaque origin", { origin: "null" }],
    ["a link, an image or a form of another site", { "sec-fetch-site": "cross-site" }],
    ["a page on another port of this machine", { "sec-fetch-site": "same-site" }],
  ])("refuses %s, and makes no call", async (what, headers) => {
    await start();
    const cookie = await letIn();
    const isAboutCookies = what.includes("cookie") && !("host" in headers);
    const reply = await call("/v1/queues", { ...(isAboutCookies ? {} : cookie), ...headers });
    expect(reply.status).toBe(403);
    expect(reply.headers["access-control-allow-origin"]).toBeUndefined();
    expect(seen).toEqual([]);
  });

  it("passes on the page and the calls of the API, with what they need and nothing else", async () => {
    await start(withToken("t0ken"), `${url}/prod/`);
    const cookie = await letIn();
    const headers = {
      ...cookie,
      "content-type": "application/json",
      "x-secret": "s",
      origin: new URL(ui.addressOf("/")).origin,
    };
    const reply = await call("/v1/queues/main/pause?x=%2F", headers, "POST", '{"note":"é"}');
    expect([reply.status, reply.body]).toEqual([201, '{"ok":true}']);
    expect(reply.headers).toMatchObject({ "content-type": "application/json", etag: '"e"' });
    expect(Object.keys(reply.headers)).not.toEqual(expect.arrayContaining(["set-cookie"]));
    expect(reply.headers["x-other"]).toBeUndefined();
    const [call_] = seen;
    expect(call_).toMatchObject({ method: "POST", url: "/prod/v1/queues/main/pause?x=%2F", body: '{"note":"é"}' });
    expect(call_?.headers).toMatchObject({
      authorization: "Bearer t0ken",
      "submitqueue-ui": "1",
      "content-type": "application/json",
    });
    expect(call_?.headers["cookie"]).toBeUndefined();
    expect(call_?.headers["x-secret"]).toBeUndefined();
    for (const path of ["/", "/q/main/7", "/assets/page.js"]) expect((await call(path, cookie)).status).toBe(201);
  });

  it.each([
    ["/admin", "GET"],
    ["/v1/../admin", "GET"],
    ["/v1/%2e%2e/admin", "GET"],
    ["/v1/queues", "DELETE"],
  ])("passes on nothing else: %s by %s", async (path, method) => {
    await start();
    expect((await call(path, await letIn(), method)).status).toBe(404);
    expect(seen).toEqual([]);
  });

  it("passes on a stream of events as it comes, and lets go of it with the browser", async () => {
    await start();
    const { host, origin } = new URL(ui.addressOf("/"));
    const request = httpRequest(`${origin}/v1/events`, { headers: { host, ...(await letIn()) } });
    request.end();
    const [response] = await once(request, "response");
    const [chunk] = await once(response, "data");
    expect(String(chunk)).toBe("data: one\n\n");
    const [socket] = await new Promise<[unknown]>((resolve) => api.getConnections((_, count) => resolve([count])));
    expect(socket).toBeGreaterThan(0);
    request.destroy();
    await expect.poll(() => new Promise((resolve) => api.getConnections((_, count) => resolve(count)))).toBe(0);
  });

  it("says so when the API is not there", async () => {
    await start(unsigned, "http://127.0.0.1:9");
    const reply = await call("/v1/queues", await letIn());
    expect([reply.status, reply.body]).toEqual([502, expect.stringContaining("The API does not answer")]);
  });
});

describe("signing", () => {
  const credentials = async () => ({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "session" });

  it("covers host, time, token and body with the caller's AWS credentials, for API Gateway in its region", async () => {
    await start(withAws({ region: "eu-west-1", credentials }));
    await call(
      "/v1/queues/main/pause?a=1",
      { ...(await letIn()), "content-type": "application/json" },
      "POST",
      '{"note":"x"}',
    );
    const headers: IncomingHttpHeaders = seen[0]?.headers ?? {};
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/execute-api\/aws4_request, SignedHeaders=[\w;-]*host;[\w;-]*x-amz-date;x-amz-security-token[\w;-]*, Signature=[0-9a-f]{64}$/,
    );
    expect(headers["x-amz-security-token"]).toBe("session");
    expect(headers["x-amz-content-sha256"]).toBe(createHash("sha256").update('{"note":"x"}').digest("hex"));
  });

  it("knows the region by the name of the API", () => {
    expect(regionIn(new URL("https://a1b2.execute-api.eu-west-1.amazonaws.com/prod"))).toBe("eu-west-1");
    expect(regionIn(new URL("https://queue.example.com"))).toBeUndefined();
    expect(regionIn(new URL("https://a1.execute-api.eu-west-1.amazonaws.com.evil.example"))).toBeUndefined();
  });
});
