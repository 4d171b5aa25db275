import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { beforeEach, describe, expect, it } from "vitest";
import { eventBridge } from "../../functions/adapters/event-bus.ts";
import type { QueueName } from "../../functions/contracts/ids.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { queueEventOf } from "../../functions/domain/lifecycle-event.ts";
import { mockedClass } from "../support/mocked-class.ts";

const client = mockedClass(EventBridgeClient);
beforeEach(() => client.reset());
const bus = eventBridge(new EventBridgeClient({ region: "eu-west-1" }), "submitqueue");

const event = (version: number, note = "why") =>
  queueEventOf("here", {
    v: 1,
    kind: "mode",
    queue: "main" as QueueName,
    mode: "paused",
    at: epochMs(1_764_000_000_000),
    version,
    note,
  });
const events = (count: number, note?: string) => Array.from({ length: count }, (_, n) => event(n + 1, note));

/** The ids of the events of each call. */
const calls = (): string[][] =>
  client
    .commandCalls(PutEventsCommand)
    .map(({ args: [{ input }] }) => (input.Entries ?? []).map(({ Detail = "{}" }) => JSON.parse(Detail).id));

describe("the bus of events", () => {
  it("gets each event as the detail of an entry, in ASCII, under the event's type", async () => {
    client.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: "1" }] });
    await bus.publish([event(1, "né")]);
    const [entry] = client.commandCalls(PutEventsCommand)[0]?.args[0].input.Entries ?? [];
    expect(entry).toMatchObject({
      Source: "submitqueue",
      DetailType: "dev.submitqueue.queue.paused",
      EventBusName: "submitqueue",
      Time: new Date(1_764_000_000_000),
    });
    expect(JSON.parse(entry?.Detail ?? "")).toEqual(event(1, "né"));
    expect(entry?.Detail).toContain("n\\u00e9");
  });

  it("is called with at most ten events, and 256 KiB, at once", async () => {
    client.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [] });
    await bus.publish(events(23));
    expect(calls().map(({ length }) => length)).toEqual([10, 10, 3]);
    client.resetHistory();
    await bus.publish(events(4, "x".repeat(100_000)));
    expect(calls().map(({ length }) => length)).toEqual([2, 2]);
  });

  it("is sent again what it did not take, and nothing else", async () => {
    client
      .on(PutEventsCommand)
      .resolvesOnce({
        FailedEntryCount: 2,
        Entries: [{ EventId: "1" }, { ErrorCode: "ThrottlingException" }, { ErrorCode: "InternalFailure" }],
      })
      .resolves({ FailedEntryCount: 0, Entries: [] });
    await bus.publish(events(3));
    expect(calls()).toEqual([
      ["main/mode/1", "main/mode/2", "main/mode/3"],
      ["main/mode/2", "main/mode/3"],
    ]);
  });

  it("that goes on taking nothing is a passing fault", async () => {
    client.on(PutEventsCommand).resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode: "ThrottlingException" }] });
    await expect(bus.publish(events(1))).rejects.toMatchObject({ code: "events.unavailable" });
    expect(calls()).toHaveLength(3);
  });

  it.each([
    [{ name: "TimeoutError" }, "events.unavailable"],
    [{ name: "ResourceNotFoundException" }, "config.invalid"],
    [{ name: "AccessDeniedException" }, "config.invalid"],
    [{ name: "ValidationException" }, "internal"],
  ])("that fails with %j is %s", async (error, code) => {
    client.on(PutEventsCommand).rejects(Object.assign(new Error("no"), error));
    await expect(bus.publish(events(1))).rejects.toMatchObject({ code });
  });

  it("that refuses an event for good is no passing fault", async () => {
    client.on(PutEventsCommand).resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode: "MalformedDetail" }] });
    await expect(bus.publish(events(1))).rejects.toMatchObject({ code: "internal" });
    expect(calls()).toHaveLength(1);
  });
});
