import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { pathRef } from "../../../../functions/contracts/build-refs.ts";
import { ENV } from "../../../../functions/contracts/environment.ts";
import { BuildKey } from "../../../../functions/contracts/ids.ts";
import { Composed } from "../../../../functions/contracts/messages/merge-unit.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import type { LambdaContext } from "../../../../functions/handlers/on-lambda.ts";
import { wire as poll } from "../../../../functions/handlers/orchestrator/build-workflow/poll.lambda.ts";
import { wire as reportGitHub } from "../../../../functions/handlers/orchestrator/build-workflow/report-github.lambda.ts";
import { wire as trigger } from "../../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { wire as sweep } from "../../../../functions/handlers/orchestrator/sweep.lambda.ts";
import { COURSES, githubWorld, REPOSITORY } from "../../../adapters/build-runner/github-world.ts";
import { type Dynalite, startDynalite } from "../../../support/dynalite.ts";
import { isReading } from "../deaths.ts";
import { QUEUE, World } from "../world.ts";
import { anOrder, BATCH, plan } from "./planned.ts";

const MINUTE = 60_000;

let dynalite: Dynalite;
let world: World;
let hub: Awaited<ReturnType<typeof githubWorld>>;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  dynalite = await startDynalite();
  world = await World.open(dynalite);
  hub = await githubWorld({ ends: (end) => ends.push(end) });
  world.now = hub.clock.now;
  const { id: appId, privateKey, installationId, webhookSecret } = hub.github.identities.app;
  const secrets = {
    send: async () => ({ SecretString: JSON.stringify({ appId, privateKey, installationId, webhookSecret }) }),
  };
  world.clients = { ...world.clients, secrets: secrets as unknown as SecretsManagerClient };
  world.configure({
    buildRunner: {
      type: "github-checks",
      repository: REPOSITORY,
      api: hub.github.url,
      credentialsSecret: "github",
      checks: ["unit"],
      timeoutSeconds: 7_200,
      pollSeconds: 5,
    },
  });
});
afterAll(async () => {
  world.close();
  for (const end of ends) await end();
  await dynalite.stop();
});

let orders = 0;

/** A build of a commit of its own, of which this becomes. */
async function ordered(course: keyof typeof COURSES) {
  orders += 1;
  const buildKey = BuildKey.parse(orders.toString(16).padStart(32, "0"));
  const { commit } = await hub.task(COURSES[course]);
  const composed = Composed.parse({ commit, tree: "b".repeat(40), trunk: "c".repeat(40) });
  const order = { ...anOrder(buildKey, composed, pathRef(buildKey)), pollSeconds: 5 };
  await plan(world, { batchId: BATCH, buildKey }, "building");
  return {
    order,
    commit,
    triggered: () => world.call(trigger, order),
    polled: async () => {
      await hub.ci.idle();
      return world.call(poll, order);
    },
    unwanted: () => plan(world, { batchId: BATCH, buildKey }, "cancelling"),
    started: () => hub.ci.ran.filter(({ sha }) => sha === commit).length,
    row: () => world.builds.get(buildKey),
  };
}

const pass = (ms: number) => {
  world.now += ms;
  hub.clock.now += ms;
};

/** Ends what is called at the nth call of AWS, or of GitHub. Answers whether it died of it. */
async function dying(of: Side, death: Death, work: () => Promise<unknown>) {
  if (of === "AWS") world.dieAt(death);
  else hub.github.cut(death);
  const died = await work().then(
    () => false,
    () => true,
  );
  world.revive();
  hub.github.cut(undefined);
  return died;
}

type Side = "AWS" | "GitHub";
type Death = { readonly at: number; readonly moment: "before" | "after" };

/**
 * Each moment at which `work` can be cut off: before each of its calls takes effect, and after each call that changes something. The calls are
 * those of one run of `work`, which nothing disturbs.
 */
