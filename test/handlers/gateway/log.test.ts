import { beforeEach, describe, expect, it } from "vitest";
import { QueueList, QueueNow } from "../../../functions/contracts/api/queue-views.ts";
import type { Sqid } from "../../../functions/contracts/ids.ts";
import {
  type EntryDetails,
  type Happening,
  happeningEvent,
  type LogEvent,
  type Status,
  statusEvent,
} from "../../../functions/contracts/log-event.ts";
import { TrunkChanged } from "../../../functions/contracts/messages/log-messages.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, START } from "./harness.ts";

withGateway();
beforeEach(async () => {
  await gateway.land([change("a")]);
});

const sqid = "main/1" as Sqid;
const status = (name: Status, ms: number, details: EntryDetails = {}) =>
  statusEvent(sqid, name, epochMs(START + ms), details);
const event = (name: "building" | "built" | "build_failed", ms: number, occurrence = "b") =>
  happeningEvent(sqid, name, epochMs(START + ms), { occurrence, metadata: { build_id: occurrence } });

const summary = async () => (await gateway.get("/v1/queues/main/requests/1")).body;
const history = async (): Promise<string[]> =>
  (await gateway.get("/v1/queues/main/requests/1/history")).body.events.map(
    ({ kind, status, event }: { kind: string; status?: string; event?: string }) =>
      kind === "status" ? status : `(${event})`,
  );
/** What the sweep sends again of what is older than a minute. */
const repeated = async (): Promise<string[]> => {
  const before = gateway.sent().length;
  gateway.clock.at += 61_000;
  // SQS drops repeats, so the calls tell.
  const calls = await gateway.costOf(() => gateway.sweep());
  expect(gateway.sent().length).toBeGreaterThanOrEqual(before);
  return calls.filter((call) => call === "SendMessage");
};

