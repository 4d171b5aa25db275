import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { branchRef } from "../../../../functions/contracts/build-refs.ts";
import { ENV } from "../../../../functions/contracts/environment.ts";
import { BatchId, BuildKey } from "../../../../functions/contracts/ids.ts";
import { Composed } from "../../../../functions/contracts/messages.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import type { PathState } from "../../../../functions/domain/batch.ts";
import { wire as poll } from "../../../../functions/handlers/orchestrator/build-workflow/poll.lambda.ts";
import { wire as trigger } from "../../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { type Course, FakeCodeBuild } from "../../../../localstack/fakes/codebuild.ts";
import { COURSES, clientsOn } from "../../../adapters/build-runner/codebuild-world.ts";
import { type Dynalite, startDynalite } from "../../../support/dynalite.ts";
import { change, QUEUE, START, sqid, World } from "../world.ts";
import { plan } from "./planned.ts";

const PROJECT = "shop-builds";
const MINUTE = 60_000;

let dynalite: Dynalite;
let world: World;
let fake: FakeCodeBuild;
let course: Course;
beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite.stop());
beforeEach(() => open());
afterEach(() => close());

async function open(): Promise<void> {
  world = await World.open(dynalite);
  course = COURSES.hangs;
  fake = await FakeCodeBuild.start({ projects: [PROJECT, "made"], now: () => world.now, courseOf: () => course });
  world.bring(clientsOn(fake));
  world.configure({ buildRunner: { type: "codebuild", project: PROJECT, timeoutSeconds: 7_200, pollSeconds: 5 } });
}
async function close(): Promise<void> {
  await fake.stop();
  world.close();
}

const batchId = BatchId.parse("main/batch/1");
const buildKey = BuildKey.parse("1".repeat(32));
const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });
const order = {
  queue: QUEUE,
  batchId,
  buildKey,
  attempt: 1,
  base: [],
  head: { batchId, steps: [{ sqid: sqid(1), changes: [change("one")], strategy: "REBASE" }] },
  sqids: [sqid(1)],
  without: [],
  pollSeconds: 5,
  composed,
  under: composed.trunk,
  ref: branchRef(QUEUE, buildKey),
};

const planned = (state: PathState) => plan(world, { batchId, buildKey }, state);
const triggered = () => world.call(trigger, order);
const polled = () => world.call(poll, order);
const row = () => world.builds.get(buildKey);

