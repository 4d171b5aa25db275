import type { Ledger } from "../ledger.ts";
import type { Settings } from "../settings.ts";
import type { Workload } from "../workload.ts";
import { Line } from "./line.ts";

/** No guesses: a change is built once everything conflicting ahead of it is decided. */
export function singleQueue(workload: Workload, settings: Settings): Ledger {
  return new Line(workload, settings).run((line) => {
    for (const n of line.undecided) {
      if (line.free <= 0) return;
      if (line.openAhead(n).length === 0 && !line.builds[n]?.has(line.keyOf(n, []))) line.start(n, []);
    }
  });
}
