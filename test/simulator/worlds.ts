import type { Settings } from "../../simulator/settings.ts";
import type { Change, Workload } from "../../simulator/workload.ts";

export const MINUTE = 60_000;

export const settings = (overrides: Partial<Settings> = {}): Settings => ({
  builders: 100,
  seed: 1,
  speaksFor: "heads",
  startDelayMs: 0,
  cancelDelayMs: 0,
  mergeDelayMs: 0,
  flakes: 0,
  ...overrides,
});

type Sketch = Partial<Omit<Change, "n" | "arrivalMs" | "buildMs">> & {
  /** Minutes. */
  readonly at: number;
  /** Minutes. */
  readonly takes: number;
};

/** Changes by arrival; each conflicts with all before it unless it says otherwise. */
export function workloadOf(...sketches: readonly Sketch[]): Workload {
  const changes = sketches.map(({ at, takes, ...rest }, n): Change => {
    const earlier = rest.earlier ?? [...Array(n).keys()];
    return {
      n,
      arrivalMs: at * MINUTE,
      buildMs: takes * MINUTE,
      passes: true,
      latent: 0.9,
      earlier,
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
      ...(later.n === n ? later.earlier.map((m) => `pair/${m}-${n}`) : []),
      ...(later.earlier.includes(n) ? [`pair/${n}-${later.n}`] : []),
    ]);
  return { name: "eurosys", changes: changes.map((change) => ({ ...change, paths: sharing(change.n) })) };
}