async function momentsOf(work: () => Promise<unknown>): Promise<readonly [Side, Death, where: string][]> {
  world.trace.length = 0;
  hub.github.calls.length = 0;
  await work();
  const moments = (side: Side, calls: readonly string[]) =>
    calls.flatMap((call, n) =>
      (isReading(call) ? (["before"] as const) : (["before", "after"] as const)).map(
        (moment): [Side, Death, string] => [side, { at: n + 1, moment }, `${moment} ${call}, call ${n + 1} of ${side}`],
      ),
    );
  return [...moments("AWS", world.trace), ...moments("GitHub", hub.github.calls)];
}

describe("a build that waits for the checks of GitHub", () => {
  it("is told to the planner with its link and what the check says", async () => {
    const failing = await ordered("fails");
    await failing.triggered();
    expect(await failing.row()).toMatchObject({
      id: expect.stringMatching(/^\d+-\d+-\d+$/),
      url: expect.stringContaining(failing.commit),
    });
    expect(await failing.polled()).toMatchObject({
      kind: "finished",
      verdict: {
        kind: "failed",
        reason: { code: "build.failed", message: expect.stringContaining("check.sh:1 expected 1, was 2") },
      },
      url: expect.stringContaining("/runs/"),
    });
  });

  it("that became unwanted is stopped, with the run of Actions, and a late success changes nothing", async () => {
    const hanging = await ordered("hangs");
    await hanging.triggered();
    await hanging.unwanted();
    pass(5_000);
    expect(await hanging.polled()).toMatchObject({ verdict: { kind: "cancelled" } });
    expect(hub.repository.workflowRuns.at(-1)?.conclusion).toBe("cancelled");
    pass(5_000);
    expect(await hanging.polled()).toMatchObject({ verdict: { kind: "cancelled" } });
  });

  it("is looked at when GitHub tells of it, and of no delivery that GitHub did not sign", async () => {
    const hanging = await ordered("hangs");
    const told: { event: string; payload: object }[] = [];
    hub.github.onEvent((event, payload) => told.push({ event, payload }));
    await hanging.triggered();
    await hub.ci.idle();
    const deliver = (secret: string, encoding: "utf8" | "base64" = "utf8") => {
      const sent = JSON.stringify(told.find(({ event }) => event === "check_run.created")?.payload);
      const mac = createHmac("sha256", secret).update(sent).digest("hex");
      const headers = { "X-GitHub-Event": "check_run", "X-Hub-Signature-256": `sha256=${mac}` };
      const body = Buffer.from(sent).toString(encoding);
      return world.call(reportGitHub, { headers, body, isBase64Encoded: encoding === "base64" });
    };
    expect(await deliver("another")).toMatchObject({ statusCode: 401 });
    expect(world.sent.get(world.env[ENV.looksTopic] ?? "") ?? []).toEqual([]);
    expect(await deliver(hub.github.identities.app.webhookSecret)).toMatchObject({ statusCode: 204 });
    expect(await deliver(hub.github.identities.app.webhookSecret, "base64")).toMatchObject({ statusCode: 204 });
    const [look] = world.sent.get(world.env[ENV.looksTopic] ?? "") ?? [];
    expect(JSON.parse(look?.body ?? "")).toMatchObject({ kind: "look-at-build", buildKey: hanging.order.buildKey });
  });

  it("is looked at also when the secret of another queue can't be read; without any secret nothing is known", async () => {
    const hanging = await ordered("hangs");
    const body = JSON.stringify({ branches: [{ name: `submitqueue/${QUEUE}/${hanging.order.buildKey}` }] });
    const mac = createHmac("sha256", hub.github.identities.app.webhookSecret).update(body).digest("hex");
    const headers = { "x-github-event": "status", "x-hub-signature-256": `sha256=${mac}` };
    const file = world.env[ENV.queuesFile] ?? "";
    const written = readFileSync(file, "utf8");
    const { queues } = JSON.parse(written);
    const [queue] = queues;
    const unreadable = { ...queue, name: "other", buildRunner: { ...queue.buildRunner, credentialsSecret: "gone" } };
    const before = world.clients;
    const gone = Object.assign(new Error("no such secret"), { name: "ResourceNotFoundException" });
    const send = async (command: GetSecretValueCommand) => {
      if (command.input.SecretId === "gone") throw gone;
      return before.secrets.send(command);
    };
    world.clients = { ...before, secrets: { send } as unknown as SecretsManagerClient };
    writeFileSync(file, JSON.stringify({ queues: [unreadable, queue] }));
    expect(await world.call(reportGitHub, { headers, body })).toMatchObject({ statusCode: 204 });
    writeFileSync(file, JSON.stringify({ queues: [unreadable] }));
    expect(await world.call(reportGitHub, { headers, body })).toMatchObject({ statusCode: 500 });
    world.clients = before;
    writeFileSync(file, written);
  });

  it("is not given up while GitHub takes no more calls", async () => {
    const hanging = await ordered("hangs");
    hub.github.limitNext({ operation: "post /repos/{owner}/{repo}/git/refs", retryAfterSeconds: 1_800 });
    expect(await hanging.triggered()).toEqual({ kind: "deferred", seconds: 1_800 });
    expect(hanging.started()).toBe(0);
    pass(30 * MINUTE);
    expect(await hanging.triggered()).toMatchObject({ kind: "running" });
    hub.github.limitNext({ operation: "get /repos/{owner}/{repo}/commits/{ref}/check-runs" });
    expect(await hanging.polled()).toMatchObject({ kind: "running" });
    expect(hanging.started()).toBe(1);
  });
});

