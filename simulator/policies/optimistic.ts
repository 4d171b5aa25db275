import type { Ledger } from "../ledger.ts";
import type { Settings } from "../settings.ts";
import type { Workload } from "../workload.ts";
import { Line } from "./line.ts";

/**
 * One path per change: everything ahead is assumed to land. A change whose build has failed is assumed to be rejected at once, and
 * the builds behind it start again without it, as in Zuul's gate.
 */
export function optimistic(workload: Workload, settings: Settings): Ledger {
  const failed = new Set<number>();
  return new Line(workload, settings).run((line) => {
    failed.clear();
    const missing: { readonly n: number; readonly rejected: readonly number[] }[] = [];
    for (const n of line.undecided) {
      const rejected = line.openAhead(n).filter((other) => failed.has(other));
      const key = line.keyOf(n, rejected);
      for (const build of [...(line.builds[n]?.values() ?? [])])
        if (build.key !== key && build.state === "running") line.abort(build);
      const build = line.builds[n]?.get(key);
      if (build === undefined) missing.push({ n, rejected });
      else if (build.state === "finished" && !build.passed) failed.add(n);
    }
    for (const { n, rejected } of missing) {
      if (line.free <= 0) return;
      line.start(n, rejected);
    }
  });
}
