import type { Ledger } from "../ledger.ts";
import type { Settings } from "../run-settings.ts";
import { inOneLine, type Workload } from "../workload.ts";
import { hasPassed, StrictQueue } from "./strict-queue.ts";

/** How many changes of the line are built: it begins with `start`, grows by one per landed change, and a rejected one halves it. */
interface Window {
  readonly start: number;
  readonly least: number;
}

export interface Line {
  /** Absent: as many changes of the line are built as there are builders. */
  readonly window?: Window;
  /**
   * The most changes that land together because the build of the last one has passed, though those before it have not finished. Absent:
   * each landed change has a passed build of its own.
   */
  readonly clears?: number;
}

/**
 * One line of all changes, in order of arrival, also of changes that do not conflict. Each change is built on all changes ahead of it. When a
 * build fails, its change is assumed to be rejected, and everything behind starts again without the change.
 *
 * Example: A ← B ← C. "A", "B on A" and "C on B on A" are built. "B on A" fails: "C on B on A" is aborted and "C on A" is started.
 */
export function line(workload: Workload, settings: Settings, { window: shape, clears }: Line): Ledger {
  const queue = new StrictQueue(inOneLine(workload), settings, clears);
  let window = shape?.start ?? Number.POSITIVE_INFINITY;
  let before: readonly number[] = [];
  return queue.run(({ undecided, ledger }) => {
    for (const n of before) {
      const outcome = ledger.decisions[n]?.outcome;
      if (shape && outcome === "landed") window += 1;
      if (shape && outcome === "rejected") window = Math.max(shape.least, Math.floor(window / 2));
    }
    before = [...undecided];
    startInLine(queue, window);
  });
}

/** Builds the first `window` changes of the line, first come first built. Aborts builds that contain a change whose build has failed. */
function startInLine(queue: StrictQueue, window: number): void {
  const failed: number[] = [];
  const missing: { readonly n: number; readonly rejected: readonly number[] }[] = [];
  for (const [place, n] of queue.undecided.entries()) {
    const rejected = [...failed];
    const key = queue.keyOf(n, rejected);
    const builds = queue.builds[n];
    for (const build of [...(builds?.values() ?? [])])
      if (build.state === "running" && build.key !== key) queue.abort(build);
    const build = builds?.get(key);
    if (build === undefined && place < window) missing.push({ n, rejected });
    else if (build !== undefined && build.failures > 0 && !hasPassed(build)) failed.push(n);
  }
  for (const { n, rejected } of missing) {
    if (queue.freeSlots <= 0) return;
    queue.start(n, rejected);
  }
}
