import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import type { QueueName } from "../../functions/contracts/ids.ts";
import type { LifecycleEvent } from "../../functions/contracts/lifecycle-event.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { queueEventOf } from "../../functions/domain/lifecycle-event.ts";
import { openEventBus } from "../../localstack/embedded/event-bus.ts";
import { matcherOf } from "../../localstack/embedded/event-pattern.ts";
import { serveHttpApi } from "../../localstack/embedded/http-api.ts";
import { assemblyOf, deploymentOf } from "../../localstack/embedded/template.ts";

const event = (version: number): LifecycleEvent =>
  queueEventOf("here", {
    v: 1,
    kind: "mode",
    queue: "main" as QueueName,
    mode: "paused",
    at: epochMs(1_764_000_000_000),
    version,
  });
const entry = (detail: unknown, more: object = {}) => ({
  Source: "submitqueue",
  DetailType: "dev.submitqueue.queue.paused",
  Detail: typeof detail === "string" ? detail : JSON.stringify(detail),
  EventBusName: "submitqueue",
  ...more,
});

const QUEUE = { Type: "AWS::SQS::Queue", Properties: { QueueName: "mine" } };
const rule = (EventPattern: unknown, target: object = {}) => ({
  Type: "AWS::Events::Rule",
  Properties: {
    EventBusName: { Ref: "Bus" },
    EventPattern,
    State: "ENABLED",
    Targets: [{ Id: "T", Arn: { "Fn::GetAtt": ["Mine", "Arn"] }, ...target }],
  },
});

function busWith(rules: Record<string, object> = {}) {
  const Resources = {
    Bus: { Type: "AWS::Events::EventBus", Properties: { Name: "submitqueue" } },
    Mine: QUEUE,
    ...rules,
  };
  const deployment = deploymentOf(assemblyOf([["mine", { Resources }]]), (name) => name);
  const file = join(mkdtempSync(join(tmpdir(), "events-")), "events.jsonl");
  const sent: unknown[] = [];
  const bus = openEventBus(deployment, file, {
    toQueue: async (_arn, body) => void sent.push(JSON.parse(body)),
    toFunction: async () => undefined,
    log: pino({ level: "silent" }),
  });
  return {
    bus,
    sent,
    lines: () =>
      readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
  };
}

describe("the bus of the embedded runtime", () => {
  it("writes each event as a line, and tells who listens", async () => {
    const { bus, lines } = busWith();
    const told: string[] = [];
    const stop = bus.subscribe(({ id }) => told.push(id));
    const put = await bus.answer("PutEvents", { Entries: [entry(event(1)), entry(event(2))] });
    expect(put).toMatchObject({ FailedEntryCount: 0, Entries: [{}, {}] });
    stop();
    await bus.answer("PutEvents", { Entries: [entry(event(3))] });
    expect(lines()).toEqual([event(1), event(2), event(3)]);
    expect(told).toEqual(["main/mode/1", "main/mode/2"]);
  });

  it("hands events that match a rule of the templates to its queue: whole, or the part that the rule names", async () => {
    const { bus, sent } = busWith({
      Whole: rule({ source: ["submitqueue"], "detail-type": [{ prefix: "dev.submitqueue.queue." }] }),
      Detail: rule({ detail: { data: { mode: ["paused"] } } }, { InputPath: "$.detail" }),
      Other: rule({ detail: { data: { mode: ["open"] } } }),
    });
    await bus.answer("PutEvents", { Entries: [entry(event(1))] });
    expect(sent).toMatchObject([
      { version: "0", source: "submitqueue", account: "000000000000", detail: event(1) },
      event(1),
    ]);
  });

  it("refuses what EventBridge refuses", async () => {
    const { bus } = busWith();
    const put = (...Entries: object[]) => bus.answer("PutEvents", { Entries });
    await expect(put(...Array.from({ length: 11 }, () => entry(event(1))))).rejects.toThrow(/at most 10/);
    await expect(put(entry({ x: "x".repeat(262_144) }))).rejects.toThrow(/over the limit/);
    await expect(put(entry(event(1), { EventBusName: "other" }))).rejects.toThrow(/does not exist/);
    expect(await put(entry("{"), entry(event(1)))).toMatchObject({
      FailedEntryCount: 1,
      Entries: [{ ErrorCode: "MalformedDetail" }, { EventId: expect.any(String) }],
    });
  });

  it("does not start with a pattern that it does not understand", () => {
    expect(() => busWith({ Odd: rule({ detail: { n: [{ numeric: [">", 1] }] } }) })).toThrow(/not understood here/);
  });
});

describe("an event pattern", () => {
  it.each<[object, object, boolean]>([
    [{ a: ["x"] }, { a: "x" }, true],
    [{ a: ["x", "y"] }, { a: "y" }, true],
    [{ a: ["x"] }, { a: "xy" }, false],
    [{ a: ["x"] }, {}, false],
    [{ a: ["x"] }, { a: ["w", "x"] }, true],
    [{ a: [1, true, null] }, { a: null }, true],
    [{ a: ["x"], b: ["y"] }, { a: "x", b: "z" }, false],
    [{ a: { b: ["x"] } }, { a: { b: "x" } }, true],
    [{ a: { b: ["x"] } }, { a: "x" }, false],
    [{ a: [{ prefix: "x" }] }, { a: "xy" }, true],
    [{ a: [{ prefix: "x" }] }, { a: 1 }, false],
    [{ a: [{ "anything-but": "x" }] }, { a: "y" }, true],
    [{ a: [{ "anything-but": "x" }] }, { a: "x" }, false],
    [{ a: [{ "anything-but": ["x", "y"] }] }, { a: "y" }, false],
    [{ a: [{ "anything-but": { prefix: "x" } }] }, { a: "xy" }, false],
    [{ a: [{ "anything-but": "x" }] }, {}, false],
    [{ a: [{ exists: true }] }, { a: 0 }, true],
    [{ a: [{ exists: false }] }, { a: 0 }, false],
    [{ a: [{ exists: false }] }, {}, true],
  ])("%j matches %j: %s", (pattern, value, matches) => {
    expect(matcherOf(pattern)(value)).toBe(matches);
  });
});

describe("GET /v1/events", () => {
  it("streams events as they come, and ends with the server", async () => {
    const { bus } = busWith();
    const api = await serveHttpApi(0, async () => ({ statusCode: 404 }), { bus });
    const response = await fetch(`${api.url}/v1/events`);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (reader === undefined) throw new Error("there is no body");
    expect((await reader.read()).value).toBe(": events from now on\n\n");
    await bus.answer("PutEvents", { Entries: [entry(event(1))] });
    expect((await reader.read()).value).toBe(`id: main/mode/1\ndata: ${JSON.stringify(event(1))}\n\n`);
    const ended = reader.read();
    await api.close();
    expect((await ended).done).toBe(true);
  });

  it("is not for pages of another origin, and takes GET alone", async () => {
    const { bus } = busWith();
    const api = await serveHttpApi(0, async () => ({ statusCode: 404 }), { bus });
    const foreign = await fetch(`${api.url}/v1/events`, { headers: { origin: "https://evil.example" } });
    const post = await fetch(`${api.url}/v1/events`, { method: "POST" });
    await api.close();
    expect([foreign.status, post.status, post.headers.get("allow")]).toEqual([403, 405, "GET"]);
  });
});
