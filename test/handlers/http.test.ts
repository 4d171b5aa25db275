import { pino } from "pino";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { CodedError } from "../../functions/contracts/errors.ts";
import { AWS_LIMITS } from "../../functions/contracts/limits.ts";
import { bytesOf } from "../../functions/contracts/text.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { httpHandler, type Route } from "../../functions/handlers/http.ts";
import type { LambdaContext } from "../../functions/handlers/on-lambda.ts";
import { httpEvent, type Sending } from "./gateway/harness.ts";

const SECRET = "password=hunter2";

/** 3 MB of JSON; 11 MB when it is laid out for people. */
const LARGE = Array.from({ length: 270_000 }, () => ({ a: "b" }));

const ROUTES: readonly Route[] = [
  { method: "GET", path: "/things/{id}", answer: async (call) => ({ status: 200, body: { id: call.param("id") } }) },
  { method: "POST", path: "/things/{id}", answer: async (call) => ({ status: 202, body: call.body(z.unknown()) }) },
  {
    method: "POST",
    path: "/things",
    answer: async () => ({ status: 202, body: {}, headers: { location: "/things/1" } }),
  },
  { method: "GET", path: "/bug", answer: () => Promise.reject(new TypeError(SECRET)) },
  { method: "GET", path: "/large", answer: async () => ({ status: 200, body: LARGE }) },
  { method: "GET", path: "/nothing", answer: () => Promise.reject(undefined) },
  { method: "GET", path: "/throttled", answer: () => Promise.reject(new CodedError("store.unavailable", SECRET)) },
  { method: "GET", path: "/misconfigured", answer: () => Promise.reject(new CodedError("config.invalid", SECRET)) },
];

const Response = z.strictObject({
  statusCode: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.string().optional(),
});

function api() {
  const lines: Record<string, unknown>[] = [];
  const ticks = Array.from({ length: 9 }, (_, i) => epochMs(1000 + 5 * i)).values();
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const isServed = (path: string) => path === "/page";
  const handler = httpHandler(ROUTES, { log, now: () => ticks.next().value ?? epochMs(0) }, { isServed });
  const call = async (method: string, target: string, sending?: Sending) => {
    const {
      statusCode: status,
      headers,
      body,
    } = Response.parse(await handler(httpEvent(method, target, sending), {} as LambdaContext));
    return { status, headers, body: body === undefined ? undefined : JSON.parse(body) };
  };
  return { handler, call, lines };
}

describe("the HTTP stack", () => {
  it("finds the route, with its parameters decoded, and with or without a slash at the end", async () => {
    const { call } = api();
    expect((await call("GET", "/things/a%20b")).body).toEqual({ id: "a b" });
    expect((await call("GET", "/things/a/")).body).toEqual({ id: "a" });
    expect((await call("GET", "/things/%E0%A4%A")).body).toEqual({ id: "%E0%A4%A" });
    expect((await call("POST", "/things")).headers).toMatchObject({ location: "/things/1" });
  });

  it("a large answer is not laid out for people: with its blanks it would be larger than what Lambda answers", async () => {
    const { handler } = api();
    const answered = async (path: string) =>
      JSON.stringify(await handler(httpEvent("GET", path, { headers: { accept: "*/*" } }), {} as LambdaContext));
    expect(bytesOf(await answered("/large"))).toBeLessThan(AWS_LIMITS.lambdaPayloadBytes);
    expect(await answered("/things/a")).toContain(String.raw`{\n  \"id\": \"a\"\n}`);
  });

  it("every answer, good or bad, is not to be stored and names its call", async () => {
    const { call } = api();
    for (const target of ["/things/a", "/absent", "/bug"])
      expect((await call("GET", target)).headers).toMatchObject({
        "cache-control": "no-store",
        "x-request-id": "call-1",
      });
  });

  it("HEAD is GET without the body", async () => {
    const { call } = api();
    const [head, get] = [await call("HEAD", "/things/a"), await call("GET", "/things/a")];
    expect(head).toEqual({ ...get, body: undefined });
    expect(await call("HEAD", "/absent")).toMatchObject({ status: 404, body: undefined });
  });

  it.each([
    ["GET", "/"],
    ["GET", "/absent"],
    ["GET", "/page"],
    ["GET", "/things/a/b"],
    ["GET", "/things//"],
    ["OPTIONS", "/absent"],
    ["DELETE", "/thingsx"],
  ])("%s %s: there is nothing at this path", async (method, target) => {
    expect(await api().call(method, target)).toMatchObject({ status: 404, body: { code: "route.unknown" } });
  });

  it.each([
    ["DELETE", "/things/a", "GET, POST, HEAD, OPTIONS"],
    ["PUT", "/things/a/", "GET, POST, HEAD, OPTIONS"],
    ["GET", "/things", "POST, OPTIONS"],
    ["HEAD", "/things", "POST, OPTIONS"],
    ["BREW", "/bug", "GET, HEAD, OPTIONS"],
    ["POST", "/page", "GET, HEAD, OPTIONS"],
  ])("%s %s: the method is not allowed here, and these are: %s, %s", async (method, target, allow) => {
    const { status, headers } = await api().call(method, target);
    expect(status).toBe(405);
    expect(headers["allow"]).toBe(allow);
  });

  it("OPTIONS says which methods there are", async () => {
    expect(await api().call("OPTIONS", "/things/a")).toMatchObject({
      status: 204,
      headers: { allow: "GET, POST, HEAD, OPTIONS" },
      body: undefined,
    });
  });

  it.each([
    ["/bug", 500, "internal"],
    ["/nothing", 500, "internal"],
    ["/misconfigured", 500, "config.invalid"],
    ["/throttled", 503, "store.unavailable"],
  ])("%s: %i %s, and what happened stays inside", async (target, status, code) => {
    const { call, lines } = api();
    const { headers, body } = await call("GET", target);
    expect(body).toMatchObject({ status, code, type: `urn:submitqueue:problem:${code}`, instance: target });
    expect(JSON.stringify(body)).not.toContain("hunter2");
    expect(headers["retry-after"]).toBe(status === 503 ? "1" : undefined);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 50, status, code });
    if (target !== "/nothing") expect(JSON.stringify(lines)).toContain("hunter2");
  });

  it("logs one line per call, without what it carried", async () => {
    const { call, lines } = api();
    await call("POST", "/things/a", { body: { token: "hunter2" } });
    await call("GET", "/absent");
    expect(lines).toMatchObject([
      { level: 30, requestId: "call-1", method: "POST", path: "/things/a", status: 202, durationMs: 5 },
      { level: 30, method: "GET", path: "/absent", status: 404, code: "route.unknown" },
    ]);
    expect(JSON.stringify(lines)).not.toContain("hunter2");
  });

  it.each([undefined, {}, { version: "1.0" }, { Records: [] }])(
    "an event that is no call is a fault of the wiring: %j",
    async (event) => {
      await expect(api().handler(event, {} as LambdaContext)).rejects.toMatchObject({ code: "internal" });
    },
  );
});
