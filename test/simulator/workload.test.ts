import { describe, expect, it } from "vitest";
import { percentile, reliabilityOf } from "../../simulator/measures.ts";
import { predictorFor } from "../../simulator/predictor.ts";
import { makeWorkload, type Workload, type WorkloadSpec } from "../../simulator/workload.ts";

const spec = (overrides: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
  name: "eurosys",
  rate: 500,
  changes: 600,
  seed: 1,
  cancellations: 0,
  ...overrides,
});

const share = (workload: Workload, of: (change: Workload["changes"][number]) => boolean): number =>
  workload.changes.filter(of).length / workload.changes.length;

describe("a workload", () => {
  it("is the same for the same seed, and differs for another seed", () => {
    expect(makeWorkload(spec())).toEqual(makeWorkload(spec()));
    expect(makeWorkload(spec({ seed: 2 }))).not.toEqual(makeWorkload(spec()));
  });

  it("keeps everything but its arrivals and clashes when the rate changes", () => {
    const [slow, fast] = [makeWorkload(spec({ rate: 100 })), makeWorkload(spec({ rate: 500 }))];
    const timeless = ({ changes }: Workload) => changes.map(({ arrivalMs: _, clashes: __, ...change }) => change);
    expect(timeless(slow)).toEqual(timeless(fast));
    expect(slow.changes.at(-1)?.arrivalMs).toBeGreaterThan(4 * (fast.changes.at(-1)?.arrivalMs ?? 0));
  });

  it("has the build times, risks and conflicts that its constants say", () => {
    const workload = makeWorkload(spec({ changes: 2_000 }));
    const minutes = workload.changes.map(({ buildMs }) => buildMs / 60_000);
    expect(percentile(minutes, 0.5)).toBeCloseTo(27, -0.5);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(120);
    expect(share(workload, ({ successProbability: latent }) => latent === 0.2)).toBeCloseTo(0.15, 1);
    const pairs = (2_000 * 1_999) / 2;
    expect(workload.changes.reduce((sum, { conflictsAhead: earlier }) => sum + earlier.length, 0) / pairs).toBeCloseTo(
      0.35,
      2,
    );
  });

  it("gives two changes a common path exactly when they conflict", () => {
    for (const name of ["eurosys", "modules"] as const) {
      const { changes } = makeWorkload(spec({ name, changes: 60 }));
      for (const { n, paths, conflictsAhead: earlier } of changes)
        for (const other of changes.slice(0, n))
          expect(other.paths.some((path) => paths.includes(path))).toBe(earlier.includes(other.n));
    }
  });

  it("has clashes only between changes that conflict, and in both directions", () => {
    const { changes } = makeWorkload(spec({ name: "modules" }));
    for (const { n, clashes } of changes)
      for (const other of clashes) {
        expect(changes[Math.max(n, other)]?.conflictsAhead).toContain(Math.min(n, other));
        expect(changes[other]?.clashes).toContain(n);
      }
    expect(changes.some(({ clashes }) => clashes.length > 0)).toBe(true);
  });
});

describe("a predictor", () => {
  const { changes } = makeWorkload(spec({ changes: 3_000 }));
  const predictions = (name: "told" | "blurred" | "flat") => {
    const { told } = predictorFor(name, changes, 1);
    return changes.map(({ n, passes }) => ({ told: told[n] ?? 0, passes }));
  };
  const brier = (name: "told" | "blurred" | "flat") => {
    const pairs = predictions(name);
    return pairs.reduce((sum, { told, passes }) => sum + ((passes ? 1 : 0) - told) ** 2, 0) / pairs.length;
  };

  it.each([
    ["told", 0.028],
    ["blurred", 0.1],
    ["flat", 0.109],
  ] as const)("that is %s has a Brier score of about %d", (name, expected) => {
    expect(Math.abs(brier(name) - expected)).toBeLessThan(0.012);
  });

  it("that tells the truth is right in every tenth", () => {
    for (const { told, passed } of reliabilityOf(predictions("told")))
      expect(Math.abs(told - passed)).toBeLessThan(0.05);
  });
});
