import { describe, expect, it } from "vitest";
import { ENV } from "../../../functions/contracts/environment.ts";
import { executionName } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { type RequestState, requestHasEnded } from "../../../functions/domain/request.ts";
import { wire as start } from "../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as intake } from "../../../functions/handlers/orchestrator/intake.lambda.ts";
import { deaths } from "./deaths.ts";
import { withWorld, world } from "./each-world.ts";
import { aCancel, aLand, change, type Execution, QUEUE, START, sqid } from "./world.ts";

withWorld();

const { v: _v, kind: _kind, ...land } = aLand(1);
const inState = (state: RequestState, version = 2) => world.requests.create({ ...land, state, version });

describe("a Land", () => {
  it("starts the admit workflow under the request's name, with the message as its input", async () => {
    expect(await world.deliver(intake, aLand(1))).toEqual([]);
    expect([...world.executions.values()]).toMatchObject([{ name: executionName("admit", sqid(1)), input: aLand(1) }]);
  });

  it("starts nothing when it is repeated, also once the first has finished", async () => {
    await world.deliver(intake, aLand(1));
    for (const execution of world.executions.values()) execution.status = "SUCCEEDED";
    expect(await world.deliver(intake, aLand(1))).toEqual([]);
    expect(world.executions.size).toBe(1);
    expect(world.dead_letters).toEqual([]);
  });

  it("comes back when Step Functions does not answer", async () => {
    world.dieAt({ at: 1, moment: "before" });
    expect(await world.deliver(intake, aLand(1))).toEqual(["m0"]);
  });
});

describe("a Land that comes again although its workflow is over", () => {
  const admission = (n: number, status: Execution["status"]) =>
    world.executions.set(
      `${world.env[ENV.admitWorkflow]?.replace(":stateMachine:", ":execution:")}:${executionName("admit", sqid(n))}`,
      {
        workflow: world.env[ENV.admitWorkflow] ?? "",
        name: executionName("admit", sqid(n)),
        input: aLand(n),
        status,
      },
    );
  const stored = (n: number, state: RequestState) => {
    const { v: _, kind: __, ...asked } = aLand(n);
    const ended = requestHasEnded(state) ? { endedAt: epochMs(START) } : {};
    return world.requests.create({ ...asked, ...ended, state, version: 2 });
  };

  it.each<[string, RequestState | undefined, Execution["status"], RequestState | undefined, readonly string[]]>([
    ["that was never written, whose workflow failed", undefined, "FAILED", "error", ["error"]],
    ["in admission, whose workflow was aborted", "validated", "ABORTED", "error", ["error"]],
    ["in admission, whose workflow ended without it", "started", "SUCCEEDED", "error", ["error"]],
    ["that waits in admission while its workflow runs", "validated", "RUNNING", "validated", []],
    ["that the planner owns", "ready", "SUCCEEDED", "ready", []],
    ["that was cancelled", "cancelled", "SUCCEEDED", "cancelled", ["cancelled"]],
    ["that has landed", "landed", "SUCCEEDED", "landed", ["landed"]],
  ])("has a request %s end, or its end told again", async (_, before, status, after, log) => {
    admission(1, status);
    if (before !== undefined) await stored(1, before);
    // FIFO topics remember a message for five minutes.
    for (const minutes of [0, 6]) {
      world.now = START + minutes * 60_000;
      // The running workflow has another input, so that the name is taken.
      const land = status === "RUNNING" ? { ...aLand(1), priority: 3 } : aLand(1);
      expect(await world.deliver(intake, land)).toEqual([]);
    }
    expect([(await world.requests.get(sqid(1)))?.state, world.logOf(1)]).toEqual([after, log]);
    expect([world.executions.size, world.dead_letters]).toEqual([1, []]);
  });

  it("ends the request once, and frees its changes, wherever a delivery dies", async () => {
    let n = 0;
    for (const { death, where } of deaths(() => world)) {
      n += 1;
      const uri = change(`change-${n}`);
      admission(n, "TIMED_OUT");
      await world.claims.claim(QUEUE, { owner: sqid(n), uri }, epochMs(START));
      world.dieAt(death);
      await world.deliver(intake, aLand(n));
      world.revive();
      expect(await world.deliver(intake, aLand(n)), where).toEqual([]);
      const { state, version } = (await world.requests.get(sqid(n))) ?? {};
      expect([state, version, world.logOf(n)], where).toEqual(["error", 1, ["error"]]);
      expect(await world.claims.holder(QUEUE, uri), where).toBeUndefined();
    }
    expect(n).toBeGreaterThan(6);
  });
});

