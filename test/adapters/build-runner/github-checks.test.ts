import { createHmac } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { CheckedRepository } from "../../../functions/adapters/build-runner/github-checks-repository.ts";
import type { GitHubClient } from "../../../functions/adapters/github/client.ts";
import type { GitHubCredentials } from "../../../functions/adapters/github/credentials.ts";
import { GitSha } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { createCheckRun, updateCheckRun } from "../../../localstack/fakes/github/checks.ts";
import type { Job } from "../../../localstack/fakes/github/ci.ts";
import type { FakeGitHub } from "../../../localstack/fakes/github/index.ts";
import { Refusal } from "../../../localstack/fakes/github/refusal.ts";
import { postStatus } from "../../../localstack/fakes/github/statuses.ts";
import { buildRunnerContract } from "./contract.ts";
import { appOn, COURSES, githubWorld } from "./github-world.ts";
import { aTask } from "./tasks.ts";

const ends: (() => Promise<void>)[] = [];
let shared: ReturnType<typeof githubWorld> | undefined;
afterAll(async () => {
  for (const end of ends) await end();
});

for (const [name, stores] of [
  ["github-checks", true],
  ["github-checks, when no answer of trigger is ever stored", false],
] as const)
  buildRunnerContract(name, async () => {
    shared ??= githubWorld({ ends: (end) => ends.push(end) });
    const world = await shared;
    return {
      tellsEnd: true,
      open: () => world.open(stores),
      task: (outcome) => world.task(COURSES[outcome]),
      failingTest: async () => ({ task: await world.task(COURSES.fails), test: /^check\.sh:1 expected 1, was 2$/m }),
      vanish: async (build) => {
        await world.git.delete(world.branchOf(build));
        const { checkRuns } = world.repository;
        checkRuns.splice(0, checkRuns.length, ...checkRuns.filter(({ sha }) => sha !== build.commit));
      },
      overdue: () => world.task(COURSES.overdue),
    };
  });

const JOBS: readonly Job[] = [
  { name: "unit", reports: "check" },
  { name: "ci/lint", reports: "status" },
];

