import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { SendMessageBatchCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { beforeEach, describe, expect, it } from "vitest";
import type { RequestNumber } from "../../../functions/contracts/ids.ts";
import { Composed } from "../../../functions/contracts/messages/merge-unit.ts";
import type { Signal } from "../../../functions/contracts/messages/signals.ts";
import { requestKey } from "../../../functions/contracts/tables.ts";
import { wire as start } from "../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as plan } from "../../../functions/handlers/orchestrator/plan.lambda.ts";
import { withWorld, world } from "./each-world.ts";
import { Runtime } from "./runtime.ts";
import { aCancel, aLand, change, type Death, QUEUE, sqid } from "./world.ts";

withWorld();
let runtime: Runtime;
beforeEach(() => {
  runtime = new Runtime(world);
});

const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });
const named = (name: string) => Object.assign(new Error("AWS said no"), { name });
const land = (n: number, query = `sq-files=file-${n}`) =>
  runtime.send(aLand(n, { changes: [change(`change-${n}`, query)] }));
const stateOf = async (n: number) => (await world.requests.get(sqid(n)))?.state;
const states = (...ns: readonly number[]) => Promise.all(ns.map(stateOf));

/** The head of the build that a command starts; undefined when the command starts no build. */
function headOf(command: object): string | undefined {
  if (!(command instanceof StartExecutionCommand)) return undefined;
  const { input = "{}", stateMachineArn = "" } = command.input;
  return stateMachineArn.endsWith(":build") ? JSON.parse(input).head?.batchId : undefined;
}
const refusesBuildsOf =
  (...ns: readonly number[]) =>
  (command: object) =>
    ns.some((n) => headOf(command) === `main/batch/${n}`) ? named("InvalidExecutionInput") : undefined;
const refusesLandingOf = (n: number, name: string) => (command: object) =>
  command instanceof SendMessageCommand &&
  command.input.QueueUrl === "merges.fifo" &&
  command.input.MessageBody?.includes(`"main/batch/${n}"`)
    ? named(name)
    : undefined;

/** Nothing is stuck: no batch is live, and no signal was given up. */
async function expectAtRest(): Promise<void> {
  expect((await world.batches.live(QUEUE)).batches).toEqual([]);
  expect(world.dead_letters).toEqual([]);
}

describe.each(["all", "paths"])("a build that can't be started, under analyzer %s", (type) => {
  it.each([[1], [2], [3]])("ends request %i with the reason, and no other", async (n) => {
    world.configure({ conflictAnalyzer: { type } });
    world.refuses = refusesBuildsOf(n);
    for (const m of [1, 2, 3]) land(m);
    await runtime.settle();
    for (let minutes = 0; minutes < 3; minutes++) await runtime.minute();
    expect(await states(1, 2, 3)).toEqual([1, 2, 3].map((m) => (m === n ? "error" : "landed")));
    expect(await world.requests.get(sqid(n))).toMatchObject({
      reason: { code: "build.infrastructure", message: expect.stringContaining("AWS said no") },
    });
    expect(world.logOf(n).at(-1)).toBe("error");
    await expectAtRest();
  });
});

