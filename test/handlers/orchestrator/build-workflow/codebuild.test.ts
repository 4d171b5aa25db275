import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BuildRunner } from "../../../../functions/adapters/build-runner/index.ts";
import { branchRef } from "../../../../functions/contracts/build-refs.ts";
import { CodedError } from "../../../../functions/contracts/errors.ts";
import { BuildKey } from "../../../../functions/contracts/ids.ts";
import { LookAtBuild } from "../../../../functions/contracts/messages/look-messages.ts";
import { Composed } from "../../../../functions/contracts/messages/merge-unit.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import type { PathState } from "../../../../functions/domain/batch.ts";
import { wire as start } from "../../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as look } from "../../../../functions/handlers/orchestrator/build-workflow/look.lambda.ts";
import { wire as poll } from "../../../../functions/handlers/orchestrator/build-workflow/poll.lambda.ts";
import { wire as report } from "../../../../functions/handlers/orchestrator/build-workflow/report.lambda.ts";
import { wire as reportCodeBuild } from "../../../../functions/handlers/orchestrator/build-workflow/report-codebuild.lambda.ts";
import { wire as trigger } from "../../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { type Course, FakeCodeBuild } from "../../../../localstack/fakes/codebuild.ts";
import { stateChange } from "../../../../localstack/fakes/codebuild-build.ts";
import { COURSES, clientsOn } from "../../../adapters/build-runner/codebuild-world.ts";
import { type Dynalite, startDynalite } from "../../../support/dynalite.ts";
import { deaths } from "../deaths.ts";
import { aLand, QUEUE, START, World } from "../world.ts";
import { anOrder, BATCH, plan } from "./planned.ts";

const PROJECT = "shop-builds";
const MINUTE = 60_000;
const CHANGE = { source: "aws.codebuild", detail: {} };
const VARIABLES = { environment: { "environment-variables": [{ name: "PATH", value: "/bin", type: "PLAINTEXT" }] } };

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
  fake = await FakeCodeBuild.start({
    projects: [PROJECT, "submitqueue-main"],
    now: () => world.now,
    courseOf: () => course,
  });
  world.bring(clientsOn(fake));
  world.configure({ buildRunner: { type: "codebuild", project: PROJECT, timeoutSeconds: 7_200, pollSeconds: 5 } });
}
async function close(): Promise<void> {
  await fake.stop();
  world.close();
}

const buildKey = BuildKey.parse("1".repeat(32));
const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });
const order = { ...anOrder(buildKey, composed, branchRef(QUEUE, buildKey)), expectedSeconds: 0 };

const planned = (state: PathState) => plan(world, { batchId: BATCH, buildKey }, state);
const triggered = () => world.call(trigger, order);
const polled = () => world.call(poll, order);
const row = () => world.builds.get(buildKey);

