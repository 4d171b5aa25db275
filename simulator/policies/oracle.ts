import { Ledger } from "../ledger.ts";
import type { Settings } from "../run-settings.ts";
import { serialOutcome } from "../tree-outcome.ts";
import type { Workload } from "../workload.ts";

/**
 * The policy that the others are measured against. It knows every outcome and has unlimited builders. It builds each change once,
 * on the path that comes true, from the moment of arrival. A change is decided when its build has finished and every conflicting
 * change ahead is decided.
 *
 * Example: A arrives at 0 and builds for 30 minutes. B conflicts with A, arrives at 10 and builds for 5 minutes. Both are decided at
 * 30: B's turnaround is 20 minutes.
 */
export function oracle(workload: Workload, settings: Settings): Ledger {
  const ledger = new Ledger(workload);
  const lands = serialOutcome(workload.changes);
  const ready: number[] = [];
  for (const { n, arrivalMs, buildMs, conflictsAhead, cancelMs } of workload.changes) {
    const provenMs = arrivalMs + settings.startDelayMs + buildMs;
    const readyMs = conflictsAhead.reduce((latest, other) => Math.max(latest, ready[other] ?? 0), provenMs);
    const givenUp = cancelMs !== undefined && cancelMs < readyMs;
    const endMs = givenUp ? cancelMs : readyMs;
    ready[n] = endMs;
    ledger.started += 1;
    ledger.buildEnded(arrivalMs, Math.min(endMs, provenMs), endMs < provenMs);
    if (givenUp) {
      ledger.decide(n, { atMs: endMs, outcome: "cancelled" });
      continue;
    }
    if (lands[n]) ledger.land(n);
    const atMs = endMs + (lands[n] ? settings.mergeDelayMs : 0);
    ledger.decide(n, { atMs, outcome: lands[n] ? "landed" : "rejected", provenMs });
  }
  return ledger;
}
