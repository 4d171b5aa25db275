import { describe, expect, it } from "vitest";
import { ComposeResult, ComposeTask } from "../../../functions/contracts/messages/runway-tasks.ts";
import { type QueueConfig, targetOf } from "../../../functions/contracts/queues.ts";
import type { Wire } from "../../../functions/handlers/on-lambda.ts";
import { wire as compose } from "../../../functions/handlers/runway/compose.lambda.ts";
import { wire as land } from "../../../functions/handlers/runway/land.lambda.ts";
import { buildKey, landing, unit } from "../../adapters/git/sandbox.ts";
import { delivery, invoke, sandbox, sent, withSandbox } from "./each-sandbox.ts";

withSandbox();

const call = (wire: Wire, event: unknown, config: QueueConfig) => invoke(wire, event, { queues: [config] });
const topics = () => sent().map(({ QueueUrl }) => QueueUrl);
const others = (): readonly (readonly [string, QueueConfig])[] => {
  const { config } = sandbox;
  return [
    ["is not configured", { ...config, name: "another" as QueueConfig["name"] }],
    ["lands on another branch", { ...config, repository: { ...config.repository, branch: "release" } }],
    ["lands on another repository", { ...config, repository: { ...config.repository, remote: "/srv/other.git" } }],
  ];
};

async function tested() {
  const { config } = sandbox;
  const head = unit(1, [sandbox.branch("a", [{ files: { f: "1\n" }, message: "one" }])]);
  const target = targetOf(config.repository);
  const order = { queue: "q", target, installation: "1".repeat(32), buildKey: buildKey(1), base: [], head };
  const task = ComposeTask.parse({ ...order, sqids: head.steps.map(({ sqid }) => sqid) });
  return { head, task, target };
}

describe.each([0, 1, 2])("a batch that was tested for a queue with another target by now (%i)", (index) => {
  it("is neither landed nor dead-lettered nor held back", async () => {
    const { head, task, target } = await tested();
    const made = ComposeResult.parse(await call(compose, task, sandbox.config));
    if (made.kind !== "composed") throw new Error(JSON.stringify(made));
    sandbox.point("refs/heads/release", "refs/heads/main");
    const before = sandbox.git("for-each-ref", "refs/heads");
    const message = { ...landing("land-1", [{ unit: head, tested: made.composed }]), target };
    const [, config] = others()[index] ?? [];
    expect(await call(land, delivery(message), config ?? sandbox.config)).toEqual({ batchItemFailures: [] });
    expect([topics(), sandbox.git("for-each-ref", "refs/heads")]).toEqual([[], before]);
    // Put back, the same message lands.
    await call(land, delivery(message), sandbox.config);
    expect(topics()).toEqual(["signals.fifo"]);
    expect(sandbox.git("for-each-ref", "refs/heads")).not.toBe(before);
  });

  it("is not composed, so that no build of another tree counts for it", async () => {
    const { task } = await tested();
    const [, config] = others()[index] ?? [];
    await expect(call(compose, task, config ?? sandbox.config)).rejects.toMatchObject({ name: "queue.unknown" });
  });
});
