import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clashOf, type History, learnClash } from "../../../functions/domain/speculation/history.ts";
import { streamOf } from "../../../simulator/random-streams.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

/** What a queue believes after so many builds, when each conflict is real with `real`. The mean of the second half: it keeps moving. */
function learned(real: number, met: number, builds: number): number {
  const stream = streamOf(7, `clash/${real}`);
  let history: History | undefined;
  let [sum, count] = [0, 0];
  for (let n = 0; n < builds; n++) {
    const passed = stream() < 0.97 * (1 - real) ** met;
    history = learnClash(history, { alone: 0.97, met, passed });
    if (n < builds / 2) continue;
    sum += Math.log(clashOf(history));
    count += 1;
  }
  return Math.exp(sum / count);
}

describe(`how likely conflicts are to be real (SEED=${seed})`, () => {
  it.each([
    [0.0005, 80],
    [0.005, 40],
    [0.05, 10],
  ])("is learned from builds: %d, where each meets %d others", (real, met) => {
    const found = learned(real, met, 2_000);
    expect(found).toBeGreaterThan(real / 2);
    expect(found).toBeLessThan(real * 2);
  });

  it("are not learned from a build without conflicts in its tree", () => {
    const history = learnClash(undefined, { alone: 0.5, met: 0, passed: false });
    expect(clashOf(history)).toBe(clashOf(undefined));
  });

  it("stays a small probability, and moves by at most a factor e^0.3, with every build", () => {
    const encounter = fc.record({
      alone: fc.double({ min: 0, max: 1, noNaN: true }),
      met: fc.nat({ max: 1_000 }),
      passed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(encounter, { maxLength: 200 }), (encounters) => {
        let history: History | undefined;
        for (const each of encounters) {
          const before = clashOf(history);
          history = learnClash(history, each);
          const after = clashOf(history);
          expect(after).toBeGreaterThanOrEqual(1e-6);
          expect(after).toBeLessThanOrEqual(0.5);
          expect(Math.abs(Math.log(after / before))).toBeLessThanOrEqual(0.3 + 1e-9);
        }
      }),
      { seed },
    );
  });
});
