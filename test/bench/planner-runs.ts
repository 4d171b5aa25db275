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

export const plannerRuns = (): Row[] => [10, 100, 1_000].map(runsOver);