describe("a rate limit of GitHub", () => {
  const POST = "post /repos/{owner}/{repo}/git/refs";
  const limit = (minutes: number) => hub.github.limitNext({ operation: POST, retryAfterSeconds: minutes * 60 });

  it("of hours puts a build off, again and again, and takes nothing from its time", async () => {
    const hanging = await ordered("hangs");
    limit(50);
    expect(await hanging.triggered()).toEqual({ kind: "deferred", seconds: 3_000 });
    pass(50 * MINUTE);
    limit(60);
    expect(await hanging.triggered()).toEqual({ kind: "deferred", seconds: 3_600 });
    pass(60 * MINUTE);
    expect(await hanging.triggered()).toMatchObject({ kind: "running" });
    pass(119 * MINUTE);
    expect(await hanging.polled()).toMatchObject({ kind: "running" });
    pass(2 * MINUTE);
    expect(await hanging.polled()).toMatchObject({ verdict: { kind: "failed", reason: { code: "build.timed_out" } } });
  });

  it("that lasts longer than a build may take ends the build, and blames no change", async () => {
    const hanging = await ordered("hangs");
    limit(180);
    // No longer than the two hours that a build may take.
    expect(await hanging.triggered()).toEqual({ kind: "deferred", seconds: 7_200 });
    pass(120 * MINUTE);
    limit(60);
    expect(await hanging.triggered()).toMatchObject({
      kind: "finished",
      verdict: {
        kind: "infrastructure",
        reason: {
          code: "build.infrastructure",
          message: expect.stringMatching(/took no calls for 7200 seconds.*GitHub takes no more calls until/),
        },
      },
    });
    expect(hanging.started()).toBe(0);
  });

  it("starts no build that became unwanted meanwhile, and one build when the function dies as it is put off", async () => {
    const unwanted = await ordered("hangs");
    limit(50);
    await unwanted.triggered();
    await unwanted.unwanted();
    pass(50 * MINUTE);
    expect(await unwanted.triggered()).toMatchObject({ kind: "finished" });
    expect(unwanted.started()).toBe(0);
    const putOff = await ordered("hangs");
    limit(50);
    let died = 0;
    for (const [of, death, where] of await momentsOf(putOff.triggered)) {
      if (of === "GitHub") continue;
      const build = await ordered("hangs");
      limit(50);
      if (!(await dying(of, death, build.triggered))) continue;
      died += 1;
      pass(50 * MINUTE);
      let seen = await build.triggered();
      // The limit was not met by a function that died before it called GitHub.
      if ((seen as { kind: string }).kind === "deferred") {
        pass(50 * MINUTE);
        seen = await build.triggered();
      }
      expect(seen, where).toMatchObject({ kind: "running" });
      expect(build.started(), where).toBe(1);
      await hub.git.delete(`refs/heads/submitqueue/main/${build.order.buildKey}`);
    }
    // Of AWS: wanted, row before and after, two reads of the mark.
    expect(died).toBeGreaterThanOrEqual(6);
  });
});