describe("the log consumer", () => {
  it("an entry becomes status and history", async () => {
    expect(await gateway.deliver(status("started", 5, { version: 1 }))).toEqual([]);
    expect(await summary()).toMatchObject({ status: "started", ended: false });
    expect(await history()).toEqual(["accepted", "started"]);
  });

  it("a whole life reads in order, events among it, and the summary is never an event", async () => {
    const life: Status[] = [
      "started",
      "validating",
      "validated",
      "batching",
      "batched",
      "speculating",
      "speculated",
      "landing",
    ];
    const entries = life.map((name, i) => status(name, 10 * (i + 1)));
    const building = [event("building", 61), event("built", 62)];
    for (const entry of [...entries.slice(0, 6), ...building]) await gateway.deliver(entry);
    expect((await summary()).status).toBe("speculating");
    await gateway.deliver(...entries.slice(6), status("landed", 100, { version: 7, metadata: { commit: "c" } }));
    expect(await history()).toEqual([
      "accepted",
      ...life.slice(0, 6),
      "(building)",
      "(built)",
      ...life.slice(6),
      "landed",
    ]);
    expect(await summary()).toMatchObject({ status: "landed", ended: true, metadata: { commit: "c" } });
  });

  it("repeats and disorder come to the same", async () => {
    const entries = [
      status("started", 10),
      event("building", 20),
      status("speculating", 15),
      status("error", 30, { version: 4 }),
    ];
    await gateway.deliver(...entries.toReversed(), ...entries, ...entries);
    expect(await history()).toEqual(["accepted", "started", "speculating", "(building)", "error"]);
    expect(await summary()).toMatchObject({ status: "error", updatedAt: new Date(START + 30).toISOString() });
  });

  it("a cancelled request keeps its caller's reason", async () => {
    gateway.clock.at += 10;
    await gateway.cancel(1, { body: { reason: "wrong branch" } });
    await gateway.deliver(status("speculating", 20));
    expect((await summary()).status).toBe("cancelling");
    await gateway.deliver(status("cancelled", 30, { version: 5, metadata: { batch_id: "main/batch/1" } }));
    expect(await summary()).toMatchObject({ status: "cancelled", ended: true, reason: { message: "wrong branch" } });
  });

  it("entries of one request delivered at once lose none of each other", async () => {
    const names: Status[] = ["started", "validating", "validated", "batching", "batched"];
    await Promise.all(names.map((name, i) => gateway.deliver(status(name, i + 1, { metadata: { [name]: true } }))));
    expect((await summary()).metadata).toEqual({
      started: true,
      validating: true,
      validated: true,
      batching: true,
      batched: true,
    });
    expect((await summary()).status).toBe("batched");
  });

  it("an entry of a request without a summary goes back, and its neighbours do not", async () => {
    const lost = statusEvent("main/99" as Sqid, "started", epochMs(START));
    expect(await gateway.deliver(lost, status("started", 5))).toEqual(["m0"]);
    expect((await summary()).status).toBe("started");
    expect(gateway.dead()).toHaveLength(0);
  });

  it("an unreadable message goes to the dead-letter queue with the reason", async () => {
    expect(await gateway.deliver("{", JSON.stringify({ v: 2 }), status("started", 5))).toEqual([]);
    expect(gateway.dead().map(({ messageAttributes }) => messageAttributes["reason"]?.StringValue)).toEqual([
      "undecodable",
      "undecodable",
    ]);
    expect((await summary()).status).toBe("started");
  });

  it("publishes an event of every entry that is new, under the entry's id, behind that of the accepted request", async () => {
    await gateway.deliver(status("started", 5, { version: 1 }), event("building", 7), status("started", 5));
    await gateway.deliver(status("started", 5));
    expect(gateway.published).toMatchObject([
      { id: "main/1/accepted", type: "dev.submitqueue.request.accepted" },
      {
        id: "main/1/started",
        type: "dev.submitqueue.request.started",
        subject: sqid,
        data: { changes: [change("a")] },
      },
      { id: "main/1/building/b", type: "dev.submitqueue.request.building", data: { happening: "building" } },
    ]);
    expect(gateway.published.map(({ source }) => source)).toEqual(Array(3).fill("/submitqueue/here/queues/main"));
  });

  it("publishes what the gateway itself has written: a cancel, a mode of a queue", async () => {
    await gateway.cancel(1, { body: { reason: "wrong branch" } });
    await gateway.call("POST", "/v1/queues/main/pause", { body: { note: "release" } });
    await gateway.deliver(...gateway.toldLog());
    expect(gateway.published.map(({ id, type }) => [id, type])).toEqual([
      ["main/1/cancelling", "dev.submitqueue.request.cancelling"],
      ["main/mode/1", "dev.submitqueue.queue.paused"],
    ]);
    expect(gateway.published[1]?.data).toMatchObject({ queue: "main", mode: "paused", note: "release" });
    expect(await history()).toEqual(["accepted", "cancelling"]);
  });

  it("keeps that a trunk is red until it has recovered, and publishes an event of each change", async () => {
    const red = { since: epochMs(5), commit: "a".repeat(40), author: "Ann", reason: reasonOf("build.failed", "unit") };
    const told = { v: 1, kind: "trunk", queue: "main" };
    const became = TrunkChanged.parse({ ...told, at: 5, version: 1, red });
    const recovered = TrunkChanged.parse({ ...told, at: 9, version: 2 });
    const shown = async () => {
      const one = QueueNow.parse((await gateway.get("/v1/queues/main")).body);
      const { queues } = QueueList.parse((await gateway.get("/v1/queues")).body);
      return [one.red?.commit, queues.find(({ name }) => name === "main")?.red?.author];
    };
    await gateway.deliver(became);
    expect(await shown()).toEqual([red.commit, "Ann"]);
    await gateway.deliver(recovered);
    await gateway.deliver(became);
    expect(await shown()).toEqual([undefined, undefined]);
    expect(gateway.published.map(({ id, type }) => [id, type])).toEqual([
      ["main/trunk/1", "dev.submitqueue.trunk.red"],
      ["main/trunk/2", "dev.submitqueue.trunk.recovered"],
      ["main/trunk/1", "dev.submitqueue.trunk.red"],
    ]);
  });

  it("counts a test that failed and passed on retry, once however often it is told", async () => {
    const key = (n: number) => String(n).repeat(32);
    const happens = (name: Happening, build: number, ms: number, message?: string) =>
      happeningEvent(sqid, name, epochMs(START + ms), {
        occurrence: key(build),
        metadata: { build_key: key(build), ...(name === "retrying" ? { repeated_by: key(build + 1) } : {}) },
        reason: message === undefined ? undefined : reasonOf("build.failed", message),
      });
    const entries = [
      happens("building", 1, 1),
      happens("build_failed", 1, 2, "Failed tests: cart › adds up."),
      happens("retrying", 1, 3, "Failed tests: cart › adds up."),
      happens("building", 2, 4),
      happens("built", 2, 5),
    ];
    const flakes = async () => QueueNow.parse((await gateway.get("/v1/queues/main")).body).flakes;
    await gateway.deliver(...entries.slice(0, 4));
    expect(await flakes()).toEqual([]);
    await gateway.deliver(...entries.slice(4));
    await gateway.deliver(...entries);
    expect(await flakes()).toEqual([
      { name: "cart › adds up", builds: 1, requests: 1, lastSeen: new Date(START + 3).toISOString() },
    ]);
    expect((await gateway.get("/v1/queues/main/trends")).body.flakes).toEqual(await flakes());
  });

  it("tells itself of a mode once: the sweep does not tell of it again", async () => {
    await gateway.call("POST", "/v1/queues/main/pause", { body: {} });
    await gateway.sweep();
    expect(gateway.toldLog().filter(({ kind }) => kind === "mode")).toHaveLength(1);
  });

  it.each([
    ["started", () => status("started", 5)],
    ["error", () => status("error", 5, { version: 1 })],
    ["an event", () => event("building", 5)],
  ])("%s answers the Land", async (_what, entry) => {
    expect(await repeated()).toHaveLength(1);
    await gateway.deliver(entry());
    expect(await repeated()).toEqual([]);
  });

  it("our own entries answer nothing", async () => {
    await gateway.cancel(1);
    await gateway.deliver(status("accepted", 0), status("cancelling", 5));
    // The Land, and the Cancel with the Land and the entry for the log consumer before it.
    expect(await repeated()).toHaveLength(4);
  });

  it("a Cancel is answered by an end, and by nothing before", async () => {
    await gateway.cancel(1);
    await gateway.deliver(status("started", 5), status("batched", 6));
    expect(await repeated()).toHaveLength(2);
    await gateway.deliver(status("cancelled", 9, { version: 3 }));
    expect(await repeated()).toEqual([]);
  });

  it("costs one write to the log and one of the summary for all entries of a request in a call, and one read before the first", async () => {
    const cost = (...entries: LogEvent[]) => gateway.costOf(() => gateway.deliver(...entries));
    expect(await cost(status("started", 5))).toEqual(["BatchGet", "BatchWrite", "PutEvents", "Put"]);
    const five = [
      status("batching", 6),
      status("batched", 6),
      event("building", 7),
      event("built", 8),
      status("speculated", 9),
    ];
    expect(await cost(...five)).toEqual(["BatchWrite", "PutEvents", "Put"]);
    expect(await cost(...five)).toEqual([]);
    expect(await history()).toEqual([
      "accepted",
      "started",
      "batching",
      "batched",
      "(building)",
      "(built)",
      "speculated",
    ]);
  });

  it("a cancel that came too late says so: it landed, and an event tells whose cancel it was", async () => {
    await gateway.deliver(status("started", 5), status("landing", 6));
    await gateway.cancel(1);
    await gateway.deliver(status("landed", 20, { version: 4 }));
    expect(await history()).toEqual(["accepted", "cancelling", "started", "landing", "(cancel_too_late)", "landed"]);
    const { events } = (await gateway.get("/v1/queues/main/requests/1/history")).body;
    expect(events.at(-2)).toMatchObject({ event: "cancel_too_late", metadata: { caller: "anonymous" } });
    expect((await summary()).status).toBe("landed");
    expect((await gateway.get("/v1/queues/main/requests/1/why")).body.sentence).toMatch(
      /^Landed.*The cancel by anonymous came too late\.$/,
    );
  });

  it.each([1, 2, 3, 4].flatMap((at) => (["none", "done"] as const).map((effect) => ({ at, effect, forever: true }))))(
    "crashing at its call $at, effect $effect, and delivered again, it has lost nothing",
    async (failure) => {
      gateway.fail(failure);
      expect(await gateway.deliver(status("started", 5, { metadata: { x: 1 } }))).toEqual(["m0"]);
      gateway.heal();
      expect(await gateway.deliver(status("started", 5, { metadata: { x: 1 } }))).toEqual([]);
      expect(await summary()).toMatchObject({ status: "started", metadata: { x: 1 } });
      expect(await history()).toEqual(["accepted", "started"]);
      expect(await repeated()).toEqual([]);
      expect(gateway.sent()).toHaveLength(1);
      expect((await gateway.get("/v1/queues/main/requests")).body.requests).toHaveLength(1);
    },
  );

  it("folds into what the API has written since its own last write, and into what another process has written", async () => {
    await gateway.deliver(status("started", 5));
    await gateway.cancel(1);
    await gateway.deliver(status("validating", 20, { metadata: { title: "kept" } }));
    expect(await summary()).toMatchObject({ status: "cancelling", metadata: { title: "kept" } });
    await gateway.deliverElsewhere(status("validated", 30));
    await gateway.deliver(status("cancelled", 40, { version: 3 }));
    expect(await summary()).toMatchObject({ status: "cancelled", metadata: { title: "kept" } });
    expect(await history()).toEqual(["accepted", "cancelling", "started", "validating", "validated", "cancelled"]);
  });
});