describe("the github-checks runner", () => {
  it("pushes the commit as a branch of its own, waits for check runs and statuses alike, and deletes the branch", async () => {
    const world = await githubWorld({ jobs: JOBS });
    const task = await world.task(COURSES.passes);
    const answer = await world.open().trigger(task);
    expect(answer.url).toBe(`https://github.invalid/acme/shop/commit/${task.commit}/checks`);
    expect(await world.branches()).toEqual(new Map([[`refs/heads/submitqueue/shop/${task.key}`, task.commit]]));
    expect(await world.open().status(task)).toEqual({
      kind: "finished",
      result: "passed",
      url: answer.url,
      endedAt: world.clock.now,
    });
    expect(await world.branches()).toEqual(new Map());
    expect(world.ci.ran.map(({ job }) => job)).toEqual(["unit", "ci/lint"]);
  });

  it("counts no result of an earlier attempt at the same commit, though all happens within one second", async () => {
    for (const stored of [true, false]) {
      const flake = (_: Job, attempt: number) => (attempt === 1 ? COURSES.fails : COURSES.passes);
      const world = await githubWorld({ jobs: JOBS, courseOf: flake });
      const first = await world.task(COURSES.passes);
      await world.open().trigger(first);
      expect(await world.open().status(first)).toMatchObject({ result: "failed" });
      // Without an id an attempt is told by time alone, and GitHub tells whole seconds.
      if (!stored) world.clock.now += 4_000;
      const second = { ...aTask({ askedAt: epochMs(world.clock.now) }), commit: first.commit };
      await world.open(stored).trigger(second);
      expect(await world.open(stored).status(second)).toMatchObject({ result: "passed" });
      expect(world.ci.ran).toHaveLength(4);
    }
  });

  it("does not believe what the CI of an earlier attempt says late", async () => {
    const world = await githubWorld({ jobs: [], wanted: [{ name: "ci/lint" }] });
    const post = (state: "pending" | "failure" | "success", build: number) =>
      postStatus(world.github, world.repository, {
        sha: first.commit,
        state,
        context: "ci/lint",
        creator: "ci",
        target_url: `https://ci.invalid/${build}`,
      });
    const first = await world.task(COURSES.passes);
    await world.open().trigger(first);
    await post("pending", 1);
    await world.open().cancel(first);
    expect(await world.open().status(first)).toMatchObject({ result: "cancelled" });
    const second = { ...aTask({ askedAt: epochMs(world.clock.now) }), commit: first.commit };
    await world.open().trigger(second);
    await post("failure", 1);
    expect(await world.open().status(second)).toEqual({ kind: "running" });
    await post("pending", 2);
    await post("success", 2);
    expect(await world.open().status(second)).toMatchObject({ result: "passed" });
    world.clock.now += 10_000;
    await post("success", 1);
    expect(await world.open().status(first)).toMatchObject({ result: "cancelled" });
  });

  it("takes the first check that fails for the verdict, quotes what it says about files, and stops the others", async () => {
    const jobs: Job[] = [...JOBS, { name: "slow", reports: "check" }];
    const courseOf = ({ name }: Job) => (name === "slow" ? COURSES.hangs : undefined);
    const world = await githubWorld({ jobs, courseOf });
    const task = await world.task({
      kind: "ends",
      conclusion: "failure",
      lines: ["2 tests failed", "expected 1", "3", "4", "5", "6"],
    });
    await world.open().trigger(task);
    expect(await world.open().status(task)).toEqual({
      kind: "finished",
      result: "failed",
      message:
        "The check unit (github-actions) ended with failure. So did ci/lint.\ncheck.sh:1 2 tests failed\ncheck.sh:1 expected 1\ncheck.sh:1 3\ncheck.sh:1 4\ncheck.sh:1 5",
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/acme\/shop\/runs\/\d+$/),
      endedAt: world.clock.now,
    });
    expect(world.repository.workflowRuns.map(({ conclusion }) => conclusion)).toEqual(["cancelled"]);
    expect(await world.branches()).toEqual(new Map());
  });

  it.each([
    ["skipped", "passed"],
    ["neutral", "passed"],
    ["timed_out", "failed"],
    ["action_required", "failed"],
    ["cancelled", "infrastructure"],
  ] as const)("takes a check that ended with %s for %s", async (conclusion, result) => {
    const world = await githubWorld();
    const task = await world.task({ kind: "ends", conclusion });
    await world.open().trigger(task);
    expect(await world.open().status(task)).toMatchObject({ result });
  });

  it("takes a status error for an infrastructure failure", async () => {
    const world = await githubWorld({ jobs: [{ name: "ci/lint", reports: "status" }] });
    const task = await world.task({ kind: "ends", conclusion: "error", lines: ["the agent was lost"] });
    await world.open().trigger(task);
    expect(await world.open().status(task)).toMatchObject({
      result: "infrastructure",
      message: "The check ci/lint ended with error: the agent was lost.",
    });
  });

  it.each([
    [
      "[skip ci] tidy\n",
      /the check unit within 600 seconds\. The message of the commit holds \[skip ci\], .*take it out/,
    ],
    [
      "tidy\n",
      /the check unit within 600 seconds\. Likely causes: .*submitqueue\/\*\*.*path filter.*another name \(reported were ci\/lint\)/,
    ],
  ])("ends a build of which a check never started, names the check and says why: %j", async (message, why) => {
    const courseOf = ({ name }: Job) => (name === "unit" ? COURSES.never : undefined);
    const world = await githubWorld({ jobs: JOBS, courseOf });
    const task = await world.task(COURSES.passes, message);
    await world.open().trigger(task);
    await world.ci.idle();
    world.clock.now += 599_000;
    expect(await world.open().status(task)).toEqual({ kind: "running" });
    world.clock.now += 2_000;
    if (message.startsWith("[skip")) expect(world.ci.ran).toEqual([]);
    const status = await world.open().status(task);
    expect(status).toMatchObject({ result: "infrastructure" });
    const said = status.kind === "finished" ? status.message : "";
    if (message.startsWith("[skip")) expect(said).toContain("the checks unit, ci/lint within");
    else expect(said).toMatch(why);
    expect(await world.branches()).toEqual(new Map());
  });

  it("waits for a check that starts when another has ended", async () => {
    const world = await githubWorld({
      jobs: [{ name: "build", reports: "check" }],
      wanted: [{ name: "unit" }],
      startWithinSeconds: 60,
    });
    const task = await world.task(COURSES.hangs);
    await world.open().trigger(task);
    world.clock.now += 300_000;
    expect(await world.open().status(task)).toEqual({ kind: "running" });
    const [run] = world.repository.checkRuns;
    if (run) updateCheckRun(world.github, world.repository, run, { conclusion: "success" });
    world.clock.now += 59_000;
    expect(await world.open().status(task)).toEqual({ kind: "running" });
    createCheckRun(world.github, world.repository, {
      sha: task.commit,
      appId: 15_368,
      words: { name: "unit", conclusion: "success" },
    });
    expect(await world.open().status(task)).toMatchObject({ result: "passed" });
  });

  it("believes the App that must report a check, and no other", async () => {
    const world = await githubWorld({ wanted: [{ name: "unit", app: 99 }], startWithinSeconds: 10 });
    const task = await world.task(COURSES.passes);
    await world.open().trigger(task);
    expect(await world.open().status(task)).toEqual({ kind: "running" });
    world.clock.now += 11_000;
    expect(await world.open().status(task)).toMatchObject({
      result: "infrastructure",
      message: expect.stringContaining("unit (github-actions) reported it instead"),
    });
    const slug = await githubWorld({ wanted: [{ name: "unit", app: "github-actions" }] });
    const other = await slug.task(COURSES.passes);
    await slug.open().trigger(other);
    expect(await slug.open().status(other)).toMatchObject({ result: "passed" });
  });

  it("waits while GitHub takes no more calls, and says until when", async () => {
    const world = await githubWorld();
    const task = await world.task(COURSES.hangs);
    world.github.limitNext({ retryAfterSeconds: 90 });
    await expect(world.open().trigger(task)).rejects.toMatchObject({
      code: "runner.unavailable",
      detail: { retryAt: world.clock.now + 90_000 },
    });
    world.github.limitNext({ operation: "post /repos/{owner}/{repo}/git/refs", kind: "primary" });
    await expect(world.open().trigger(task)).rejects.toMatchObject({ code: "runner.unavailable" });
    expect(world.ci.ran).toEqual([]);
    await world.open().trigger(task);
    for (const operation of [
      "get /repos/{owner}/{repo}/commits/{ref}/check-runs",
      "get /repos/{owner}/{repo}/commits/{ref}/statuses",
    ]) {
      world.github.limitNext({ operation });
      expect(await world.open().status(task)).toEqual({ kind: "running" });
    }
    world.github.limitNext();
    await world.open().cancel(task);
    expect(await world.open().status(task)).toEqual({ kind: "running" });
    await world.open().cancel(task);
    expect(await world.open().status(task)).toMatchObject({ result: "cancelled" });
    expect(world.ci.ran).toHaveLength(1);
  });

  it("asks to be called again when GitHub does not answer, and withholds no verdict for a branch that can't be deleted", async () => {
    const world = await githubWorld();
    const task = await world.task(COURSES.passes);
    await world.open().trigger(task);
    world.github.refuseNext(new Refusal(502, "Bad Gateway"));
    await expect(world.open().status(task)).rejects.toMatchObject({ code: "runner.unavailable" });
    for (const status of [403, 422]) {
      world.github.refuseNext(
        new Refusal(status, "Repository rule violations found"),
        "delete /repos/{owner}/{repo}/git/refs/{ref}",
      );
      expect(await world.open().status(task)).toMatchObject({ result: "passed" });
    }
  });

  it.each([
    [
      "is not installed",
      (github: FakeGitHub): GitHubCredentials => ({ ...appOn(github), appId: 1 }) as GitHubCredentials,
      /Integration not found|GitHub App 1 is not installed on acme\/shop/,
    ],
    [
      "has another key",
      (): GitHubCredentials => ({ kind: "app", appId: 4_711, privateKey: "no key" }),
      /private key of the GitHub App can't be used/,
    ],
    [
      "is an unknown token",
      (): GitHubCredentials => ({ kind: "token", token: "ghp_x" }),
      /GitHub refuses the credentials \(Bad credentials/,
    ],
    [
      "may only read",
      ({ identities }: FakeGitHub): GitHubCredentials => ({
        kind: "token",
        token: identities.userToken("ann", "read"),
      }),
      /may not do this .*Resource not accessible/,
    ],
  ])("says what is wrong when the credentials' App or token %s", async (_, credentials, said) => {
    const world = await githubWorld({ credentials });
    await expect(world.open().trigger(await world.task(COURSES.passes))).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringMatching(said),
    });
  });

  it("works with a token of a user, and stops no runs with one that may not", async () => {
    const world = await githubWorld({
      credentials: ({ identities }) => ({ kind: "token", token: identities.userToken("ann") }),
    });
    const task = await world.task(COURSES.passes);
    await world.open().trigger(task);
    expect(await world.open().status(task)).toMatchObject({ result: "passed" });
    const limited = await githubWorld();
    const { actions: _, ...granted } = limited.github.identities.granted;
    limited.github.identities.granted = granted;
    const hanging = await limited.task(COURSES.hangs);
    await limited.open().trigger(hanging);
    await limited.open().cancel(hanging);
    expect(await limited.open().status(hanging)).toMatchObject({
      result: "cancelled",
      message: expect.stringContaining("may go on"),
    });
  });

  it("says which builds a delivery is about, and believes none that GitHub did not sign", async () => {
    const world = await githubWorld({ jobs: JOBS });
    const task = await world.task(COURSES.passes);
    const events: string[] = [];
    world.github.onEvent((event, payload) => {
      if (/^(check_run\.completed|workflow_run\.completed|status|push)$/.test(event))
        events.push(`${event.split(".")[0]} ${JSON.stringify(payload)}`);
    });
    await world.open().trigger(task);
    await world.ci.idle();
    expect(events.map((event) => event.split(" ")[0]).sort()).toEqual([
      "check_run",
      "push",
      "status",
      "status",
      "workflow_run",
    ]);
    const { webhookSecret } = world.github.identities.app;
    const told = async (event: string, secret: string) => {
      const [name = "", body = ""] = [event.slice(0, event.indexOf(" ")), event.slice(event.indexOf(" ") + 1)];
      const mac = createHmac("sha256", secret).update(body).digest("hex");
      return world
        .bare()
        .report?.(Buffer.from(body), { "x-github-event": name, "x-hub-signature-256": `sha256=${mac}` });
    };
    for (const event of events) {
      expect(await told(event, webhookSecret)).toEqual(event.startsWith("push ") ? [] : [task.key]);
      expect(await told(event, "another")).toBeUndefined();
    }
    expect(await world.bare().report?.(Buffer.from("{}"), {})).toBeUndefined();
  });

  it("costs three calls to start a build, three to see it pass, two to see it run", async () => {
    const world = await githubWorld();
    const task = await world.task(COURSES.passes);
    const hanging = await world.task(COURSES.hangs);
    const callsOf = async (work: () => Promise<unknown>) => {
      world.github.calls.length = 0;
      await work();
      return world.github.calls.length;
    };
    // The installation and its token, once an hour.
    await callsOf(() => world.open().trigger(hanging));
    expect(await callsOf(() => world.open().trigger(task))).toBe(3);
    expect(await callsOf(() => world.open().status(hanging))).toBe(2);
    expect(await callsOf(() => world.open().status(task))).toBe(3);
  });
});

it("a build whose commit GitHub does not have has come to nothing, also before its trigger was answered", async () => {
  const world = await githubWorld();
  const task = { ...(await world.task(COURSES.passes)), commit: GitSha.parse("f".repeat(40)) };
  expect(await world.open().status(task)).toMatchObject({ kind: "finished", result: "infrastructure" });
});

it("all runs of a commit are cancelled, also more than GitHub lists on a page of the usual size", async () => {
  const runs = Array.from({ length: 45 }, (_, id) => ({ id, status: "in_progress" }));
  const cancelled: number[] = [];
  const call = async (route: string, { per_page = 30, run_id }: { per_page?: number; run_id: number }) => {
    if (route.startsWith("GET")) return { data: { workflow_runs: runs.slice(0, per_page) } };
    return void cancelled.push(run_id);
  };
  const client = { call, owner: "acme", repo: "shop" } as unknown as GitHubClient;
  await new CheckedRepository(client).cancelRuns("submitqueue/shop/x", GitSha.parse("a".repeat(40)));
  expect(cancelled).toHaveLength(45);
});
