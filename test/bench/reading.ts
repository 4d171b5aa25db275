import { batchIn, itemOf } from "../../functions/adapters/dynamodb/batch-item.ts";
import { batchKeys } from "../../functions/contracts/tables.ts";
import { aQueue, World } from "../domain/planner/world.ts";
import { type Row, rowOf } from "./timing.ts";

const RUNS = 20;

/** What parsing the stored batches of a queue costs a run of the planner that has seen none of them: a warm one parses what has changed. */
export function reading(live = 1_000): Row {
  const world = new World(aQueue({ budget: 500 }));
  for (let n = 1; n <= live; n++) world.ready(n, [`area-${Math.floor(n / 6)}`, `area-${Math.floor((n + 3) / 6)}`]);
  while (world.inbox.length > 0) world.run();
  const items = [...world.live.values()].map((batch) => ({
    ...batchKeys.live(batch.queue, batch.id),
    ...itemOf(batch),
  }));
  const samples = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    for (const item of items) batchIn(item);
    return performance.now() - start;
  });
  const kilobytes = Math.round(JSON.stringify(items).length / 1_000);
  return rowOf(`parse ${items.length} stored batches`, samples.slice(2), `cold, ${kilobytes} KB`);
}
