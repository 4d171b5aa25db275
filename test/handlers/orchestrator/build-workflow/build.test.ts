import { describe, expect, it, vi } from "vitest";
import { BatchId, BuildKey, GitSha } from "../../../../functions/contracts/ids.ts";
import { LookAtBuild } from "../../../../functions/contracts/messages/look-messages.ts";
import { Composed, type MergeUnit } from "../../../../functions/contracts/messages/merge-unit.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import type { PathState } from "../../../../functions/domain/batch.ts";
import { wire as look } from "../../../../functions/handlers/orchestrator/build-workflow/look.lambda.ts";
import { wire as poll } from "../../../../functions/handlers/orchestrator/build-workflow/poll.lambda.ts";
import { wire as report } from "../../../../functions/handlers/orchestrator/build-workflow/report.lambda.ts";
import { wire as trigger } from "../../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { STOP_GRACE_MS } from "../../../../functions/handlers/orchestrator/build-workflow/verdict.ts";
import { withWorld, world } from "../each-world.ts";
import { change, QUEUE, START, sqid } from "../world.ts";
import { anOrder, plan } from "./planned.ts";

withWorld();

const batchId = BatchId.parse("main/batch/1");
const buildKey = BuildKey.parse("1".repeat(32));
const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });

const headOf = (marker: string): MergeUnit => ({
  batchId,
  steps: [{ sqid: sqid(1), changes: [change("one", marker && `sq-fake=${marker}`)], strategy: "REBASE" }],
});
const order = (marker = "") => ({
  ...anOrder(buildKey, composed, `refs/submitqueue/paths/${buildKey}`),
  head: headOf(marker),
  expectedSeconds: 0,
});

const planned = (state: PathState | undefined) => plan(world, { batchId, buildKey }, state);

const triggered = async (marker = "") => {
  await planned("building");
  return world.call(trigger, order(marker));
};
const polled = () => world.call(poll, order());

describe("trigger", () => {
  it("asks the runner once per key, tells each request, and keeps the first deadline when repeated", async () => {
    await triggered();
    const first = await world.builds.get(buildKey);
    world.now += 60_000;
    await triggered();
    expect(await world.builds.get(buildKey)).toEqual(first);
    expect(first).toMatchObject({ deadline: START + 600_000, url: `fake://builds/${buildKey}` });
    expect(world.log).toMatchObject([
      { event: "building", sqid: sqid(1), metadata: { batch_id: batchId, build_key: buildKey, attempt: 1 } },
    ]);
  });

  it.each([
    ["nothing was asked of the runner yet", false],
    ["the runner was asked", true],
  ])("asks for the commit that was composed first when a repeat has composed another, and %s", async (_, asked) => {
    await planned("building");
    const under = GitSha.parse("d".repeat(40));
    const other = { commit: "e".repeat(40), tree: "f".repeat(40), trunk: under };
    if (asked) await triggered("build-fail");
    // As a trigger leaves it that died before it asked the runner.
    else await world.builds.create({ ...order(), startedAt: epochMs(START), deadline: epochMs(START + 600_000) });
    const marker = asked ? "" : "build-fail";
    await world.call(trigger, { ...order(marker), composed: other, under });
    expect(await world.builds.get(buildKey)).toMatchObject({ composed, under: composed.trunk });
    expect(await polled()).toMatchObject({ verdict: { kind: "failed", composed } });
    const { fakeRunner } = await import("../../../../functions/adapters/build-runner/fake.ts");
    const runner = fakeRunner({ workDirectory: world.directory });
    expect(
      await runner.status({ key: buildKey, commit: GitSha.parse(other.commit), askedAt: epochMs(START) }),
    ).toMatchObject({
      result: "infrastructure",
    });
  });

  it("reads once whether a batch needs the build, also when it looks at the build", async () => {
    await planned("building");
    world.trace.length = 0;
    expect(await world.call(trigger, order("build-hang"))).toMatchObject({ kind: "running" });
    const calls = ["GetCommand", "PutCommand", "UpdateCommand", "SendMessageBatchCommand"];
    expect(world.trace).toEqual(calls);
  });

  it("refuses a runner that does not exist here", async () => {
    await planned("building");
    world.configure({ buildRunner: { type: "command", command: "true" } });
    await expect(world.call(trigger, order())).rejects.toMatchObject({ name: "config.invalid" });
  });

  it("tells every request of a bundle, and no request that the bundle is built on", async () => {
    await planned("building");
    await world.call(trigger, {
      ...order(),
      sqids: [sqid(1), sqid(4)],
      base: [{ ...headOf(""), batchId: "main/batch/3" }],
    });
    expect(world.log.map((event) => [event.sqid, event.kind === "event" && event.event])).toEqual([
      [sqid(1), "building"],
      [sqid(4), "building"],
    ]);
  });

  it.each<PathState | undefined>(["cancelling", "cancelled", undefined])(
    "asks for nothing when its path is %s",
    async (state) => {
      await planned(state);
      expect(await world.call(trigger, order())).toEqual({ kind: "finished", verdict: { kind: "cancelled" } });
      expect([await world.builds.get(buildKey), world.log]).toEqual([undefined, []]);
    },
  );

  it("asks for nothing when its batch is gone", async () => {
    expect(await world.call(trigger, order())).toMatchObject({ verdict: { kind: "cancelled" } });
  });

  it("stops a build that became unwanted after it was asked for", async () => {
    await triggered("build-hang");
    await planned("cancelling");
    expect(await world.call(trigger, order())).toMatchObject({ kind: "finished", verdict: { kind: "cancelled" } });
  });

  it.each([
    ["", { kind: "finished", verdict: { kind: "passed" } }],
    ["build-hang", { kind: "running", seconds: 5 }],
  ])("looks at a build marked '%s' at once", async (marker, seen) => {
    expect(await triggered(marker)).toMatchObject(seen);
  });

  it("says to look again shortly before the time that the queue's builds take", async () => {
    await planned("building");
    const expected = { ...order("build-hang"), expectedSeconds: 500 };
    expect(await world.call(trigger, expected)).toEqual({ kind: "running", seconds: 450 });
    world.now += 440_000;
    expect(await polled()).toEqual({ kind: "running", seconds: 10 });
    world.now += 10_000;
    expect(await polled()).toEqual({ kind: "running", seconds: 45 });
    // No later than the time at which the build is to be stopped.
    world.now += 140_000;
    expect(await polled()).toEqual({ kind: "running", seconds: 10 });
  });

  it("asks to be retried while the runner can't be reached", async () => {
    await planned("building");
    await expect(world.call(trigger, order("trigger-error"))).rejects.toMatchObject({ name: "runner.unavailable" });
  });
});

