import { DeleteCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { ENV } from "../../../functions/contracts/environment.ts";
import { BatchId, type BuildKey, buildKeyOf, messageId, QueueName } from "../../../functions/contracts/ids.ts";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import { Composed, MergeStep, type MergeUnit } from "../../../functions/contracts/messages/merge-unit.ts";
import type { Signal } from "../../../functions/contracts/messages/signals.ts";
import { QueueConfig } from "../../../functions/contracts/queues.ts";
import { batchKeys } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch } from "../../../functions/domain/batch.ts";
import type { Command, Plan, Planner } from "../../../functions/domain/planner/plan.ts";
import { type PlanningShell, runPlanner } from "../../../functions/domain/planner/run-planner.ts";
import { carryOut } from "../../../functions/handlers/orchestrator/commands.ts";
import { aBatch } from "../../support/batch-request.ts";
import { dynalite, withWorld, world } from "./each-world.ts";
import { aLand, change, type Death, QUEUE, START, sqid } from "./world.ts";

withWorld();

const config = QueueConfig.parse({
  name: QUEUE,
  repository: { remote: "https://git.example/shop" },
  buildRunner: { type: "fake" },
});
const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });
const { v: _v, kind: _kind, ...request } = aLand(1);
const unit: MergeUnit = { batchId: BatchId.parse("main/batch/1"), steps: [MergeStep.parse(request)] };

const key = buildKeyOf("here", unit.batchId, 1);
const start: Command = {
  kind: "start-build",
  installation: "here",
  batchId: unit.batchId,
  buildKey: key,
  attempt: 1,
  base: [],
  head: unit,
  sqids: [sqid(1)],
  without: [],
};
const land: Command = {
  kind: "land",
  message: {
    v: 1,
    kind: "land-batch",
    id: "land-1",
    queue: QUEUE,
    installation: "here",
    batches: [{ ...unit, tested: composed, exact: true }],
  },
  nonce: "first",
};
const end: Command = { kind: "end-request", sqid: sqid(1), outcome: "landed" };
const idle: Plan = { writes: [], commands: [], acknowledged: [], archived: [] };

const announced = (status: "batched" | "landing" | "landed") => [
  statusEvent(sqid(1), status, epochMs(START), { version: 9 }),
];
const fresh = aBatch(QUEUE, unit.batchId, START, { outbox: announced("batched") });

/**
 * A planner of three states, one a run: build, land, end. An outbox that is not empty says that its state was not acknowledged: it is acted
 * on again.
 */
const small: Planner = (_, { queue, batches: [before], requests }) => {
  if (before === undefined && requests.get(sqid(1))?.state !== "ready") return idle;
  const next = before === undefined ? fresh : before.outbox.length > 0 ? before : advanced(before);
  const acknowledged = { ...next, outbox: [], version: next.version + 1 };
  const act = { speculating: start, landing: land, landed: end }[next.state as "speculating" | "landing" | "landed"];
  return {
    ...(before === undefined || next.state === "landed"
      ? { queue: { ...queue, nextPosition: queue.nextPosition + 1, version: queue.version + 1 } }
      : {}),
    writes: next === before ? [] : [before ? { before, next } : { next }],
    commands: [act, { kind: "announce", events: next.outbox }],
    acknowledged: [acknowledged],
    archived: next.state === "landed" ? [acknowledged] : [],
  };
};

const advanced = (batch: Batch): Batch => {
  const state = batch.state === "speculating" ? "landing" : "landed";
  return { ...batch, state, outbox: announced(state), version: batch.version + 1 };
};

const hint: Signal = { v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(1) };

/** As the plan function wires it, on clients that can die. */
const shell = (planner: Planner = small) => {
  const { clients, env } = world;
  const stores = world.mortalStores();
  const targets = {
    clients,
    ...stores,
    buildWorkflow: env["BUILD_WORKFLOW_ARN"] ?? "",
    merges: "merges.fifo",
    log: "log",
    payloads: env["PAYLOADS_TABLE"] ?? "",
  };
  const { now, nonce, log } = clients;
  const lookAt = async (builds: readonly BuildKey[]) => void looked.push(...builds);
  return { planner, ...stores, now, nonce, log, carryOut: carryOut.bind(undefined, targets), lookAt };
};
/** The builds that were to be looked at. */
const looked: BuildKey[] = [];
const run = (planner?: Planner) => runPlanner(shell(planner), config, [hint]);
const ready = () => world.requests.create({ ...request, state: "ready", version: 8 });

/** Everything that may be seen from outside, after the queue has come to rest. */
const seen = async () => ({
  live: (await world.batches.live(QUEUE)).batches,
  request: await world.requests.get(sqid(1)),
  claim: await world.claims.holder(QUEUE, change("change-1")),
  builds: [...world.executions.values()].map(({ name }) => name),
  merges: world.merges.map(({ id }) => id),
  log: world.logOf(1),
});

