import type { Ledger } from "../ledger.ts";
import type { Settings } from "../run-settings.ts";
import type { Workload } from "../workload.ts";
import { StrictQueue } from "./strict-queue.ts";

/** Does not speculate: a change is built once every conflicting change ahead of it is decided. */
export function singleQueue(workload: Workload, settings: Settings): Ledger {
  return new StrictQueue(workload, settings).run((queue) => {
    for (const n of queue.undecided) {
      if (queue.freeSlots <= 0) return;
      if (queue.undecidedAhead(n).length === 0 && !queue.builds[n]?.has(queue.keyOf(n, []))) queue.start(n, []);
    }
  });
}
