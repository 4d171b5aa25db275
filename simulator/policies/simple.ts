import type { Ledger } from "../ledger.ts";
import type { Settings } from "../settings.ts";
import type { Workload } from "../workload.ts";
import { Line } from "./line.ts";

/** Builds a change once everything conflicting ahead of it is decided. */
export function singleQueue(workload: Workload, settings: Settings): Ledger {
  const line = new Line(workload, settings);
  return line.run(() => {
    for (const n of line.undecided) {
      if (line.free <= 0) return;
      if (line.openAhead(n).length === 0 && !line.builds[n]?.has(line.keyOf(n, []))) line.start(n, []);
    }
  });
}

/** One guess per change: everything ahead succeeds, but for what has failed. A new failure restarts those behind it, as Zuul does. */
export function optimistic(workload: Workload, settings: Settings): Ledger {
  const line = new Line(workload, settings);
  return line.run(() => {
    const failed = new Set<number>();
    for (const n of [...line.undecided]) {
      const rejected = line.openAhead(n).filter((other) => failed.has(other));
      const key = line.keyOf(n, rejected);
      for (const build of [...(line.builds[n]?.values() ?? [])])
        if (build.state === "running" && build.key !== key) line.abort(build);
      const build = line.builds[n]?.get(key);
      if (build?.state === "finished" && !build.passes) failed.add(n);
      if (!build && line.free > 0) line.start(n, rejected);
    }
  });
}
