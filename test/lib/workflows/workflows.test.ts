import { describe, expect, it } from "vitest";
import { CodedError, type ErrorCode, RETRYABLE_CODES } from "../../../functions/contracts/errors.ts";
import { CheckTask, ComposeTask, InspectTask } from "../../../functions/contracts/messages/runway-tasks.ts";
import {
  AdmitTask,
  AnswerTask,
  BuildOrder,
  PollTask,
  ReadyTask,
  RejectTask,
  ReportTask,
  TriggerTask,
  ValidateTask,
  WaitTask,
} from "../../../functions/contracts/workflows.ts";
import { METADATA } from "../../../lib/settings.ts";
import { functionsOf, queuesWith, read, templatesOf } from "../synthesized.ts";
import { type Answers, definitionOf, run } from "./run.ts";

const templates = read(templatesOf());
const admit = definitionOf(templates, "admit");
const ask = definitionOf(templates, "ask");
const build = definitionOf(templates, "build");

const sha = "a".repeat(40);
const land = {
  v: 1,
  kind: "land",
  queue: "main",
  sqid: "main/7",
  changes: [`git://git.example.com/repo/refs%2Fheads%2Fone/${sha}`],
  strategy: "REBASE",
  receivedAt: 1_000,
};
const reason = { code: "merge.conflict", message: "It does not apply." };
const failed = (code: ErrorCode) => new CodedError(code, "no");

const touches = { paths: ["a"], files: 1, additions: 1, deletions: 0, authors: [] };
const inspected = { kind: "inspected", touches };
const waiting = { kind: "waiting", since: 1_000, seconds: 5 };
const started: Answers = {
  Start: [{ kind: "started" }],
  Inspect: [inspected],
  Validate: [{ kind: "validated", touches }],
  Check: [{ kind: "ok" }],
  Ready: [{ kind: "ready" }],
};

const statesOf = (calls: readonly { state: string }[]) => calls.map(({ state }) => state);