describe("builds that can't be started", () => {
  it("end their requests, several at once, and give their slots to the others", async () => {
    world.configure({ budget: 2, conflictAnalyzer: { type: "none" } });
    world.refuses = refusesBuildsOf(1, 2, 4);
    for (const m of [1, 2, 3, 4, 5]) land(m);
    await runtime.settle();
    expect(await states(1, 2, 3, 4, 5)).toEqual(["error", "error", "landed", "error", "landed"]);
    await expectAtRest();
  });

  it("of a bundle are built apart: only the request that can't be built ends", async () => {
    world.configure({ budget: 1, bundle: { maxSize: 4 }, conflictAnalyzer: { type: "none" } });
    // A bundle is composed as its last head on the others.
    const holds = (command: object) =>
      headOf(command) !== undefined &&
      command instanceof StartExecutionCommand &&
      command.input.input?.includes('"main/batch/3"');
    world.refuses = (command) => (holds(command) ? named("InvalidExecutionInput") : undefined);
    for (const m of [1, 2, 3, 4]) land(m);
    await runtime.settle();
    for (let minutes = 0; minutes < 3; minutes++) await runtime.minute();
    expect(await states(1, 2, 4)).toEqual(["landed", "landed", "landed"]);
    expect(await stateOf(3)).toBe("error");
    await expectAtRest();
  });

  it("a second time, by a new process, go on when they were started before", async () => {
    land(1);
    await runtime.settle(2);
    expect(world.executions.size).toBe(2);
    world.refuses = (command) => (headOf(command) === undefined ? undefined : named("AccessDeniedException"));
    const tick: Signal = { v: 1, kind: "tick", queue: QUEUE, nonce: "1" };
    await world.deliver(plan, tick);
    expect(await stateOf(1)).toBe("ready");
    await runtime.settle();
    expect(await stateOf(1)).toBe("landed");
    await expectAtRest();
  });

  it("end their request by the sweep, when the process died before it knew", async () => {
    let died = false;
    world.refuses = (command) => {
      const refusal = refusesBuildsOf(1)(command);
      if (refusal !== undefined && !died) died = world.dead = true;
      return refusal;
    };
    land(1);
    await runtime.settle();
    expect(await stateOf(1)).toBe("ready");
    // The build is repeated as often as the queue repeats builds that break down.
    for (let minutes = 0; minutes < 12; minutes++) await runtime.minute();
    expect(await stateOf(1)).toBe("error");
    await expectAtRest();
  });

  it("are tried again when the failure may pass, while the other commands are carried out", async () => {
    world.configure({ conflictAnalyzer: { type: "none" } });
    world.refuses = (command) => (headOf(command) === "main/batch/1" ? named("ThrottlingException") : undefined);
    for (const m of [1, 2]) land(m);
    await runtime.settle(8);
    expect(await states(1, 2)).toEqual(["ready", "landed"]);
    world.refuses = () => undefined;
    await runtime.settle();
    expect(await states(1, 2)).toEqual(["landed", "landed"]);
    await expectAtRest();
  });
});

describe("a landing that can't be handed over", () => {
  it.each(["InvalidMessageContents", "QueueDoesNotExist"])("for %s ends its request, and no other", async (name) => {
    world.configure({ conflictAnalyzer: { type: "none" } });
    world.refuses = refusesLandingOf(1, name);
    // Request 2 is built later, so it lands in a message of its own.
    land(1);
    await runtime.settle();
    land(2);
    await runtime.settle();
    expect(await states(1, 2)).toEqual(["error", "landed"]);
    expect((await world.requests.get(sqid(1)))?.reason).toMatchObject({ code: "internal" });
    expect(runtime.trunk).toEqual([sqid(2)]);
    await expectAtRest();
  });

  it("goes out once the failure has passed", async () => {
    const away = Object.assign(named("ServiceUnavailable"), { $fault: "server" });
    world.refuses = (command) => (refusesLandingOf(1, "x")(command) ? away : undefined);
    land(1);
    await runtime.settle(8);
    expect(await stateOf(1)).toBe("ready");
    world.refuses = () => undefined;
    await runtime.settle();
    expect(await stateOf(1)).toBe("landed");
    await expectAtRest();
  });

  it("waits for its answer when it was sent before: it may have been carried out", async () => {
    const task = aLand(1);
    await world.call(start, task);
    await world.makeReady(task);
    await world.deliver(plan, { v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(1) } satisfies Signal);
    const [execution] = [...world.executions.values()].filter(({ workflow }) => workflow.endsWith(":build"));
    const finished = { v: 1, kind: "build-finished", queue: QUEUE, batchId: "main/batch/1" } as const;
    await world.deliver(plan, { ...finished, buildKey: execution?.name, verdict: { kind: "passed", composed } });
    expect(world.merges).toHaveLength(1);
    world.now += 121_000;
    world.refuses = refusesLandingOf(1, "InvalidMessageContents");
    expect(await world.deliver(plan, { v: 1, kind: "tick", queue: QUEUE, nonce: "1" } satisfies Signal)).toEqual([]);
    expect((await world.batches.live(QUEUE)).batches).toMatchObject([{ state: "landing" }]);
    world.refuses = () => undefined;
    await world.deliver(plan, { v: 1, kind: "tick", queue: QUEUE, nonce: "2" } satisfies Signal);
    expect(world.merges).toHaveLength(2);
    expect(world.dead_letters).toEqual([]);
  });
});

