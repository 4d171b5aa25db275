import type { Ledger } from "../ledger.ts";
import type { Settings } from "../run-settings.ts";
import type { Workload } from "../workload.ts";
import { hasPassed, StrictQueue } from "./strict-queue.ts";

/**
 * Builds one path per change, which assumes that every change ahead lands, as Zuul's gate pipeline does. When the build of a change
 * fails, the change is assumed to be rejected, and the builds of conflicting changes behind it start again without it.
 *
 * Example: A ← B ← C, all conflict. "A", "B on A" and "C on B on A" are built. "B on A" fails: "C on B on A" is aborted and "C on A"
 * is started.
 */
export function optimistic(workload: Workload, settings: Settings): Ledger {
  const failed = new Set<number>();
  return new StrictQueue(workload, settings).run((queue) => {
    failed.clear();
    const missing: { readonly n: number; readonly rejected: readonly number[] }[] = [];
    for (const n of queue.undecided) {
      const rejected = queue.undecidedAhead(n).filter((other) => failed.has(other));
      const key = queue.keyOf(n, rejected);
      for (const build of [...(queue.builds[n]?.values() ?? [])])
        if (build.key !== key && build.state === "running") queue.abort(build);
      const build = queue.builds[n]?.get(key);
      if (build === undefined) missing.push({ n, rejected });
      else if (build.failures > 0 && !hasPassed(build)) failed.add(n);
    }
    for (const { n, rejected } of missing) {
      if (queue.freeSlots <= 0) return;
      queue.start(n, rejected);
    }
  });
}