describe("a run of the planner's shell", () => {
  it("writes before it acts, acts before it acknowledges, and archives last", async () => {
    await ready();
    for (let runs = 0; runs < 3; runs++) await run();
    expect(world.trace).toEqual([
      ...[
        "QueryCommand",
        "GetCommand",
        "PutCommand",
        "PutCommand",
        "StartExecutionCommand",
        "SendMessageBatchCommand",
        "PutCommand",
      ],
      ...["QueryCommand", "GetCommand", "PutCommand", "SendMessageCommand", "SendMessageBatchCommand", "PutCommand"],
      // The queue's item; the batch has landed and leaves, and is not written before.
      ...["QueryCommand", "GetCommand", "PutCommand", "UpdateCommand", "SendMessageBatchCommand", "DeleteCommand"],
    ]);
    expect([...world.executions.values()]).toMatchObject([
      { input: { expectedSeconds: 0, batchId: unit.batchId, sqids: [sqid(1)] } },
    ]);
    expect(world.sent.get("merges.fifo")?.[0]?.group).toBe(messageId("target", "https://git.example/shop#main"));
    expect(await seen()).toMatchObject({
      live: [],
      request: { state: "landed", version: 9 },
      log: ["batched", "landing", "landed"],
    });
  });

  it("drops its effects when another run wrote first, and asks to be retried", async () => {
    await ready();
    await run();
    const stale: Planner = (...args) => {
      const plan = small(...args);
      const writes = plan.writes.map(({ before, next }) =>
        before ? { before: { ...before, version: 1 }, next } : { next },
      );
      return { ...plan, writes };
    };
    const [sent, version] = [world.sent.get("merges.fifo"), (await world.batches.get(QUEUE, unit.batchId))?.version];
    await expect(run(stale)).rejects.toMatchObject({ code: "store.version_conflict" });
    expect(world.sent.get("merges.fifo")).toBe(sent);
    expect((await world.batches.get(QUEUE, unit.batchId))?.version).toBe(version);
  });

  it("lets one of two runs that both add a batch through", async () => {
    await ready();
    const outcomes = await Promise.allSettled([run(), run()]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  it.each([
    ["that was never written", undefined],
    ["that was written before queues had an installation", { nextArrival: 5, nextPosition: 5, version: 3 }],
  ])("gives a queue %s an installation, and stores it before anything is started under its name", async (_, older) => {
    if (older) {
      const Item = { ...batchKeys.queue(QUEUE), ...older };
      await dynalite.client.send(new PutCommand({ TableName: world.env[ENV.batchesTable], Item }));
    }
    const told: string[] = [];
    const starter: Planner = (_config, { queue }) => {
      told.push(queue.installation);
      return { ...idle, commands: [start] };
    };
    const known = async () => (await world.batches.live(QUEUE)).queue;
    const stored: unknown[] = [];
    const watching = (): PlanningShell => ({
      ...shell(starter),
      carryOut: async () => {
        stored.push((await known()).installation);
        return [];
      },
    });
    for (let runs = 0; runs < 3; runs++) await runPlanner(watching(), config, [hint]);
    expect(told[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set([...told, ...stored])).toEqual(new Set([told[0]]));
    expect(await known()).toMatchObject({ nextArrival: older?.nextArrival ?? 1, version: (older?.version ?? 0) + 1 });
  });

  it("gives two queues, and a queue that is deployed anew, installations of their own", async () => {
    const seen = new Set<string>();
    const watcher: Planner = (_config, { queue }) => {
      seen.add(queue.installation);
      return idle;
    };
    await run(watcher);
    await runPlanner(shell(watcher), { ...config, name: QueueName.parse("other") }, [hint]);
    await dynalite.client.send(
      new DeleteCommand({ TableName: world.env[ENV.batchesTable], Key: batchKeys.queue(QUEUE) }),
    );
    await run(watcher);
    expect(seen.size).toBe(3);
  });

  it("reads the requests that signals name, and gives them to the planner", async () => {
    await ready();
    const signals: Signal[] = [1, 2].map((n) => ({ v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(n) }));
    const named: unknown[] = [];
    const curious: Planner = (_config, { requests }) => {
      named.push(...requests.keys());
      return idle;
    };
    await runPlanner(shell(curious), config, signals);
    expect(named).toEqual([sqid(1)]);
  });

  it("ends a request once, releases its claims, and lets only a landing replace the end", async () => {
    await ready();
    await world.claims.claim(QUEUE, { owner: sqid(1), uri: change("change-1") }, epochMs(START));
    const { carryOut: act } = shell();
    const end = {
      kind: "end-request",
      sqid: sqid(1),
      outcome: "error",
      reason: { code: "internal", message: "x" },
    } as const;
    for (let repeat = 0; repeat < 2; repeat++) await act(config, end);
    await act(config, { ...end, outcome: "cancelled" });
    expect(await seen()).toMatchObject({ request: { state: "error", version: 9 }, claim: undefined });
    for (const outcome of ["landed", "landed", "error"] as const) await act(config, { ...end, outcome });
    expect(await seen()).toMatchObject({ request: { state: "landed", version: 10 } });
  });
});

describe("a crash of the planner's shell", () => {
  const moments = ["before", "after"] as const;
  // The three runs make 19 calls; some more, so that the last rows show that nothing is left to fail.
  const deaths = Array.from({ length: 21 }, (_, n) => moments.map((moment): Death => ({ at: n + 1, moment }))).flat();

  it.each(deaths)("$moment call $at leaves the queue where an undisturbed one gets to", async (death) => {
    await ready();
    await world.claims.claim(QUEUE, { owner: sqid(1), uri: change("change-1") }, epochMs(START));
    world.dieAt(death);
    for (let runs = 0; runs < 5; runs++) {
      await run().catch((error: unknown) => expect(error).toMatchObject({ code: expect.any(String) }));
      world.revive();
    }
    expect(await seen()).toEqual({
      live: [],
      request: expect.objectContaining({ state: "landed", version: 9 }),
      // A later request takes the claim over.
      claim: { owner: sqid(1), uri: change("change-1") },
      builds: [key],
      merges: ["land-1"],
      log: ["batched", "landing", "landed"],
    });
  });
});
