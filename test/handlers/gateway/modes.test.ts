import { describe, expect, it } from "vitest";
import { QueueList, QueueView } from "../../../functions/contracts/api/queue-views.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, START } from "./harness.ts";

withGateway();

const MINUTE = 60_000;
const at = (ms: number) => new Date(START + ms).toISOString();
const tell = (verb: "pause" | "resume" | "drain", body?: object, queue = "main") =>
  gateway.call("POST", `/v1/queues/${queue}/${verb}`, body === undefined ? {} : { body });
const view = async (queue = "main") => QueueView.parse((await gateway.get(`/v1/queues/${queue}`)).body);
const usual = { name: "main", repository: "https://h/main.git", branch: "main", strategy: "REBASE", mode: "open" };
const controls = () => gateway.sent().filter(({ kind }) => kind === "control");

describe("a queue's mode", () => {
  it("is open unless a caller has set another mode, and then says since when and why", async () => {
    expect(await view()).toEqual(usual);
    gateway.clock.at += 5;
    const { status, body } = await tell("pause", { note: "release week" });
    expect([status, body]).toEqual([
      202,
      { ...usual, mode: "paused", modeBy: "anonymous", since: at(5), note: "release week" },
    ]);
    expect(await view()).toEqual(body);
    const { queues } = QueueList.parse((await gateway.get("/v1/queues")).body);
    expect(queues.map(({ name, mode }) => [name, mode])).toEqual([
      ["main", "paused"],
      ["other", "open"],
      ["promoting", "open"],
    ]);
  });

  it("is told to the orchestrator, each change under the next version", async () => {
    await tell("pause", { note: "why" });
    gateway.clock.at += 10;
    await tell("drain");
    gateway.clock.at += 10;
    await tell("resume");
    const said = { v: 1, kind: "control", queue: "main" };
    expect(controls()).toEqual([
      { ...said, mode: "paused", note: "why", at: START, version: 1 },
      { ...said, mode: "draining", at: START + 10, version: 2 },
      { ...said, mode: "open", at: START + 20, version: 3 },
    ]);
    expect(await view()).toEqual({ ...usual, since: at(20), modeBy: "anonymous" });
  });

  it("stays as it is when it is asked for again, but for the note", async () => {
    await tell("pause", { note: "one" });
    gateway.clock.at += 10;
    expect((await tell("pause", { note: "one" })).body).toMatchObject({ since: at(0) });
    expect((await tell("pause", { note: " two " })).body).toMatchObject({ since: at(0), note: "two" });
    expect((await tell("pause", { note: " " })).body).not.toHaveProperty("note");
    expect(controls()).toMatchObject([{ version: 1 }, { version: 2, note: "two", at: START }, { version: 3 }]);
  });

  it("needs no word when an open queue is resumed", async () => {
    expect(await gateway.costOf(() => tell("resume"))).toEqual(["Get"]);
    expect(await view()).toEqual(usual);
  });

  it("changed by two callers at once changes twice, one after the other", async () => {
    const replies = await Promise.all([tell("pause"), tell("drain"), tell("pause", { note: "x" })]);
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
    const versions = controls().flatMap((message) => (message.kind === "control" ? [message] : []));
    expect(versions.map(({ version }) => version).toSorted()).toEqual([1, 2, 3]);
    const last = versions.find(({ version }) => version === 3);
    expect((await view()).mode).toBe(last?.mode);
  });

  it("never begins before the mode that it replaces, also with a clock that is behind", async () => {
    await tell("pause");
    gateway.clock.at -= 1_000;
    expect((await tell("drain")).body.since).toBe(at(0));
  });

  it.each([
    ["pause", { note: "x".repeat(501) }, "/note"],
    ["drain", { notes: "x" }, "/notes"],
    ["resume", { note: "x" }, "/note"],
  ] as const)("is not set by a %s with %j", async (verb, body, pointer) => {
    const reply = await tell(verb, body);
    expect([reply.status, reply.body.errors[0].at]).toEqual([400, pointer]);
    expect(await view()).toEqual(usual);
  });

  it.each(["pause", "resume", "drain"] as const)("of a queue that is not there can't be set: %s", async (verb) => {
    expect((await tell(verb, {}, "nobody")).body.code).toBe("queue.unknown");
  });
});

describe("a draining queue", () => {
  it("takes no Land, and says since when, why and what to do", async () => {
    await tell("drain", { note: "moving house" });
    const { status, body } = await gateway.land([change("a")]);
    expect([status, body.code]).toEqual([409, "queue.draining"]);
    for (const said of [at(0), "moving house", "POST /v1/queues/main/resume"]) expect(body.detail).toContain(said);
    expect((await gateway.get("/v1/queues/main/requests")).body.requests).toEqual([]);
    expect((await gateway.land([change("a")], {}, {}, "other")).status).toBe(202);
  });

  it("still answers the repeat of a Land that it took before, and takes a cancel", async () => {
    const key = { "idempotency-key": "k" };
    const before = await gateway.land([change("a")], {}, key);
    await tell("drain");
    expect(await gateway.land([change("a")], {}, key)).toMatchObject({ status: 202, body: before.body });
    expect((await gateway.cancel(1)).status).toBe(202);
  });

  it.each(["resume", "pause"] as const)("takes Lands again after a %s", async (verb) => {
    await tell("drain");
    await tell(verb);
    expect((await gateway.land([change("a")])).status).toBe(202);
  });
});

describe("a change of mode that crashes", () => {
  // Get, Put, SendMessage.
  it.each([1, 2, 3].flatMap((n) => (["none", "done"] as const).map((effect) => ({ at: n, effect, forever: true }))))(
    "at its call $at (effect $effect) is told by the sweep once it stands",
    async (failure) => {
      gateway.fail(failure);
      const { status } = await tell("pause");
      gateway.heal();
      const stands = failure.at === 3 || (failure.at === 2 && failure.effect === "done");
      expect(status).toBe(failure.at === 3 ? 202 : 503);
      expect((await view()).mode).toBe(stands ? "paused" : "open");
      await gateway.sweep();
      expect(controls()).toHaveLength(stands ? 1 : 0);
    },
  );
});

describe("a sweep", () => {
  const told = async () =>
    (await gateway.costOf(() => gateway.sweep())).filter((call) => call === "SendMessage").length;

  it("tells again of each queue that is not open, and of one that was opened within the hour", async () => {
    await tell("pause");
    await tell("drain", {}, "other");
    gateway.clock.at += 1_000 * MINUTE;
    expect(await told()).toBe(2);
    await tell("resume");
    expect(await told()).toBe(2);
    gateway.clock.at += 60 * MINUTE;
    expect(await told()).toBe(1);
  });
});