describe("the admit workflow", () => {
  it.each<[string, Answers, readonly string[]]>([
    ["goes from step to step", {}, ["Start", "Inspect", "Validate", "Check", "Ready"]],
    ["has the end of a request that had ended announced again", { Start: [{ kind: "ended" }] }, ["Start", "Repeated"]],
    ["stops when it ended meanwhile", { Validate: [{ kind: "ended" }] }, ["Start", "Inspect", "Validate"]],
    ["rejects what can't be read", { Inspect: [{ kind: "refused", reason }] }, ["Start", "Inspect", "Refused"]],
    [
      "rejects what is not valid",
      { Validate: [{ kind: "refused", reason }] },
      ["Start", "Inspect", "Validate", "Refused"],
    ],
    [
      "rejects what does not merge",
      { Check: [{ kind: "refused", reason }] },
      ["Start", "Inspect", "Validate", "Check", "NotMerging"],
    ],
    [
      "tries again what may pass",
      { Validate: [failed("queue.unavailable"), failed("store.unavailable"), { kind: "validated" }] },
      ["Start", "Inspect", "Validate", "Validate", "Validate", "Check", "Ready"],
    ],
    ["rejects what fails for good", { Start: [failed("internal")] }, ["Start", "Failed"]],
    [
      "rejects a repository that can never work, at once",
      { Inspect: [failed("repository.failed")] },
      ["Start", "Inspect", "Failed"],
    ],
    [
      "rejects a configuration that can never work, at once",
      { Check: [failed("config.invalid")] },
      ["Start", "Inspect", "Validate", "Check", "Failed"],
    ],
    [
      "rejects what keeps failing",
      { Check: [failed("store.unavailable")] },
      ["Start", "Inspect", "Validate", "Check", "Check", "Check", "Check", "Failed"],
    ],
    [
      "waits for a repository that is away while the request is inspected, and goes on",
      {
        Inspect: [failed("repository.unavailable"), failed("repository.unavailable"), inspected],
        InspectDelay: [waiting],
      },
      ["Start", "Inspect", "InspectDelay", "Inspect", "InspectDelay", "Inspect", "Validate", "Check", "Ready"],
    ],
    [
      "waits for a repository that is away while the request is checked, and goes on",
      { Check: [failed("repository.unavailable"), { kind: "ok" }], CheckDelay: [waiting] },
      ["Start", "Inspect", "Validate", "Check", "CheckDelay", "Check", "Ready"],
    ],
    [
      "waits for a queue that is not configured, and goes on once it is",
      { Check: [failed("queue.unknown"), { kind: "ok" }], CheckDelay: [waiting] },
      ["Start", "Inspect", "Validate", "Check", "CheckDelay", "Check", "Ready"],
    ],
    [
      "stops waiting when the request is cancelled",
      { Inspect: [failed("repository.unavailable")], InspectDelay: [waiting, { kind: "ended" }] },
      ["Start", "Inspect", "InspectDelay", "Inspect", "InspectDelay"],
    ],
    [
      "rejects the request when it has waited long enough",
      { Check: [failed("repository.unavailable")], CheckDelay: [waiting, { kind: "refused", reason }] },
      ["Start", "Inspect", "Validate", "Check", "CheckDelay", "Check", "CheckDelay", "GaveUp"],
    ],
    [
      "rejects the request when the wait itself fails for good",
      { Inspect: [failed("repository.unavailable")], InspectDelay: [failed("internal")] },
      ["Start", "Inspect", "InspectDelay", "Failed"],
    ],
    [
      "rejects an error without a class",
      { Ready: [new TypeError("oops")] },
      ["Start", "Inspect", "Validate", "Check", "Ready", "Failed"],
    ],
  ])("%s", async (_, answers, states) => {
    const { calls } = await run(admit, land, { ...started, ...answers });
    expect(statesOf(calls)).toEqual(states);
  });

  it("gives each step what it takes", async () => {
    const { calls } = await run(admit, land, started);
    const [start, inspect, validate, check, ready] = calls.map(({ input }) => input);
    for (const input of [start, ready]) expect(AdmitTask.parse(input)).toEqual(land);
    expect(ReadyTask.parse(ready)).toEqual({ ...land, step: { touches } });
    const { queue, sqid, changes, strategy } = land;
    expect(InspectTask.parse(inspect)).toEqual({ queue, changes });
    expect(inspect).toEqual({ queue, changes });
    expect(ValidateTask.parse(validate)).toEqual({ ...land, step: inspected });
    expect(CheckTask.parse(check)).toEqual({ queue, step: { sqid, changes, strategy } });
    expect(check).toEqual({ queue, step: { sqid, changes, strategy } });
  });

  it("tells wait which step failed, how, and since when: since the first failure in a row", async () => {
    const { calls } = await run(admit, land, {
      ...started,
      Inspect: [failed("repository.unavailable"), inspected],
      InspectDelay: [waiting],
      Check: [failed("repository.unavailable"), failed("repository.unavailable"), { kind: "ok" }],
      CheckDelay: [{ ...waiting, since: 7_000 }],
    });
    const waits = calls.filter(({ state }) => state.endsWith("Delay")).map(({ input }) => WaitTask.parse(input));
    const error = { Error: "repository.unavailable", Cause: "no" };
    expect(waits).toEqual([
      { land, step: "inspect", since: 0, error },
      { land, step: "check", since: 0, error },
      { land, step: "check", since: 7_000, error },
    ]);
  });

  it.each([
    ["to ready, once, when validate leaves the request's row to ready", { kind: "validated", touches }, 1],
    ["no further than to validate, which has stored it", { kind: "validated" }, 0],
  ])("carries what a request touches %s", async (_, validated, times) => {
    const { calls } = await run(admit, land, { ...started, Validate: [validated] });
    expect(calls.at(-1)?.state).toBe("Ready");
    expect(JSON.stringify(calls.at(-1)?.input).match(/"paths"/g) ?? []).toHaveLength(times);
  });

  it("runs for longer than two steps may wait for the repository", () => {
    const queues = queuesWith({ repositoryTimeoutSeconds: 60 }, { repositoryTimeoutSeconds: 86_400 });
    const { TimeoutSeconds } = definitionOf(read(templatesOf({ queues })), "admit");
    expect(TimeoutSeconds).toBeGreaterThan(2 * 86_400);
    expect(admit.TimeoutSeconds).toBeLessThan(86_400);
  });

  it("tells reject why: the reason of a refusal, or the code of an error", async () => {
    const refused = await run(admit, land, { ...started, Check: [{ kind: "refused", reason }] });
    expect(RejectTask.parse(refused.calls.at(-1)?.input)).toEqual({ land, reason });
    const broken = await run(admit, land, { ...started, Inspect: [failed("change.not_found")] });
    expect(RejectTask.parse(broken.calls.at(-1)?.input)).toEqual({
      land,
      error: { Error: "change.not_found", Cause: "no" },
    });
  });
});