describe("a build in CodeBuild", () => {
  it("is found by the id that is stored with it, from its trigger to its verdict", async () => {
    await planned("building");
    expect(await triggered()).toEqual({ kind: "triggered" });
    const [build] = fake.builds;
    expect(build?.input["sourceVersion"]).toBe(`refs/heads/submitqueue/main/${buildKey}^{${composed.commit}}`);
    expect(await row()).toMatchObject({ id: build?.id, url: expect.stringMatching(/^https:\/\/us-east-1\.console/) });
    fake.calls.length = 0;
    expect(await polled()).toEqual({ kind: "running" });
    expect(fake.calls).toEqual(["BatchGetBuilds"]);
    expect(await triggered()).toEqual({ kind: "triggered" });
    expect(fake.calls).toEqual(["BatchGetBuilds"]);
  });

  it.each([
    ["passes", { kind: "passed", composed }],
    [
      "fails",
      { kind: "failed", composed, reason: { code: "build.failed", message: /exit status 1[\s\S]*1 test failed$/ } },
    ],
    ["breaks", { kind: "infrastructure", reason: { code: "build.infrastructure", message: /FAULT in PROVISIONING/ } }],
  ] as const)("that %s is told to the planner, with its log", async (outcome, { kind, ...more }) => {
    course = COURSES[outcome];
    await planned("building");
    await triggered();
    const answer = await polled();
    expect(answer).toMatchObject({
      kind: "finished",
      verdict: { kind },
      url: expect.stringMatching(/^https:\/\/logs\./),
    });
    if ("reason" in more)
      expect(answer).toMatchObject({
        verdict: { reason: { code: more.reason.code, message: expect.stringMatching(more.reason.message) } },
      });
  });

  it("that vanished is worth another attempt", async () => {
    await planned("building");
    await triggered();
    fake.forget(fake.builds[0]?.id ?? "");
    expect(await polled()).toMatchObject({ verdict: { kind: "infrastructure" } });
  });

  it("that somebody stopped in the console is worth another attempt", async () => {
    await planned("building");
    await triggered();
    const [build] = fake.builds;
    if (build) build.stoppedAt = world.now;
    expect(await polled()).toMatchObject({
      verdict: { kind: "infrastructure", reason: { message: expect.stringContaining("not by the queue") } },
    });
  });

  it("that became unwanted is stopped, and so is one that takes too long", async () => {
    for (const [late, verdict] of [
      [false, "cancelled"],
      [true, "failed"],
    ] as const) {
      await planned("building");
      await triggered();
      if (late) world.now += 7_200_000;
      else await planned("cancelling");
      expect(await polled()).toEqual({ kind: "running" });
      expect(fake.calls.at(-1)).toBe("StopBuild");
      expect(await polled()).toMatchObject({ verdict: { kind: verdict } });
      await close();
      await open();
    }
  });

  it("that was asked to stop before CodeBuild was asked for it never starts", async () => {
    await planned("building");
    await world.builds.create({ ...order, startedAt: epochMs(START), deadline: epochMs(START + 1) });
    await world.builds.note(buildKey, { stop: "unwanted" });
    expect(await triggered()).toEqual({ kind: "triggered" });
    expect(fake.builds).toEqual([]);
    expect(await polled()).toMatchObject({ verdict: { kind: "cancelled" } });
  });

  it("is not given up while CodeBuild is full: the trigger is to be retried, and starts one build", async () => {
    await planned("building");
    for (let n = 0; n < 3; n++) {
      fake.refuseNext("AccountLimitExceededException", { operation: "StartBuild" });
      await expect(triggered()).rejects.toMatchObject({ name: "runner.unavailable" });
      world.now += 2 * MINUTE;
    }
    expect(await triggered()).toEqual({ kind: "triggered" });
    expect(fake.builds).toHaveLength(1);
  });

  it("is built in the project that the stack created, where the queue names none", async () => {
    world.configure({ buildRunner: { type: "codebuild", image: "node:24" } });
    await planned("building");
    await expect(triggered()).rejects.toMatchObject({ name: "config.invalid", message: /no CodeBuild project/ });
    world.env[ENV.buildProjects] = JSON.stringify({ [QUEUE]: "made", other: PROJECT });
    await triggered();
    expect(fake.builds).toMatchObject([{ project: "made" }]);
  });
});

describe("a trigger that dies", () => {
  const CALLS = 16;

  it.each([0, 2, 4, 30])(
    "between any two of its calls, and comes again after %i minutes, starts one build and loses none",
    async (minutes) => {
      let died = 0;
      for (let at = 1; at <= CALLS; at++)
        for (const moment of ["before", "after"] as const) {
          const where = `call ${at}, ${moment} it took effect`;
          await planned("building");
          world.dieAt({ at, moment });
          const first = await triggered().then(
            () => "answered",
            () => "died",
          );
          if (first === "died") died += 1;
          world.revive();
          world.now += minutes * MINUTE;
          if (first === "died") expect(await triggered(), where).toEqual({ kind: "triggered" });
          expect(fake.builds.length, where).toBe(1);
          expect((await row())?.id, where).toBe(fake.builds[0]?.id);
          expect(await polled(), where).toEqual({ kind: "running" });
          await close();
          await open();
        }
      // Wanted, row, mark, start, mark, id, log: each of them died before and after it took effect.
      expect(died).toBeGreaterThanOrEqual(14);
      expect(died).toBeLessThan(2 * CALLS);
    },
  );

  it("between any two of its calls, and finds the build unwanted when it comes again, leaves no build that goes on", async () => {
    for (let at = 1; at <= CALLS; at++)
      for (const moment of ["before", "after"] as const) {
        const where = `call ${at}, ${moment} it took effect`;
        await planned("building");
        world.dieAt({ at, moment });
        await triggered().catch(() => undefined);
        world.revive();
        await planned("cancelling");
        world.now += 10 * MINUTE;
        await triggered();
        for (let n = 0; n < 3; n++) await polled();
        expect(
          fake.builds.filter(({ stoppedAt }) => stoppedAt === undefined),
          where,
        ).toEqual([]);
        await close();
        await open();
      }
  });
});
