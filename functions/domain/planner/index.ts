import { noteBlockers } from "./blockers.ts";
import { Draft } from "./draft.ts";
import { emit } from "./emit.ts";
import { fold } from "./fold.ts";
import type { Planner } from "./plan.ts";
import { endProbation } from "./probation.ts";
import { propose } from "./propose.ts";
import { refute } from "./refute.ts";
import { revertPartialBundles, settle } from "./settle.ts";
import { buildTrunk } from "./trunk-build.ts";
import { noteWaiting } from "./waiting.ts";

/**
 * Decides everything for one queue at one wake-up: what is built, what lands, what fails. `news` are the signals, and the refused commands of the
 * run before. Each step changes the draft, and `emit` turns the changes into a plan. Pure: the same arguments give the same plan.
 */
export const plan: Planner = (config, snapshot, news, now) => {
  const draft = new Draft(config, snapshot, now);
  // 1. The news change the batches.
  fold(draft, news);
  revertPartialBundles(draft);
  endProbation(draft);
  // 2. Builds whose assumptions no longer hold are given up.
  refute(draft);
  // 3. Batches that are to fail, or whose builds have stopped after a cancel, end. Batches with evidence start to land.
  settle(draft);
  // 4. The free slots of the budget get builds. The log is told what each batch waits for.
  buildTrunk(draft);
  propose(draft);
  noteWaiting(draft);
  noteBlockers(draft);
  // 5. Changed batches become writes, and the state as a whole says which commands are due.
  return emit(draft);
};