const unit = (n: number) => ({
  batchId: `main/batch/${n}`,
  steps: [{ sqid: `main/${n}`, changes: land.changes, strategy: "REBASE" }],
});
const order = {
  queue: "main",
  target: "https://git.example.com/repo.git#main",
  installation: "here",
  batchId: "main/batch/2",
  buildKey: "b".repeat(32),
  attempt: 1,
  base: [unit(1)],
  head: unit(2),
  sqids: ["main/1", "main/2"],
  without: ["main/batch/3"],
  payload: null,
  expectedSeconds: 540,
};
const composed = { commit: sha, tree: sha, trunk: sha };
const under = "1".repeat(40);
const running = { kind: "running", seconds: 540 };
const passed = { kind: "finished", verdict: { kind: "passed", composed } };
const built: Answers = {
  Compose: [{ kind: "composed", composed, under, ref: "refs/submitqueue/paths/b", landed: [] }],
  Trigger: [running],
  Poll: [running, running, passed],
  Report: [{ kind: "build-finished" }],
};

describe("the ask workflow", () => {
  const preflight = { v: 1, kind: "preflight", queue: "main", id: "a".repeat(32) };
  const step = { sqid: "main/1", changes: land.changes, strategy: "REBASE" };
  const trial = { ...preflight, kind: "trial", step };
  const checked = { kind: "ok", trunk: sha };
  const refused = { kind: "refused", reason };
  const answersTo = (answers: Answers): Answers => ({ Inspect: [inspected], Check: [checked], ...answers });

  it.each<[string, object, Answers, readonly string[], object]>([
    ["inspects and merges", trial, {}, ["Inspect", "Check", "Answer"], { inspected, checked }],
    ["does not merge what can't be read", trial, { Inspect: [refused] }, ["Inspect", "Answer"], { inspected: refused }],
    ["tells a conflict", trial, { Check: [refused] }, ["Inspect", "Check", "Answer"], { inspected, checked: refused }],
    ["goes straight to the answer for a preflight", preflight, {}, ["Answer"], {}],
  ])("%s", async (_, question, answers, states, told) => {
    const { calls } = await run(ask, question, answersTo(answers));
    expect(statesOf(calls)).toEqual(states);
    expect(AnswerTask.parse(calls.at(-1)?.input)).toEqual({ ...question, ...told });
  });

  it("gives the steps what they take", async () => {
    const { calls } = await run(ask, trial, answersTo({}));
    const [inspect, check] = calls.map(({ input }) => input);
    expect(InspectTask.parse(inspect)).toEqual({ queue: "main", changes: land.changes });
    expect(CheckTask.parse(check)).toEqual({ queue: "main", step });
  });

  it.each(["Inspect", "Check"])("answers what %s failed with, and does not wait for a repository", async (state) => {
    const { calls } = await run(ask, trial, answersTo({ [state]: [failed("repository.unavailable")] }));
    expect(statesOf(calls).filter((name) => name === state)).toHaveLength(1);
    expect(AnswerTask.parse(calls.at(-1)?.input).error).toMatchObject({ Error: "repository.unavailable" });
  });
});

