import type { Settings } from "../../simulator/run-settings.ts";
import type { Change, Workload } from "../../simulator/workload.ts";

export const MINUTE = 60_000;

export const settings = (overrides: Partial<Settings> = {}): Settings => ({
  builders: 100,
  seed: 1,
  tests: "affected",
  startDelayMs: 0,
  cancelDelayMs: 0,
  mergeDelayMs: 0,
  flakes: 0,
  retries: 0,
  analyzer: "paths",
  ...overrides,
});

/** A change as a test writes it: everything else has a default. */
type Sketch = Partial<Omit<Change, "n" | "arrivalMs" | "buildMs">> & {
  /** When the change arrives, in minutes. */
  readonly at: number;
  /** How long a build of the change takes, in minutes. */
  readonly takes: number;
};

/** A workload of the given changes, in order of arrival. A change conflicts with all before it unless `conflictsAhead` is given. */
export function workloadOf(...sketches: readonly Sketch[]): Workload {
  const changes = sketches.map(({ at, takes, ...rest }, n): Change => {
    const earlier = rest.conflictsAhead ?? [...Array(n).keys()];
    return {
      n,
      arrivalMs: at * MINUTE,
      buildMs: takes * MINUTE,
      passes: true,
      successProbability: 0.9,
      conflictsAhead: earlier,
      clashes: [],
      paths: [],
      lines: 1,
      files: 1,
      authors: [],
      ...rest,
    };
  });
  const sharing = (n: number) =>
    changes.flatMap((later) => [
      ...(later.n === n ? later.conflictsAhead.map((m) => `pair/${m}-${n}`) : []),
      ...(later.conflictsAhead.includes(n) ? [`pair/${n}-${later.n}`] : []),
    ]);
  return { name: "eurosys", changes: changes.map((change) => ({ ...change, paths: sharing(change.n) })) };
}