describe("poll", () => {
  it("goes on while the build runs and is wanted", async () => {
    await triggered("build-hang");
    expect(await polled()).toEqual({ kind: "running", seconds: 5 });
    expect((await world.builds.get(buildKey))?.stop).toBeUndefined();
  });

  it.each([
    ["", { kind: "passed", composed }],
    ["build-fail", { kind: "failed", composed, reason: { code: "build.failed" } }],
    ["build-error", { kind: "infrastructure", reason: { code: "build.infrastructure" } }],
  ])("tells what became of a build marked '%s'", async (marker, verdict) => {
    await triggered(marker);
    expect(await polled()).toMatchObject({ kind: "finished", verdict, url: `fake://builds/${buildKey}` });
  });

  it.each<PathState | undefined>(["cancelling", undefined])(
    "stops a build whose path is %s, and says so once it has stopped",
    async (state) => {
      await triggered("build-hang");
      await planned(state);
      expect(await polled()).toMatchObject({ kind: "finished", verdict: { kind: "cancelled" } });
    },
  );

  it("turns a build that never finishes into a failure at its deadline", async () => {
    await triggered("build-hang");
    world.now = START + 599_999;
    expect(await polled()).toEqual({ kind: "running", seconds: 1 });
    expect((await world.builds.get(buildKey))?.stop).toBeUndefined();
    world.now = START + 600_000;
    expect(await polled()).toMatchObject({ verdict: { kind: "failed", reason: { code: "build.timed_out" } } });
  });

  it("gives a build whose deadline a wrong clock has set its whole time from the first look on", async () => {
    world.now = START + 9_000_000;
    await triggered("build-hang");
    world.now = START;
    await polled();
    world.now = START + 599_999;
    expect(await polled()).toEqual({ kind: "running", seconds: 1 });
    world.now = START + 600_000;
    expect(await polled()).toMatchObject({ verdict: { kind: "failed", reason: { code: "build.timed_out" } } });
  });

  it("looks again within a second when the deadline passes while it looks", async () => {
    world.configure({ buildRunner: { type: "fake", timeoutSeconds: 600, pollSeconds: 300 } });
    await triggered("build-hang");
    world.now = START + 599_999;
    const now = () => epochMs(world.now++);
    world.clients = { ...world.clients, now };
    expect(await polled()).toEqual({ kind: "running", seconds: 1 });
  });

  it("waits for a build that does not stop for minutes, not for good", async () => {
    await triggered("build-hang");
    world.now = START + 600_000 + STOP_GRACE_MS;
    expect(await polled()).toMatchObject({ verdict: { kind: "failed", reason: { code: "build.timed_out" } } });
  });

  it("takes a cancel that the queue did not ask for as a reason to try again", async () => {
    await triggered("build-hang");
    const { fakeRunner } = await import("../../../../functions/adapters/build-runner/fake.ts");
    await fakeRunner({ workDirectory: world.directory }).cancel({
      key: buildKey,
      commit: composed.commit,
      askedAt: epochMs(START),
    });
    expect(await polled()).toMatchObject({
      verdict: { kind: "infrastructure", reason: { message: expect.stringContaining("not by the queue") } },
    });
  });

  it("knows nothing of a build that no runner was asked for", async () => {
    expect(await polled()).toMatchObject({ verdict: { kind: "infrastructure" } });
  });
});

