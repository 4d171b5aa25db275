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

const PATHS = 20_000;

/** Paths pulled from the generator: 500 heads, each behind ten undecided batches. */
function paths(): Row {
  const heads = Array.from({ length: 500 }, (_, position) => ({
    position,
    undecided: Array.from({ length: 10 }, (_, i) => ({
      index: position * 10 + i,
      landProbability: 0.6 + ((position * 7 + i * 3) % 40) / 100,
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

export const plannerRuns = (): Row[] => [...[10, 100, 1_000].map(runsOver), paths()];
