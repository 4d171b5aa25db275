import { Ledger } from "../ledger.ts";
import type { Settings } from "../settings.ts";
import { serialOutcome, type Workload } from "../workload.ts";

/**
 * Knows how everything turns out: as many builders as it likes, one build of each change on its true path, started when it arrives.
 * A change is decided when that build has finished and every conflicting change ahead is decided: strict order of arrival.
 */
export function oracle(workload: Workload, settings: Settings): Ledger {
  const ledger = new Ledger(workload);
  const lands = serialOutcome(workload.changes);
  const ready: number[] = [];
  for (const { n, arrivalMs, buildMs, earlier, cancelMs } of workload.changes) {
    const provenMs = arrivalMs + settings.startDelayMs + buildMs;
    const readyMs = earlier.reduce((latest, other) => Math.max(latest, ready[other] ?? 0), provenMs);
    const givenUp = cancelMs !== undefined && cancelMs < readyMs;
    const endMs = givenUp ? cancelMs : readyMs;
    ready[n] = endMs;
    ledger.started += 1;
    ledger.buildEnded(arrivalMs, Math.min(endMs, provenMs), endMs < provenMs);
    if (givenUp) {
      ledger.decide(n, { atMs: endMs, outcome: "cancelled" });
      continue;
    }
    const atMs = endMs + (lands[n] ? settings.mergeDelayMs : 0);
    ledger.decide(n, { atMs, outcome: lands[n] ? "landed" : "rejected", provenMs });
  }
  return ledger;
}
