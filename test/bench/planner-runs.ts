import { itemOf } from "../../functions/adapters/dynamodb/batch-item.ts";
import { pathCandidates } from "../../functions/domain/speculation/candidates.ts";
import { aQueue, World } from "../domain/planner/world.ts";
import { type Row, rowOf } from "./timing.ts";

const RUNS = 40;

/** A warm run of the planner over n live batches, each conflicting with some ten others, when one build has finished. */
function runsOver(live: number): Row {
  const world = new World(aQueue({ budget: Math.min(500, live) }));
  for (let n = 1; n <= live; n++) world.ready(n, [`area-${Math.floor(n / 6)}`, `area-${Math.floor((n + 3) / 6)}`]);
  while (world.inbox.length > 0) world.run();
  const samples: number[] = [];
  for (let run = 0; run < RUNS + 5; run++) {
    const [build] = world.running();
    if (!build) break;
    world.finish(build);
    const signals = world.inbox.slice(0, 10);
    const start = performance.now();
    world.plan(signals);
    const took = performance.now() - start;
    if (run >= 5) samples.push(took);
    world.run();
  }
  return rowOf(`planner run, ${live} live batches`, samples, "pure, one signal");
}

/**
 * A warm run of the planner over n live batches under analyzer `all`, when one build has finished; and how large the snapshot is, and how
 * many batches a run writes.
 */
function runsUnderAll(live: number, budget: number): Row[] {
  const world = new World(aQueue({ budget, conflictAnalyzer: { type: "all" } }));
  for (let n = 1; n <= live; n++) world.ready(n, [`area-${n}`]);
  while (world.inbox.length > 0) world.run();
  const samples: number[] = [];
  const writes: number[] = [];
  for (let run = 0; run < RUNS + 5; run++) {
    const build = world.running().at(-1);
    if (!build) break;
    world.finish(build);
    const signals = world.inbox.slice(0, 10);
    const start = performance.now();
    const plan = world.plan(signals);
    const took = performance.now() - start;
    if (run >= 5) samples.push(took);
    if (run >= 5) writes.push(plan.writes.length + plan.acknowledged.length + plan.archived.length);
    world.run();
  }
  const bytes = [...world.live.values()].reduce((sum, batch) => sum + JSON.stringify(itemOf(batch)).length, 0);
  const most = Math.max(...writes);
  const note = `snapshot ${(bytes / 1e6).toFixed(2)} MB, ${Math.ceil(bytes / 4096)} read units, at most ${most} writes`;
  return [rowOf(`planner run, ${live} live, all, budget ${budget}`, samples, note)];
}

const PATHS = 20_000;

/** Paths pulled from the generator: 500 heads, each behind ten undecided batches. */
function paths(): Row {
  const heads = Array.from({ length: 500 }, (_, landingOrder) => ({
    landingOrder,
    undecided: Array.from({ length: 10 }, (_, i) => ({
      index: landingOrder * 10 + i,
      landProbability: 0.6 + ((landingOrder * 7 + i * 3) % 40) / 100,
    })),
  }));
  const samples = Array.from({ length: 10 }, () => {
    const start = performance.now();
    let left = PATHS;
    for (const _ of pathCandidates(heads)) if (--left === 0) break;
    return performance.now() - start;
  });
  const row = rowOf(`${PATHS} paths, 500 heads`, samples);
  return { ...row, note: `${Math.round(PATHS / row.p50Ms)} per ms` };
}

export const plannerRuns = (): Row[] => [
  ...[10, 100, 1_000].map(runsOver),
  ...[4, 100, 500].flatMap((budget) => runsUnderAll(1_000, budget)),
  paths(),
];
