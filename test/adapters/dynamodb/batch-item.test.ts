import { describe, expect, it } from "vitest";
import { batchIn, itemOf } from "../../../functions/adapters/dynamodb/batch-item.ts";
import type { Item } from "../../../functions/adapters/dynamodb/stored-item.ts";
import type { BatchId, QueueName } from "../../../functions/contracts/ids.ts";
import { aQueue, World } from "../../domain/planner/world.ts";

const QUEUE = "q" as QueueName;
const ids = (labels: readonly number[]) => labels.map((label) => `${QUEUE}/batch/${label}` as BatchId);
const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A batch as the planner makes it, with these conflicts. */
function aBatch(conflicts: readonly BatchId[] | "every") {
  const world = new World(aQueue({}));
  world.ready(1, ["a"]);
  world.run();
  const [batch] = world.live.values();
  if (batch === undefined) throw new Error("no batch joined");
  return { ...batch, conflicts };
}

const stored = (conflicts: readonly BatchId[] | "every"): Item => ({ pk: "q", sk: "1", ...itemOf(aBatch(conflicts)) });

describe("a list of batches, as it is stored", () => {
  it.each([
    ["one run", run(1, 500), "1-500"],
    ["runs with gaps", [...run(3, 12), ...run(14, 30)], "3-12 14-30"],
    [
      "pairs, which stay as they are",
      [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23],
      "1 2 4 5 7 8 10 11 13 14 16 17 19 20 22 23",
    ],
    ["a descending list", run(1, 16).toReversed(), run(1, 16).toReversed().join(" ")],
  ])("holds %s in short, and is read back in order", (_, labels, text) => {
    const item = stored(ids(labels));
    expect(item["conflicts"]).toBe(text);
    expect(batchIn(item).conflicts).toEqual(ids(labels));
  });

  it("says that the batch conflicts with every earlier one", () => {
    expect(stored("every")["conflicts"]).toBe("every");
    expect(batchIn(stored("every")).conflicts).toBe("every");
  });
});