describe("the build workflow", () => {
  it.each<[string, Answers, readonly string[]]>([
    ["polls until the build has finished", {}, ["Compose", "Trigger", "Poll", "Poll", "Poll", "Report"]],
    [
      "reports a head that does not compose",
      { Compose: [{ kind: "refused", batchId: "main/batch/2", reason }] },
      ["Compose", "Report"],
    ],
    [
      "reports a path that was refuted",
      { Compose: [{ kind: "refuted", batchId: "main/batch/3" }] },
      ["Compose", "Report"],
    ],
    [
      "reports a build that no batch needs any more",
      { Trigger: [{ kind: "finished", verdict: { kind: "cancelled" } }] },
      ["Compose", "Trigger", "Report"],
    ],
    [
      "reports a build that has ended when it was triggered, without a wait",
      { Trigger: [passed] },
      ["Compose", "Trigger", "Report"],
    ],
    [
      "asks again for a build that was put off, as often as it is put off",
      { Trigger: [{ kind: "deferred", seconds: 3_000 }, { kind: "deferred", seconds: 3_600 }, running] },
      ["Compose", "Trigger", "Trigger", "Trigger", "Poll", "Poll", "Poll", "Report"],
    ],
    [
      "goes on with a build whose CI system was away for a while",
      { Poll: [...Array(20).fill(failed("runner.unavailable")), passed] },
      ["Compose", "Trigger", ...Array(21).fill("Poll"), "Report"],
    ],
    ["reports what fails for good", { Trigger: [failed("internal")] }, ["Compose", "Trigger", "Report"]],
    [
      "tries again what may pass",
      { Poll: [failed("runner.unavailable"), passed] },
      ["Compose", "Trigger", "Poll", "Poll", "Report"],
    ],
    [
      "waits for a repository that is away longer than any other failure is waited for",
      { Compose: [...Array(20).fill(failed("repository.unavailable")), built["Compose"]?.[0]] },
      [...Array(20).fill("Compose"), "Compose", "Trigger", "Poll", "Poll", "Poll", "Report"],
    ],
    [
      "reports in the end, however often it takes",
      { Report: [failed("queue.unavailable"), failed("queue.unavailable"), { kind: "build-finished" }] },
      ["Compose", "Trigger", "Poll", "Poll", "Poll", "Report", "Report", "Report"],
    ],
  ])("%s", async (_, answers, states) => {
    const { calls, output } = await run(build, order, { ...built, ...answers });
    expect(statesOf(calls)).toEqual(states);
    expect(output).toEqual({ kind: "build-finished" });
  });

  it("gives each step what it takes", async () => {
    const { calls } = await run(build, order, built);
    const [compose, trigger, poll, , , report] = calls.map(({ input }) => input);
    const { installation, target, ...rest } = BuildOrder.parse(order);
    const { queue, batchId, buildKey, attempt, base, head, sqids, without } = rest;
    expect(ComposeTask.parse(compose)).toEqual({ queue, target, installation, buildKey, base, head, sqids, without });
    expect(TriggerTask.parse(trigger)).toEqual({ ...rest, composed, under, ref: "refs/submitqueue/paths/b" });
    expect(PollTask.parse(poll)).toEqual({ queue, batchId, buildKey });
    expect(ReportTask.parse(report)).toEqual({
      queue,
      batchId,
      buildKey,
      attempt,
      sqids,
      outcome: passed,
      compose: built["Compose"]?.[0],
    });
  });

  it("tells report the URL of the build, when the URL is known", async () => {
    const url = "https://ci.example.com/1";
    const { calls } = await run(build, order, { ...built, Poll: [{ ...passed, url }] });
    expect(ReportTask.parse(calls.at(-1)?.input)).toMatchObject({ outcome: { ...passed, url } });
  });

  it("tells report of an error without a verdict", async () => {
    const { calls } = await run(build, order, { ...built, Poll: [running, failed("runner.unavailable")] });
    const report = ReportTask.parse(calls.at(-1)?.input);
    expect(report.outcome).toEqual(running);
    expect(report.error).toEqual({ Error: "runner.unavailable", Cause: "no" });
  });

  it("takes longer than the longest build that is configured", () => {
    const runner = (timeoutSeconds: number) => ({ buildRunner: { type: "fake", timeoutSeconds, pollSeconds: 60 } });
    const queues = queuesWith(runner(600), runner(20_000), runner(10));
    const { TimeoutSeconds } = definitionOf(read(templatesOf({ queues })), "build");
    // It may wait as long in the CI system's own queue.
    expect(TimeoutSeconds).toBeGreaterThan(40_000);
    expect(definitionOf(templates, "build").TimeoutSeconds).toBeLessThan(40_000);
  });
});

