import { describe, expect, it } from "vitest";
import { MAX_MESSAGE } from "../../../functions/adapters/build-runner/index.ts";
import { GitSha } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Course } from "../../../localstack/fakes/codebuild.ts";
import { COURSES, codebuildWorld, PROJECT, TESTED } from "./codebuild-world.ts";
import { buildRunnerContract } from "./contract.ts";

const MINUTE = 60_000;

for (const [name, stores] of [
  ["codebuild", true],
  ["codebuild, when no answer of trigger is ever stored", false],
] as const)
  buildRunnerContract(name, async () => {
    const world = await codebuildWorld({ stores });
    return {
      tellsEnd: true,
      open: world.open,
      task: async (outcome) => world.task(COURSES[outcome]),
      failingTest: async () => ({ task: world.task(TESTED), test: /cart › adds up/ }),
      vanish: async (build) => {
        for (const { id } of world.buildsOf(build)) world.fake.forget(id);
      },
      overdue: async () => world.task(COURSES.overdue),
    };
  });

describe("the codebuild runner", () => {
  it("builds the commit on the branch that it was pushed to, tells the build who it is, and leaves the rest to the project", async () => {
    const world = await codebuildWorld();
    const ref = "refs/heads/submitqueue/shop/abc";
    const task = { ...world.task(COURSES.passes), ref, timeoutSeconds: 3_690 };
    const { id, url } = await world.bare().trigger(task);
    const [build] = world.fake.builds;
    expect(build?.input).toEqual({
      projectName: PROJECT,
      sourceVersion: `${ref}^{${task.commit}}`,
      idempotencyToken: expect.stringMatching(/^[0-9a-f]{64}$/),
      autoRetryLimitOverride: 0,
      timeoutInMinutesOverride: 62,
      queuedTimeoutInMinutesOverride: 62,
      environmentVariablesOverride: [
        { name: "SQ_BUILD", value: task.key, type: "PLAINTEXT" },
        { name: "SQ_QUEUE", value: "shop", type: "PLAINTEXT" },
        { name: "SQ_BATCH", value: "shop/batch/1", type: "PLAINTEXT" },
        { name: "SQ_REF", value: ref, type: "PLAINTEXT" },
        { name: "SQ_COMMIT", value: task.commit, type: "PLAINTEXT" },
        { name: "SQ_BASE", value: task.base, type: "PLAINTEXT" },
      ],
    });
    expect(id).toBe(build?.id);
    expect(url).toBe(
      `https://us-east-1.console.aws.amazon.com/codesuite/codebuild/000000000000/projects/${PROJECT}/build/${encodeURIComponent(id ?? "")}/?region=us-east-1`,
    );
  });

  it("names no source version to a project without a source, whose buildspec fetches $SQ_REF", async () => {
    const world = await codebuildWorld({ source: "none" });
    await world.bare().trigger(world.task(COURSES.passes));
    expect(world.fake.builds[0]?.input).not.toHaveProperty("sourceVersion");
    expect(world.fake.builds[0]?.variables["SQ_REF"]).toMatch(/^refs\/submitqueue\/paths\//);
  });

  it.each([
    [1, [5, 5]],
    [86_400, [1_440, 480]],
    [200_000, [2_160, 480]],
  ])("asks for minutes that CodeBuild takes when a build may take %i seconds", async (timeoutSeconds, minutes) => {
    const world = await codebuildWorld();
    await world.bare().trigger({ ...world.task(COURSES.passes), timeoutSeconds });
    const { timeoutInMinutesOverride, queuedTimeoutInMinutesOverride } = world.fake.builds[0]?.input ?? {};
    expect([timeoutInMinutesOverride, queuedTimeoutInMinutesOverride]).toEqual(minutes);
  });

  it.each<[string, Course, string, RegExp?]>([
    ["SUCCEEDED", { status: "SUCCEEDED" }, "passed"],
    ...(["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"] as const).map((phase): [string, Course, string, RegExp] => [
      `FAILED in ${phase}`,
      { status: "FAILED", phase, message: "exit status 3" },
      "failed",
      new RegExp(`it failed in ${phase} \\(exit status 3\\)`),
    ]),
    ...(["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "UPLOAD_ARTIFACTS", "FINALIZING"] as const).map(
      (phase): [string, Course, string] => [`FAILED in ${phase}`, { status: "FAILED", phase }, "infrastructure"],
    ),
    ["FAILED in no phase", { status: "FAILED" }, "infrastructure"],
    ["FAULT in BUILD", { status: "FAULT", phase: "BUILD" }, "infrastructure", /it ended with FAULT in BUILD/],
    ["TIMED_OUT in QUEUED", { status: "TIMED_OUT", phase: "QUEUED" }, "infrastructure"],
    ["TIMED_OUT in BUILD", { status: "TIMED_OUT", phase: "BUILD" }, "failed", /longer than its project allows/],
  ])("takes %s for its verdict", async (_, course, result, message = /^/) => {
    const world = await codebuildWorld();
    const task = world.task(course);
    await world.open().trigger(task);
    const status = await world.open().status(task);
    expect(status).toMatchObject({ kind: "finished", result });
    expect(status.kind === "finished" ? (status.message ?? "") : "").toMatch(message);
  });

  it.each<[string, Course, string]>([
    ["FAILED in INSTALL", { status: "FAILED", phase: "INSTALL" }, "infrastructure"],
    ["TIMED_OUT in INSTALL", { status: "TIMED_OUT", phase: "INSTALL" }, "infrastructure"],
    ["FAILED in PRE_BUILD", { status: "FAILED", phase: "PRE_BUILD" }, "failed"],
    ["TIMED_OUT in PRE_BUILD", { status: "TIMED_OUT", phase: "PRE_BUILD" }, "failed"],
    ["FAILED in BUILD", { status: "FAILED", phase: "BUILD" }, "failed"],
    ["FAILED in POST_BUILD", { status: "FAILED", phase: "POST_BUILD" }, "infrastructure"],
    ["FAILED in DOWNLOAD_SOURCE", { status: "FAILED", phase: "DOWNLOAD_SOURCE" }, "infrastructure"],
  ])("takes %s for its verdict, where INSTALL and POST_BUILD are the infrastructure's", async (_, course, result) => {
    const world = await codebuildWorld({ infrastructurePhases: ["INSTALL", "POST_BUILD"] });
    const task = world.task(course);
    await world.open().trigger(task);
    expect(await world.open().status(task)).toMatchObject({ kind: "finished", result });
  });

  it.each([
    ["its page, when it ended before it had a log", "QUEUED", /console\.aws\.amazon\.com/],
    ["its log, when it had one", "PROVISIONING", /^https:\/\/logs\.example\.invalid\/shop-builds/],
  ] as const)("leads from a build to %s", async (_, phase, url) => {
    const world = await codebuildWorld();
    const task = world.task({ status: "FAULT", phase });
    await world.open().trigger(task);
    expect(await world.open().status(task)).toMatchObject({ kind: "finished", url: expect.stringMatching(url) });
  });

  it("shows the log and quotes its last kilobyte, as plain text", async () => {
    const world = await codebuildWorld();
    const numbered = Array.from({ length: 90 }, (_, n) => `line ${n} ${"x".repeat(30)}`).join("\n");
    const task = world.task({ ...COURSES.fails, log: `${numbered}\n\u001b[31mred\u001b[0m\u0007 at the end` });
    await world.open().trigger(task);
    const status = await world.open().status(task);
    if (status.kind !== "finished") throw new Error("it is running");
    const [first, ...quoted] = (status.message ?? "").split("\n");
    expect(first).toMatch(/^CodeBuild build shop-builds:[0-9a-f-]+: it failed in BUILD/);
    expect(quoted.at(-1)).toBe("red at the end");
    expect(quoted[0]).toMatch(/^line \d+ x+$/);
    expect(quoted.join("\n").length).toBeLessThanOrEqual(MAX_MESSAGE);
    expect(quoted.join("\n").length).toBeGreaterThan(MAX_MESSAGE - 60);
    expect(status.url).toBe(`https://logs.example.invalid/${encodeURIComponent(world.fake.builds[0]?.id ?? "")}`);
  });

  it("names the tests that failed by the reports that the build uploaded, a few of them, before the end of its log", async () => {
    const world = await codebuildWorld();
    const task = world.task({ ...TESTED, log: "x\n".repeat(2_000) });
    await world.open().trigger(task);
    world.fake.calls.length = 0;
    const status = await world.open().status(task);
    const [first, tests, ...log] = status.kind === "finished" ? (status.message ?? "").split("\n") : [];
    expect(first).toMatch(/it failed in BUILD/);
    expect(tests).toBe(
      "Failed tests: cart › adds up, till › rings 0, till › rings 1, till › rings 2, till › rings 3 and 3 more.",
    );
    expect(log.length).toBeGreaterThan(100);
    expect(`${tests}\n${log.join("\n")}`.length).toBeLessThanOrEqual(MAX_MESSAGE + 1);
    expect(world.fake.calls.sort()).toEqual([
      "BatchGetBuilds",
      "BatchGetReports",
      "DescribeTestCases",
      "DescribeTestCases",
      "GetLogEvents",
    ]);
  });

  it.each<[string, Course]>([
    ["has no report", COURSES.fails],
    ["has a report whose tests have all passed", { ...COURSES.fails, tests: [{ name: "a", status: "SUCCEEDED" }] }],
  ])("names no test of a failed build that %s, and asks for none", async (_, course) => {
    const world = await codebuildWorld();
    const task = world.task(course);
    await world.open().trigger(task);
    const status = await world.open().status(task);
    expect(status.kind === "finished" ? status.message : "").toMatch(
      /it failed in BUILD \(exit status 1\)\.\na\nb\n1 test failed$/,
    );
    expect(world.fake.calls).not.toContain("DescribeTestCases");
  });

  it.each(["BatchGetReports", "DescribeTestCases"])(
    "says what became of a build, and quotes its log, when CodeBuild refuses %s",
    async (operation) => {
      const world = await codebuildWorld();
      const task = world.task(TESTED);
      await world.open().trigger(task);
      world.fake.refuseNext("AccessDeniedException", { operation });
      expect(await world.open().status(task)).toMatchObject({
        result: "failed",
        message: expect.stringMatching(
          /exit status 1\)\.\n\(which tests failed can't be shown: AccessDeniedException\)\na\nb\n1 test failed$/,
        ),
      });
    },
  );

  it("says what became of a build whose log may not be read", async () => {
    const world = await codebuildWorld();
    const task = world.task(COURSES.fails);
    const { id = "" } = await world.open().trigger(task);
    world.fake.refuseNext("AccessDeniedException", { operation: "GetLogEvents" });
    expect(await world.bare().status({ ...task, id })).toMatchObject({
      result: "failed",
      message: expect.stringMatching(/exit status 1[\s\S]*the log can't be shown: AccessDeniedException/),
    });
  });

  it.each([0, 4, 6, 60])(
    "starts one build when an answer was lost and the trigger comes again after %i minutes",
    async (minutes) => {
      const world = await codebuildWorld({ stores: false });
      const task = world.task(COURSES.hangs);
      const first = await world.open().trigger(task);
      world.clock.now += minutes * MINUTE;
      expect(await world.open().trigger(task)).toEqual(first);
      expect(world.buildsOf(task)).toHaveLength(1);
    },
  );

  it("finds a build among those of a busy project, and looks no further back than the time it was asked for", async () => {
    const world = await codebuildWorld({ stores: false });
    for (let n = 0; n < 150; n++) await world.bare().trigger(world.task(COURSES.passes));
    world.clock.now += 10 * MINUTE;
    const task = world.task(COURSES.hangs);
    const { id } = await world.bare().trigger(task);
    for (let n = 0; n < 120; n++) await world.bare().trigger(world.task(COURSES.passes));
    world.clock.now += 10 * MINUTE;
    world.fake.calls.length = 0;
    expect(await world.bare().trigger(task)).toMatchObject({ id });
    expect(world.fake.calls).toEqual([
      "ListBuildsForProject",
      "BatchGetBuilds",
      "ListBuildsForProject",
      "BatchGetBuilds",
    ]);
    world.fake.calls.length = 0;
    await world.bare().status({ ...task, commit: GitSha.parse("ef".repeat(20)) });
    expect(world.fake.calls.filter((call) => call === "ListBuildsForProject")).toHaveLength(2);
  });

  it("finds the build that CodeBuild started for other parameters, when the configuration changed between two triggers", async () => {
    const world = await codebuildWorld();
    const task = world.task(COURSES.hangs);
    const { id } = await world.bare().trigger(task);
    expect(await world.bare().trigger({ ...task, timeoutSeconds: 4_000 })).toMatchObject({ id });
    expect(world.buildsOf(task)).toHaveLength(1);
  });

  it("asks CodeBuild for nothing when it is told the id", async () => {
    const world = await codebuildWorld();
    const task = world.task(COURSES.hangs);
    expect(await world.bare().trigger({ ...task, id: "shop-builds:1" })).toEqual({ id: "shop-builds:1" });
    expect(world.fake.calls).toEqual([]);
  });

  it("stops a build that was cancelled while CodeBuild was starting it", async () => {
    const world = await codebuildWorld();
    const task = world.task(COURSES.hangs);
    const reads = [false, true];
    await world.bare(async () => reads.shift() ?? true).trigger(task);
    expect(world.fake.calls).toEqual(["StartBuild", "StopBuild"]);
    expect(await world.open().status(task)).toMatchObject({ result: "cancelled" });
  });

  it("calls StopBuild for no build that has finished", async () => {
    const world = await codebuildWorld();
    const task = world.task(COURSES.passes);
    await world.open().trigger(task);
    await world.open().cancel(task);
    expect(world.fake.calls).not.toContain("StopBuild");
  });

  it.each(["AccountLimitExceededException", "ThrottlingException", "RequestLimitExceeded"])(
    "asks to be called again when CodeBuild answers %s, after every call",
    async (name) => {
      const world = await codebuildWorld();
      const task = world.task(COURSES.passes);
      for (const ask of [
        () => world.bare().trigger(task),
        () => world.bare().status(task),
        () => world.bare().cancel(task),
        () => world.bare().status({ ...task, id: "shop-builds:1" }),
      ]) {
        world.fake.refuseNext(name);
        await expect(ask()).rejects.toMatchObject({ code: "runner.unavailable" });
      }
      expect(world.fake.builds).toEqual([]);
      await world.bare().trigger(task);
      expect(world.fake.builds).toHaveLength(1);
    },
  );

  it("asks to be called again when nothing answers at CodeBuild's address", async () => {
    const world = await codebuildWorld();
    const runner = world.bare();
    await world.fake.stop();
    await expect(runner.trigger(world.task(COURSES.passes))).rejects.toMatchObject({ code: "runner.unavailable" });
  });

  it.each([
    ["ResourceNotFoundException", /there is no CodeBuild project shop-builds .*Create it, or name another/],
    ["AccessDeniedException", /CodeBuild refuses \(AccessDeniedException: not you\)/],
    ["InvalidInputException", /CodeBuild refuses \(InvalidInputException: not you\)/],
  ])("takes %s for a fault of the configuration, and says what to do", async (name, said) => {
    const world = await codebuildWorld();
    world.fake.refuseNext(name, { message: "not you" });
    await expect(world.bare().trigger(world.task(COURSES.passes))).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringMatching(said),
    });
  });

  it.each<[string | undefined, string, RegExp]>([
    [undefined, "ok", /^The CodeBuild project shop-builds is there\.$/],
    ["ResourceNotFoundException", "problem", /there is no CodeBuild project shop-builds .*Create it, or name another/],
    ["AccessDeniedException", "problem", /CodeBuild refuses \(AccessDeniedException/],
  ])("finds out before a build whether the project is there: CodeBuild answers %s", async (error, kind, sentence) => {
    const world = await codebuildWorld();
    if (error !== undefined) world.fake.refuseNext(error);
    expect(await world.project.finding()).toEqual({ kind, sentence: expect.stringMatching(sentence) });
    expect(world.fake.calls).toEqual(["ListBuildsForProject"]);
    world.fake.refuseNext("ThrottlingException");
    await expect(world.project.finding()).rejects.toMatchObject({ code: "runner.unavailable" });
  });

  it("does not take a build of another commit, another key or another time for its own", async () => {
    const world = await codebuildWorld({ stores: false });
    const task = world.task(COURSES.hangs);
    await world.bare().trigger(task);
    world.clock.now += 10 * MINUTE;
    const others = [
      { ...task, commit: GitSha.parse("ef".repeat(20)) },
      { ...world.task(COURSES.hangs), commit: task.commit },
    ];
    for (const other of others) {
      expect(await world.bare().status(other)).toMatchObject({ result: "infrastructure" });
      await world.bare().trigger({ ...other, askedAt: epochMs(world.clock.now - 4 * MINUTE) });
      expect(world.buildsOf(other)).toHaveLength(1);
    }
    expect(world.fake.builds).toHaveLength(3);
  });
});
