import { describe, expect, it } from "vitest";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { QueueName, RequestNumber, Sqid } from "../../functions/contracts/ids.ts";
import { LifecycleEvent } from "../../functions/contracts/lifecycle-event.ts";
import { Happening, happeningEvent, STATUSES, statusEvent } from "../../functions/contracts/log-event.ts";
import type { ModeChanged } from "../../functions/contracts/messages/log-messages.ts";
import { reasonOf } from "../../functions/contracts/reasons.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { queueEventOf, requestEventOf } from "../../functions/domain/lifecycle-event.ts";
import { openingOf, type Summary } from "../../functions/domain/request-log.ts";

const AT = epochMs(1_764_000_000_000);
const sqid = "main/17" as Sqid;
const queue = "main" as QueueName;
const uri = (name: string) => `git://h/r/refs%2Fheads%2F${name}/${"a".repeat(40)}` as ChangeUri;
const summaryWith = (changes: readonly ChangeUri[]): Summary =>
  openingOf(
    { v: 1, kind: "land", queue, sqid, changes: [...changes], strategy: "REBASE", receivedAt: AT },
    17 as RequestNumber,
    statusEvent(sqid, "accepted", AT),
  );
const summary = summaryWith([uri("a")]);

describe("the event of a log entry", () => {
  it("is a CloudEvent that names the fact, the request and when", () => {
    const landed = statusEvent(sqid, "landed", epochMs(AT + 5), { version: 4, metadata: { commit: "c0ffee" } });
    expect(requestEventOf("1.eu-west-1", landed, summary)).toEqual({
      specversion: "1.0",
      id: "main/17/landed",
      source: "/submitqueue/1.eu-west-1/queues/main",
      type: "dev.submitqueue.request.landed",
      subject: "main/17",
      time: "2025-11-24T16:00:00.005Z",
      datacontenttype: "application/json",
      data: {
        sqid: "main/17",
        queue: "main",
        number: 17,
        status: "landed",
        ended: true,
        version: 4,
        changes: [uri("a")],
        changesLeftOut: 0,
        strategy: "REBASE",
        priority: 0,
        receivedAt: "2025-11-24T16:00:00.000Z",
        metadata: { commit: "c0ffee" },
      },
    });
  });

  it.each([
    ...STATUSES.map((status) => statusEvent(sqid, status, AT)),
    ...Happening.options.map((event) => happeningEvent(sqid, event, AT, { occurrence: "1" })),
  ])("$id satisfies the schema", (entry) => {
    const event = requestEventOf("here", entry, summary);
    expect(LifecycleEvent.parse(JSON.parse(JSON.stringify(event)))).toEqual(event);
  });

  it("has a few kilobytes at most, and says how many changes are left out", () => {
    const changes = Array.from({ length: 50 }, (_, n) => uri(`${"x".repeat(230)}${n}`));
    const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`key${n}`, "ü".repeat(2_000)]));
    const reason = reasonOf("build.failed", "日".repeat(2_000));
    const event = requestEventOf("here", statusEvent(sqid, "error", AT, { reason, metadata }), summaryWith(changes));
    expect(event.data.changes).toHaveLength(6);
    expect(event.data.changesLeftOut).toBe(44);
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(16_384);
    expect(LifecycleEvent.safeParse(event).success).toBe(true);
  });
});

describe("the event of a queue's mode", () => {
  it.each([
    ["paused", "paused"],
    ["draining", "draining"],
    ["open", "resumed"],
  ] as const)("%s is queue.%s", (mode, named) => {
    const changed: ModeChanged = { v: 1, kind: "mode", queue, mode, at: AT, version: 3, note: "release" };
    const event = queueEventOf("here", changed);
    expect(event).toMatchObject({ id: "main/mode/3", subject: "main", type: `dev.submitqueue.queue.${named}` });
    expect(LifecycleEvent.parse(event)).toEqual(event);
  });
});
