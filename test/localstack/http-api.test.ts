import { afterEach, describe, expect, it } from "vitest";
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

  it("survives a path that does not decode", async () => {
    expect(await eventOf("/%E0%A4%A")).toMatchObject({ rawPath: "/%E0%A4%A" });
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