describe("the branch of a build that is over, whose deletion failed", () => {
  let built: Awaited<ReturnType<typeof ordered>>;
  beforeAll(async () => {
    built = await ordered("passes");
  });
  beforeEach(async () => {
    for (const ref of (await hub.branches()).keys()) await hub.git.delete(ref);
  });
  const branches = async () => [...(await hub.branches()).keys()];
  const branchOf = ({ order: { buildKey } }: { order: { buildKey: BuildKey } }) =>
    `refs/heads/submitqueue/main/${buildKey}`;
  const none = () => plan(world, { batchId: BATCH, buildKey: BuildKey.parse("f".repeat(32)) }, undefined);
  const swept = () => world.call(sweep, {});

  /** A build that has ended, and whose branch is there: the function died before it deleted the branch. */
  async function leftBehind() {
    orders += 1;
    const buildKey = BuildKey.parse(orders.toString(16).padStart(32, "0"));
    const build = { ...built, order: { ...built.order, buildKey } };
    await world.builds.create({ ...build.order, startedAt: epochMs(world.now), deadline: epochMs(world.now + MINUTE) });
    await hub.git.update(branchOf(build), build.commit);
    return build;
  }
  /** The same of a build that has not ended. */
  async function live() {
    const build = await leftBehind();
    await plan(world, { batchId: BATCH, buildKey: build.order.buildKey }, "building");
    return build;
  }

  it("is deleted by the sweep, and no branch of a build that is live, of another installation, of another queue, or of no build is", async () => {
    const over = await leftBehind();
    const running = await live();
    const others = [
      `refs/heads/submitqueue/main/${"e".repeat(32)}`,
      `refs/heads/submitqueue/main-2/${over.order.buildKey}`,
      "refs/heads/submitqueue/main/mine",
      "refs/heads/submitqueue/mine",
    ];
    for (const ref of others) await hub.git.update(ref, over.commit);
    await swept();
    expect((await branches()).toSorted()).toEqual([branchOf(running), ...others].toSorted());
  });

  it("takes its runs of Actions with it", async () => {
    const over = await ordered("hangs");
    await over.triggered();
    await hub.ci.idle();
    await none();
    await swept();
    expect(hub.repository.workflowRuns.filter(({ sha }) => sha === over.commit)).toMatchObject([
      { conclusion: "cancelled" },
    ]);
    expect(await branches()).toEqual([]);
  });

  it("is looked for every ten minutes", async () => {
    await leftBehind();
    await none();
    const process = sweep(world.env, world.clients);
    const run = () => process({}, {} as LambdaContext);
    await run();
    expect(await branches()).toEqual([]);
    await leftBehind();
    hub.github.calls.length = 0;
    pass(9 * MINUTE);
    await run();
    expect(hub.github.calls).toEqual([]);
    pass(MINUTE);
    await run();
    expect(await branches()).toEqual([]);
  });

  it("waits while GitHub takes no more calls, and keeps nothing else from being swept", async () => {
    await leftBehind();
    await none();
    const process = sweep(world.env, world.clients);
    const run = () => process({}, {} as LambdaContext);
    hub.github.limitNext({ operation: "get /repos/{owner}/{repo}/git/matching-refs/{ref}", retryAfterSeconds: 1_800 });
    await run();
    hub.github.calls.length = 0;
    pass(29 * MINUTE);
    await run();
    expect(hub.github.calls).toEqual([]);
    pass(MINUTE);
    await run();
    expect(await branches()).toEqual([]);
  });

  it("is deleted by a later sweep, when a sweep dies between any two of its calls", async () => {
    let cutOff = 0;
    const calls = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
    const moments = [
      // Of AWS a sweep only reads: to die after a call is to die before the next one.
      ...calls(9).map((at) => ["AWS", at, "after"] as const),
      ...calls(5).flatMap((at) => (["before", "after"] as const).map((moment) => ["GitHub", at, moment] as const)),
    ];
    for (const [of, at, moment] of moments) {
      const where = `call ${at} of ${of}, ${moment} it took effect`;
      await leftBehind();
      const running = await live();
      await dying(of, { at, moment }, swept);
      if ((await branches()).length > 1) cutOff += 1;
      await swept();
      expect(await branches(), where).toEqual([branchOf(running)]);
      await hub.git.delete(branchOf(running));
    }
    expect(cutOff).toBeGreaterThanOrEqual(12);
  });
});