/** The steps that read the repository. */
const WAITING = ["Inspect", "Check"];

describe.each([
  ["admit", admit],
  ["ask", ask],
  ["build", build],
])("a task of %s", (name, definition) => {
  const tasks = Object.entries(definition.States).filter(([, { Type }]) => Type === "Task");

  it.each(tasks)("%s calls a function by its ARN, and waits longer than the function may run", (_, state) => {
    const fn = functionsOf(templates).find(({ arn }) => arn === state.Resource);
    expect(fn?.metadata[METADATA.function]).toMatch(/^(orchestrator\/(admit|ask|build)-workflow|runway)\//);
    expect(state.TimeoutSeconds).toBeGreaterThan(fn?.timeout ?? Number.POSITIVE_INFINITY);
  });

  it.each(tasks)(
    "%s is tried again, less and less often, for every code that may pass and for no other",
    (state, { Retry = [] }) => {
      const retry = Retry.at(-1);
      const waits = Retry.slice(0, -1);
      expect(waits.map(({ ErrorEquals }) => ErrorEquals)).toEqual(
        state === "Compose" ? [["repository.unavailable"]] : [],
      );
      // An hour, by default.
      for (const { MaxAttempts } of waits) expect(MaxAttempts).toBe(65);
      expect(retry?.ErrorEquals.filter((error) => !/^(Lambda|States|Runtime|Sandbox)\./.test(error)).sort()).toEqual(
        // The workflow itself waits for a repository that does not answer.
        RETRYABLE_CODES.filter(
          (code) => !([...WAITING, "Compose"].includes(state) && code === "repository.unavailable"),
        ).sort(),
      );
      expect(retry?.ErrorEquals).not.toContain("States.ALL");
      expect(retry?.BackoffRate).toBe(2);
      expect(retry?.JitterStrategy).toBe("FULL");
    },
  );

  it("that fails for good leads to the end that says so", () => {
    const ends = tasks.filter(([, { Catch = [] }]) => Catch.length === 0).map(([name]) => name);
    expect(ends.sort()).toEqual(
      definition === admit
        ? ["Failed", "GaveUp", "NotMerging", "Refused", "Repeated"]
        : [name === "ask" ? "Answer" : "Report"],
    );
    for (const [state, { Catch = [] }] of tasks) {
      const last = Catch.at(-1);
      if (last === undefined) continue;
      expect(last.ErrorEquals).toEqual(["States.ALL"]);
      expect(ends).toContain(last.Next);
      const awaited = [{ ErrorEquals: ["repository.unavailable", "queue.unknown"], Next: `${state}Delay` }];
      expect(Catch.slice(0, -1)).toMatchObject(name === "admit" && WAITING.includes(state) ? awaited : []);
    }
  });
});