describe("a build in CodeBuild", () => {
  it("is found by the id that is stored with it, from its trigger to its verdict", async () => {
    await planned("building");
    expect(await triggered()).toMatchObject({ kind: "running" });
    const [build] = fake.builds;
    expect(build?.input["sourceVersion"]).toBe(`refs/heads/submitqueue/main/${buildKey}^{${composed.commit}}`);
    expect(await row()).toMatchObject({ id: build?.id, url: expect.stringMatching(/^https:\/\/us-east-1\.console/) });
    fake.calls.length = 0;
    expect(await polled()).toMatchObject({ kind: "running" });
    expect(fake.calls).toEqual(["BatchGetBuilds"]);
    expect(await triggered()).toMatchObject({ kind: "running" });
    expect(fake.calls).toEqual(["BatchGetBuilds", "BatchGetBuilds"]);
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

  it("that was stopped in the console is worth another attempt", async () => {
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
      expect(await polled()).toMatchObject({ verdict: { kind: verdict } });
      expect(fake.calls.slice(-2)).toEqual(["StopBuild", "BatchGetBuilds"]);
      await close();
      await open();
    }
  });

  it("that was asked to stop before CodeBuild was asked for it never starts", async () => {
    await planned("building");
    await world.builds.create({ ...order, startedAt: epochMs(START), deadline: epochMs(START + 1) });
    await world.builds.note(buildKey, { stop: "unwanted" });
    for (const ask of [triggered, polled]) expect(await ask()).toMatchObject({ verdict: { kind: "cancelled" } });
    expect(fake.builds).toEqual([]);
  });

  it("is put off while CodeBuild is full, for as long as a build may take, and is then one build", async () => {
    await planned("building");
    for (let minutes = 0; minutes < 100; minutes += 25) {
      fake.refuseNext("AccountLimitExceededException", { operation: "StartBuild" });
      expect(await triggered()).toEqual({ kind: "deferred", seconds: 60 });
      world.now += 25 * MINUTE;
    }
    expect(await triggered()).toMatchObject({ kind: "running" });
    expect(fake.builds).toHaveLength(1);
  });

  it("is put off a thousand times at most, although CodeBuild takes calls again in a second each time", async () => {
    await planned("building");
    const detail = { retryAt: epochMs(world.now + 1_000) };
    const trigger = async () => Promise.reject(new CodedError("runner.unavailable", "full", { detail }));
    const runner = { trigger } as unknown as BuildRunner;
    world.clients = { ...world.clients, buildRunners: { codebuild: () => () => runner } };
    expect(await triggered()).toEqual({ kind: "deferred", seconds: 8 });
  });

  it("is given up, and no change's fault, when CodeBuild is full for longer than a build may take", async () => {
    await planned("building");
    fake.refuseNext("AccountLimitExceededException", { operation: "StartBuild" });
    await triggered();
    world.now += 120 * MINUTE;
    fake.refuseNext("AccountLimitExceededException", { operation: "StartBuild" });
    expect(await triggered()).toMatchObject({
      verdict: {
        kind: "infrastructure",
        reason: {
          message: expect.stringMatching(/took no calls for 7200 seconds.*CodeBuild takes no more builds now/),
        },
      },
    });
  });

  it("is to be asked for again at once when CodeBuild is called too often", async () => {
    await planned("building");
    fake.refuseNext("ThrottlingException", { operation: "StartBuild" });
    await expect(triggered()).rejects.toMatchObject({ name: "runner.unavailable" });
  });

  it("is never asked for by a request of a queue whose project is not there: the request is refused, with what to do", async () => {
    const codebuild = (project: string) => world.configure({ buildRunner: { type: "codebuild", project } });
    codebuild("gone");
    await world.call(start, aLand(1));
    expect(await world.inspectAndValidate(aLand(1))).toMatchObject({
      kind: "refused",
      reason: {
        code: "queue.cannot_build",
        message: expect.stringMatching(/no change is at fault.*there is no CodeBuild project gone .*Create it/),
      },
    });
    codebuild(PROJECT);
    expect(await world.inspectAndValidate(aLand(1))).toMatchObject({ kind: "validated" });
  });

  it("is built in the project that the stack created, where the queue names none", async () => {
    world.configure({ buildRunner: { type: "codebuild", image: "node:24" } });
    await planned("building");
    await triggered();
    expect(fake.builds).toMatchObject([{ project: "submitqueue-main" }]);
  });

  it("that CodeBuild reports is told to the planner at once, and not a second time by its workflow", async () => {
    course = { ...COURSES.passes, ms: 10 * MINUTE };
    await planned("building");
    expect(await triggered()).toMatchObject({ kind: "running" });
    world.now += 10 * MINUTE;
    const [build] = fake.builds;
    if (build === undefined) throw new Error("no build was started");
    const event = stateChange(build, world.now);
    for (let twice = 0; twice < 2; twice++) await world.call(reportCodeBuild, event);
    expect(world.messages("looks", LookAtBuild)).toMatchObject([{ buildKey }, { buildKey }]);
    await world.deliver(look, ...world.messages("looks", LookAtBuild));
    expect(world.signals).toMatchObject([{ kind: "build-finished", buildKey, verdict: { kind: "passed", composed } }]);
    expect(world.logOf(1)).toEqual(["building"]);
    const seen = await polled();
    expect(seen).toMatchObject({ kind: "finished", verdict: { kind: "passed" }, reported: true });
    const signal = await world.call(report, { ...order, outcome: seen });
    expect(signal).toEqual(world.signals[0]);
    expect(world.signals).toHaveLength(1);
  });

  it.each([
    ["of a build that the queue did not start", { ...CHANGE, detail: { "additional-information": VARIABLES } }],
    ["of another service", { ...CHANGE, source: "aws.ec2" }],
    ["without the fields of CodeBuild's", CHANGE],
  ])("is not looked for when an event comes %s", async (_, event) => {
    await world.call(reportCodeBuild, event);
    expect(world.sent.get("looks")).toBeUndefined();
  });

  it("does not use up its time in CodeBuild's own queue", async () => {
    course = { ...COURSES.hangs, queuedMs: 90 * MINUTE };
    await planned("building");
    await triggered();
    world.now += 100 * MINUTE;
    expect(await polled()).toMatchObject({ kind: "running", seconds: 300 });
    // 90 minutes in the queue, and the two hours that it may take.
    world.now += 109 * MINUTE;
    expect(await polled()).toMatchObject({ kind: "running", seconds: 60 });
    world.now += MINUTE;
    expect(await polled()).toMatchObject({ verdict: { kind: "failed", reason: { code: "build.timed_out" } } });
  });

  it("that waits in CodeBuild's own queue for all its time is no change's fault", async () => {
    course = { ...COURSES.hangs, queuedMs: 300 * MINUTE };
    await planned("building");
    await triggered();
    world.now += 120 * MINUTE;
    expect(await polled()).toMatchObject({
      verdict: {
        kind: "infrastructure",
        reason: { code: "build.infrastructure", message: expect.stringMatching(/waited in the queue .*7200 seconds/) },
      },
    });
    expect(fake.builds[0]?.stoppedAt).toBe(world.now);
  });
});

describe("a trigger that dies", () => {
  it.each([0, 2, 4, 30])(
    "between any two of its calls, and comes again after %i minutes, starts one build and loses none",
    async (minutes) => {
      let died = 0;
      for (const { death, where } of deaths(() => world)) {
        await close();
        await open();
        await planned("building");
        world.dieAt(death);
        const first = await triggered().then(
          () => "answered",
          () => "died",
        );
        if (first === "died") died += 1;
        world.revive();
        world.now += minutes * MINUTE;
        if (first === "died") expect(await triggered(), where).toMatchObject({ kind: "running" });
        expect(fake.builds.length, where).toBe(1);
        expect((await row())?.id, where).toBe(fake.builds[0]?.id);
        expect(await polled(), where).toMatchObject({ kind: "running" });
      }
      // Wanted, row, mark, start, mark, id, log. Those that write died also after the call took effect.
      expect(died).toBeGreaterThanOrEqual(12);
    },
  );

  it("between any two of its calls, and finds the build unwanted when it comes again, leaves no build that goes on", async () => {
    for (const { death, where } of deaths(() => world)) {
      await close();
      await open();
      await planned("building");
      world.dieAt(death);
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
    }
  });
});