describe("an entry that the log refuses", () => {
  it("ends its request, while the others land and are told of", async () => {
    world.configure({ conflictAnalyzer: { type: "none" } });
    world.refusesBody = (body) => body.includes('"main/1/batched/');
    for (const m of [1, 2]) land(m);
    await runtime.settle();
    expect(await states(1, 2)).toEqual(["error", "landed"]);
    expect(
      world
        .logOf(1)
        .filter((name) => name !== "build_stopped")
        .at(-1),
    ).toBe("error");
    expect(world.logOf(2)).toContain("batched");
    await expectAtRest();
  });

  it("is forgotten when the request has ended by then", async () => {
    world.refusesBody = (body) => body.includes('"main/1/landed"');
    for (const m of [1, 2]) land(m);
    await runtime.settle();
    expect(await states(1, 2)).toEqual(["landed", "landed"]);
    await expectAtRest();
  });

  it("is found out when SQS refuses a call as a whole", async () => {
    world.configure({ conflictAnalyzer: { type: "none" } });
    const isRefused = (body = "") => body.includes('"main/1/batched/');
    world.refuses = (command) => {
      if (command instanceof SendMessageBatchCommand)
        return command.input.Entries?.some(({ MessageBody }) => isRefused(MessageBody))
          ? named("BatchRequestTooLong")
          : undefined;
      const refused = command instanceof SendMessageCommand && isRefused(command.input.MessageBody);
      return refused ? named("InvalidParameterValue") : undefined;
    };
    for (const m of [1, 2]) land(m);
    await runtime.settle();
    expect(await states(1, 2)).toEqual(["error", "landed"]);
    await expectAtRest();
  });
});

describe("a log that is not there", () => {
  it("keeps nothing from landing, and is told all of it once it is there", async () => {
    // The planner's alone: admission and builds announce as well, and are other functions.
    const isThePlanners = (command: object) =>
      command instanceof SendMessageBatchCommand &&
      command.input.QueueUrl === "log" &&
      !command.input.Entries?.some(({ MessageBody = "" }) => /"(building|validating)"/.test(MessageBody));
    world.refuses = (command) => (isThePlanners(command) ? named("QueueDoesNotExist") : undefined);
    for (const m of [1, 2]) land(m);
    await runtime.settle();
    expect(await states(1, 2)).toEqual(["landed", "landed"]);
    expect(world.logOf(1)).not.toContain("landed");
    world.refuses = () => undefined;
    await runtime.minute();
    expect(world.logOf(1)).toEqual(expect.arrayContaining(["batched", "speculating", "landing", "landed"]));
    await expectAtRest();
  });
});

describe("a request that can't be written", () => {
  it("delays no other request, and ends once it can be written", async () => {
    world.configure({ conflictAnalyzer: { type: "none" } });
    const key = requestKey(QUEUE, 1 as RequestNumber);
    const isItsEnd = (command: object) =>
      command instanceof UpdateCommand &&
      command.input.Key?.["sk"] === key.sk &&
      ":endedAt" in (command.input.ExpressionAttributeValues ?? {});
    world.refuses = (command) => (isItsEnd(command) ? named("ValidationException") : undefined);
    for (const m of [1, 2]) land(m);
    await runtime.settle();
    await runtime.minute();
    expect(await states(1, 2)).toEqual(["ready", "landed"]);
    expect(world.dead_letters).toEqual([]);
    world.refuses = () => undefined;
    await runtime.minute();
    expect(await stateOf(1)).toBe("landed");
    expect(runtime.trunk.filter((one) => one === sqid(1))).toHaveLength(1);
    await expectAtRest();
  });
});

describe("a crash while refused commands are being ended", () => {
  const isOfTwoOnOne = (input: unknown) => {
    const { base = [], head } = input as { base?: { batchId: string }[]; head?: { batchId: string } };
    return base[0]?.batchId === "main/batch/1" && head?.batchId === "main/batch/2";
  };
  const deaths = Array.from({ length: 24 }, (_, n) => ({ at: 2 * n + 1, moment: n % 2 ? "before" : "after" }) as Death);

  it.each(deaths)("$moment call $at ends every request, and lands none that no build tested", async (death) => {
    world.configure({ budget: 2 });
    world.refuses = refusesBuildsOf(1, 3);
    for (const m of [1, 2, 3, 4]) land(m);
    runtime.send(aCancel(4));
    world.dieAt(death);
    await runtime.settle();
    for (let minutes = 0; minutes < 10; minutes++) await runtime.minute();
    // The dead process may have started the build of 1. Until the sweep gives the build up, a build of 2 on 1 may pass, which tests 1 too.
    const isTested = [...world.executions.values()].some(({ input }) => isOfTwoOnOne(input));
    expect(isTested ? ["error", "landed"] : ["error"]).toContain(await stateOf(1));
    expect(await states(2, 3, 4)).toEqual(["landed", "error", "cancelled"]);
    await expectAtRest();
  });
});
