import { beforeEach, describe, expect, it } from "vitest";
import { BuildKey } from "../../../functions/contracts/ids.ts";
import { AWS_LIMITS, INLINE_BYTES } from "../../../functions/contracts/limits.ts";
import { MergeMessage } from "../../../functions/contracts/messages/landing-messages.ts";
import { Composed } from "../../../functions/contracts/messages/merge-unit.ts";
import type { Signal } from "../../../functions/contracts/messages/signals.ts";
import { type BuildInput, BuildOrder } from "../../../functions/contracts/workflows.ts";
import { wire as trigger } from "../../../functions/handlers/orchestrator/build-workflow/trigger.lambda.ts";
import { wire as plan } from "../../../functions/handlers/orchestrator/plan.lambda.ts";
import { wholeComposition, wholeLandBatch } from "../../../functions/handlers/payloads.ts";
import { withWorld, world } from "./each-world.ts";
import { Runtime } from "./runtime.ts";
import { aLand, change, QUEUE, sqid } from "./world.ts";

const composed = Composed.parse({ commit: "a".repeat(40), tree: "b".repeat(40), trunk: "c".repeat(40) });
withWorld();
let runtime: Runtime;
beforeEach(() => {
  runtime = new Runtime(world);
});

/** A request of fifty changes, whose URIs are 250 characters long. */
const aLargeLand = (n: number) => {
  const { v: _v, kind: _kind, ...land } = aLand(n);
  const changes = Array.from({ length: 50 }, (_, m) => change(`change-${n}-${m}-`.padEnd(165, "x")));
  return { ...land, changes };
};
const touches = { paths: ["a"], files: 1, additions: 1, deletions: 1, authors: [] };
const numbers = Array.from({ length: 22 }, (_, n) => n + 1);
const isReady = (n: number): Signal => ({ v: 1, kind: "request-ready", queue: QUEUE, sqid: sqid(n) });

const builds = () => [...world.executions.values()].filter(({ workflow }) => workflow.endsWith(":build"));
const inputs = () => builds().map(({ input }) => input as BuildInput);
const bytesOf = (value: unknown) => JSON.stringify(value).length;

/** Twenty-two builds, each on those before it. */
async function allBuilds(): Promise<void> {
  world.configure({ budget: 22 });
  for (const n of numbers) await world.requests.create({ ...aLargeLand(n), touches, state: "ready", version: 3 });
  for (const some of [numbers.slice(0, 10), numbers.slice(10)]) await world.deliver(plan, ...some.map(isReady));
}

describe("twenty-two requests of fifty changes each", () => {
  it("are built on each other: what is too large for Step Functions travels by reference, the rest as it is", async () => {
    await allBuilds();
    expect(inputs()).toHaveLength(22);
    const large = inputs().filter(({ payload }) => payload !== null);
    expect(large.length).toBeGreaterThan(0);
    expect(large.length).toBeLessThan(10);
    expect(Math.max(...inputs().map(bytesOf))).toBeLessThanOrEqual(INLINE_BYTES);
    const last = inputs().find(({ batchId }) => batchId === "main/batch/22");
    const whole = BuildOrder.parse(await wholeComposition(world.clients)(last));
    expect(bytesOf(whole)).toBeGreaterThan(AWS_LIMITS.stateBytes);
    expect(whole.base.map(({ batchId }) => batchId)).toEqual(numbers.slice(0, 21).map((n) => `main/batch/${n}`));
    expect(whole.head.steps[0]?.changes).toEqual(aLargeLand(22).changes);
  });

  it("are triggered with all that they hold", async () => {
    await allBuilds();
    const last = inputs().find(({ batchId }) => batchId === "main/batch/22");
    expect(await world.call(trigger, { ...last, composed })).toMatchObject({
      kind: "finished",
      verdict: { kind: "passed" },
    });
    expect(await world.builds.get(BuildKey.parse(last?.buildKey))).toMatchObject({ batchId: "main/batch/22" });
  });

  it("land in one message, by reference, when all of them may land at once", async () => {
    await allBuilds();
    const passed = inputs().map(
      ({ batchId, buildKey }): Signal => ({
        ...{ v: 1, kind: "build-finished", queue: QUEUE, batchId, buildKey },
        verdict: { kind: "passed", composed },
      }),
    );
    // The first build is the last to be told of: nothing lands before it.
    await world.deliver(plan, ...passed.slice(10));
    await world.deliver(plan, ...passed.slice(0, 10));
    const [message, ...more] = world.messages("merges.fifo", MergeMessage);
    expect(more).toEqual([]);
    expect(message?.kind).toBe("land-batch-ref");
    if (message === undefined) return;
    const { batches } = await wholeLandBatch(world.clients, message);
    expect(batches.map(({ batchId }) => batchId)).toEqual(numbers.map((n) => `main/batch/${n}`));
    expect(batches.map(({ steps }) => steps[0]?.changes)).toEqual(numbers.map((n) => aLargeLand(n).changes));
    expect(world.dead_letters).toEqual([]);
  });

  it.each([46, 52, 58])("are started once, also when call %i of a run that writes their payloads dies", async (at) => {
    world.configure({ budget: 22 });
    for (const n of numbers) await world.requests.create({ ...aLargeLand(n), touches, state: "ready", version: 3 });
    await world.deliver(plan, ...numbers.slice(0, 10).map(isReady));
    world.dieAt({ at, moment: at === 52 ? "before" : "after" });
    const back = await world.deliver(plan, ...numbers.slice(10).map(isReady)).catch(() => ["m0"]);
    expect(world.dead).toBe(true);
    world.revive();
    if (back.length > 0) await world.deliver(plan, ...numbers.slice(10).map(isReady));
    expect(
      inputs()
        .map(({ batchId }) => batchId)
        .toSorted(),
    ).toEqual(numbers.map((n) => `main/batch/${n}`).toSorted());
  });
});

describe("a small request", () => {
  it("costs no call more", async () => {
    runtime.send(aLand(1));
    await runtime.settle();
    expect(builds().map(({ input }) => (input as { payload: unknown }).payload)).toEqual([null]);
    expect(world.messages("merges.fifo", MergeMessage).map(({ kind }) => kind)).toEqual(["land-batch"]);
    expect((await world.requests.get(sqid(1)))?.state).toBe("landed");
  });
});