describe("look", () => {
  const asked = () => world.messages("looks", LookAtBuild);
  const looked = (more: object = {}) => world.deliver(look, { v: 1, kind: "look-at-build", buildKey, ...more });

  it.each([
    ["", "passed"],
    ["build-fail", "failed"],
    ["build-error", "infrastructure"],
  ])("tells the planner at once what became of a build marked '%s', once", async (marker, kind) => {
    await triggered(marker);
    for (let times = 0; times < 2; times++) await looked();
    expect(world.signals).toMatchObject([{ kind: "build-finished", batchId, buildKey, verdict: { kind } }]);
    expect(world.logOf(1)).toEqual(["building"]);
    expect(await world.builds.get(buildKey)).toMatchObject({ reported: true });
  });

  it("tells again what was told when it died before it had noted that, and the words are the same", async () => {
    await triggered();
    for (let at = 1; at < 8; at++) {
      world.dieAt({ at, moment: "after" });
      await looked();
      world.revive();
    }
    await looked();
    expect(new Set(world.signals.map((signal) => JSON.stringify(signal))).size).toBe(1);
    expect(await world.builds.get(buildKey)).toMatchObject({ reported: true });
  });

  it("says nothing of a build that goes on, or that was never asked for", async () => {
    await looked();
    await triggered("build-hang");
    await looked();
    expect([world.signals, asked()]).toEqual([[], []]);
  });

  it("stops a build that no batch needs any more", async () => {
    await triggered("build-hang");
    await planned("cancelling");
    await looked();
    expect(world.signals).toMatchObject([{ verdict: { kind: "cancelled" } }]);
  });

  it("waits less and less often for a build to stop that was asked to, and leaves it to the polls in the end", async () => {
    const stubborn = { trigger: async () => ({}), status: async () => ({ kind: "running" as const }), cancel: vi.fn() };
    world.clients = { ...world.clients, buildRunners: { command: () => () => stubborn } };
    world.configure({ buildRunner: { type: "command", command: "true", timeoutSeconds: 7_200 } });
    await triggered();
    await planned("cancelling");
    await looked();
    for (let sent = 1; asked().length === sent && sent < 99; sent++) await looked(asked().at(-1));
    expect(asked().map(({ waits }) => waits)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(world.sent.get("looks")?.map(({ delay }) => delay)).toEqual([
      5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300,
    ]);
    // An event about the build while it stops begins no second row of such messages.
    await looked();
    expect(asked()).toHaveLength(11);
    expect(stubborn.cancel.mock.calls.length).toBeGreaterThan(10);
    expect(world.signals).toEqual([]);
  });
});

describe("report", () => {
  const reason = { code: "build.failed", message: "two tests failed" } as const;
  const reported = (outcome: object) => world.call(report, { ...order(), ...outcome });

  it.each([
    ["passed", { kind: "passed", composed }],
    ["failed", { kind: "failed", reason, composed }],
    ["infrastructure", { kind: "infrastructure", reason }],
    ["cancelled", { kind: "cancelled" }],
    ["refuted", { kind: "refuted", batchId }],
  ])("sends the planner the verdict '%s', answers it, and leaves the log to the planner", async (_, verdict) => {
    const url = "https://ci.example/1";
    const signal = { v: 1, kind: "build-finished", queue: QUEUE, batchId, buildKey, verdict, url };
    expect(await reported({ verdict, url })).toEqual(signal);
    expect(world.signals).toEqual([signal]);
    expect(world.logOf(1)).toEqual([]);
  });

  it.each([batchId, "q/batch/7"])("names the batch at which the composition was refused: %s", async (refused) => {
    const reason = { code: "merge.conflict", message: "src/a conflicts" };
    const compose = { kind: "refused", batchId: refused, reason };
    expect(await reported({ compose })).toMatchObject({ verdict: { kind: "unappliable", batchId: refused, reason } });
  });

  it("tells no request that its build has failed when another batch could not be composed: the planner knows which", async () => {
    const reason = { code: "merge.conflict", message: "src/a conflicts" };
    await reported({ compose: { kind: "refused", batchId: "q/batch/7", reason } });
    expect(world.logOf(1)).toEqual([]);
  });

  it("takes a path that the trunk contradicts for refuted", async () => {
    expect(await reported({ compose: { kind: "refuted", batchId } })).toMatchObject({
      verdict: { kind: "refuted", batchId },
    });
  });

  it("takes a step that failed for good for an infrastructure failure", async () => {
    const error = { Error: "runner.unavailable", Cause: '{"errorMessage":"502 for ten minutes"}' };
    const compose = { kind: "composed", composed, under: composed.trunk, ref: "refs/x", landed: [] };
    expect(await reported({ error, compose })).toMatchObject({
      verdict: { kind: "infrastructure", reason: { message: expect.stringContaining("502 for ten minutes") } },
    });
  });
});
