import type { Ledger } from "./ledger.ts";
import { median, percentile } from "./measures.ts";
import type { Settings } from "./run-settings.ts";
import type { Change, Workload } from "./workload.ts";

/**
 * Where the minutes from request to landing go, at one quantile. The four add up to the quantile of the policy's times.
 *
 * Example: own 10, order 3, budget 2, failures 4. A median change lands after 19 minutes. With no failures at all, it lands after 15. With
 * unlimited builders as well, after 13: its own build, and 3 minutes in which a slower change ahead of it was still being built.
 */
export interface Breakdown {
  /** The change's own build, alone. */
  readonly own: number;
  /** Added because conflicting changes land in order. */
  readonly order: number;
  /** Added because builders are few. */
  readonly budget: number;
  /** Added because changes fail or clash, builds fail for no reason, and the trunk is broken. */
  readonly failures: number;
}

/** More builders than any workload can use. */
const UNLIMITED = 1_000;

const flawless = ({ name, changes }: Workload): Workload => ({
  name,
  changes: changes.map((change): Change => ({ ...change, passes: true, clashes: [] })),
});

/**
 * Runs the policy twice more: without failures, and without failures and with unlimited builders. `full` is its ledger with both. All
 * three are measured over the changes that land in `full`.
 */
export function breakdownOf(
  workload: Workload,
  settings: Settings,
  full: Ledger,
  run: (workload: Workload, settings: Settings) => Ledger,
): { readonly p50: Breakdown; readonly p95: Breakdown } {
  const { breakages: _, ...unbroken } = settings;
  const sound = { ...unbroken, flakes: 0 };
  const limited = run(flawless(workload), sound);
  const unlimited = run(flawless(workload), { ...sound, builders: UNLIMITED });
  const landed = workload.changes.filter(({ n }) => full.decisions[n]?.outcome === "landed");
  const minutes = ({ decisions }: Ledger) =>
    landed.map(({ n, arrivalMs }) => ((decisions[n]?.atMs ?? arrivalMs) - arrivalMs) / 60_000);
  const at = (of: (values: readonly number[]) => number): Breakdown => {
    const own = of(landed.map(({ buildMs }) => buildMs / 60_000));
    const [order, budget, failures] = [unlimited, limited, full].map((ledger) => of(minutes(ledger)));
    return {
      own,
      order: (order ?? 0) - own,
      budget: (budget ?? 0) - (order ?? 0),
      failures: (failures ?? 0) - (budget ?? 0),
    };
  };
  return { p50: at(median), p95: at((values) => percentile(values, 0.95)) };
}