describe("a function that dies between any two of its calls", () => {
  it("starts one build and loses none: the trigger, of which the answer comes when it comes again", async () => {
    let died = 0;
    const undisturbed = await ordered("hangs");
    for (const [of, death, where] of await momentsOf(undisturbed.triggered)) {
      const build = await ordered("hangs");
      if (!(await dying(of, death, build.triggered))) continue;
      died += 1;
      pass(2 * MINUTE);
      expect(await build.triggered(), where).toMatchObject({ kind: "running" });
      expect(await build.polled(), where).toMatchObject({ kind: "running" });
      expect(build.started(), where).toBe(1);
      expect((await build.row())?.id, where).toBeDefined();
    }
    // Of AWS: wanted, row, two reads of the mark, id, log. Of GitHub: token, two lists, the branch.
    expect(died).toBeGreaterThanOrEqual(20);
  });

  it("gives the verdict once, and leaves no branch: the poll of a build that has passed", async () => {
    let died = 0;
    const undisturbed = await ordered("passes");
    await undisturbed.triggered();
    for (const [of, death, where] of await momentsOf(undisturbed.polled)) {
      const build = await ordered("passes");
      await build.triggered();
      if (!(await dying(of, death, build.polled))) continue;
      died += 1;
      expect(await build.polled(), where).toMatchObject({ kind: "finished", verdict: { kind: "passed" } });
      expect(await build.triggered(), where).toMatchObject({ kind: "finished", verdict: { kind: "passed" } });
      expect(build.started(), where).toBe(1);
      expect([...(await hub.branches()).values()], where).not.toContain(build.commit);
    }
    expect(died).toBeGreaterThanOrEqual(8);
  });

  it("leaves no build that goes on: the poll that stops a build, and the trigger of one that became unwanted", async () => {
    const ends = async ({ polled, commit }: Awaited<ReturnType<typeof ordered>>, where: string) => {
      for (let n = 0; n < 2; n++) await polled();
      expect([...(await hub.branches()).values()], where).not.toContain(commit);
      const runs = hub.repository.workflowRuns.filter(({ sha }) => sha === commit);
      expect(
        runs.every(({ status }) => status === "completed"),
        where,
      ).toBe(true);
      expect(runs.length, where).toBeLessThanOrEqual(1);
    };
    const build = await ordered("hangs");
    const ofTrigger = await momentsOf(build.triggered);
    await build.unwanted();
    const ofPoll = await momentsOf(build.polled);
    let died = 0;
    for (const [of, death, where] of ofPoll) {
      const stopped = await ordered("hangs");
      await stopped.triggered();
      await stopped.unwanted();
      if (!(await dying(of, death, stopped.polled))) continue;
      died += 1;
      await ends(stopped, where);
    }
    for (const [of, death, where] of ofTrigger) {
      // Of the calls of AWS the test of the trigger knows.
      if (of === "AWS") continue;
      const begun = await ordered("hangs");
      if (!(await dying(of, death, begun.triggered))) continue;
      died += 1;
      await begun.unwanted();
      await begun.triggered();
      await ends(begun, where);
    }
    expect(died).toBeGreaterThanOrEqual(30);
  });
});