describe("a question", () => {
  it.each([
    { v: 1, kind: "preflight", queue: QUEUE, id: "a".repeat(32) },
    {
      v: 1,
      kind: "trial",
      queue: QUEUE,
      id: "a".repeat(32),
      step: { sqid: sqid(1), changes: aLand(1).changes, strategy: "REBASE" },
    },
  ])("of kind $kind starts the ask workflow once, and writes nothing", async (question) => {
    expect(await world.deliver(intake, question, question)).toEqual([]);
    const name = executionName("ask", QUEUE, question.id);
    expect([...world.executions.values()]).toMatchObject([
      { workflow: world.env[ENV.askWorkflow], name, input: question },
    ]);
    expect(world.trace).toEqual(["StartExecutionCommand", "StartExecutionCommand"]);
  });
});

describe("a Control", () => {
  it("is handed to the planner as it is", async () => {
    const control = { v: 1, queue: QUEUE, mode: "paused", note: "release", at: START, version: 4 };
    expect(await world.deliver(intake, { ...control, kind: "control" })).toEqual([]);
    expect(world.signals).toEqual([{ ...control, kind: "queue-control" }]);
  });
});

describe("a Cancel", () => {
  it("that comes before the request was recorded ends it cancelled, and start finds it so", async () => {
    await world.deliver(intake, aLand(1), aCancel(1, "wrong branch"));
    expect(await world.requests.get(sqid(1))).toMatchObject({
      state: "cancelled",
      reason: { code: "cancelled.by_caller", message: "Cancelled: wrong branch" },
    });
    expect(await world.call(start, aLand(1))).toEqual({ kind: "ended" });
    expect(world.logOf(1)).toEqual(["cancelled"]);
    expect(world.log).toMatchObject([{ version: 1, reason: { code: "cancelled.by_caller" } }]);
  });

  it.each<RequestState>(["started", "validated"])(
    "of a %s request ends it at once, says so and frees its changes",
    async (state) => {
      await inState(state);
      for (const uri of land.changes) await world.claims.claim(land.queue, { owner: sqid(1), uri }, epochMs(START));
      await world.deliver(intake, aCancel(1));
      expect(await world.requests.get(sqid(1))).toMatchObject({ state: "cancelled", version: 3 });
      expect(world.log).toMatchObject([{ status: "cancelled", version: 3, reason: { code: "cancelled.by_caller" } }]);
      for (const uri of land.changes) expect(await world.claims.holder(land.queue, uri)).toBeUndefined();
      expect(world.signals).toEqual([]);
    },
  );

  it("of a ready request is the planner's to decide", async () => {
    await inState("ready");
    await world.deliver(intake, aCancel(1, "no longer needed"));
    expect(world.signals).toMatchObject([{ kind: "cancel-requested", sqid: sqid(1), note: "no longer needed" }]);
    expect((await world.requests.get(sqid(1)))?.state).toBe("ready");
    expect(world.log).toEqual([]);
  });

  it.each<RequestState>(["landed", "error"])("of a request that has ended as %s does nothing", async (state) => {
    await world.requests.create({ ...land, state, version: 4, endedAt: epochMs(START) });
    await world.deliver(intake, aCancel(1));
    expect([world.log, world.signals, (await world.requests.get(sqid(1)))?.state]).toEqual([[], [], state]);
  });

  it("whose announcement was lost in a crash makes it when it is delivered again", async () => {
    await inState("started");
    // Written, and dead before the log was told.
    world.dieAt({ at: 1, moment: "after" });
    expect(await world.deliver(intake, aCancel(1))).toEqual(["m0"]);
    world.revive();
    expect([(await world.requests.get(sqid(1)))?.state, world.logOf(1)]).toEqual(["cancelled", []]);
    expect(await world.deliver(intake, aCancel(1))).toEqual([]);
    expect(world.logOf(1)).toEqual(["cancelled"]);
    expect((await world.requests.get(sqid(1)))?.version).toBe(3);
  });
});
