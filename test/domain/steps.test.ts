import { describe, expect, it } from "vitest";
import {
  type Awaitable,
  runSteps,
  runStepsNow,
  type Steps,
  waitFor,
  waitForEach,
} from "../../functions/domain/steps.ts";

type Get = (n: number) => Awaitable<number>;

function* sum(get: Get): Steps<string> {
  let total = 0;
  try {
    const first = yield* waitFor(get(0));
    total += first;
  } catch (error) {
    total += error instanceof RangeError ? 100 : 0;
  }
  yield* waitForEach([1, 2, 3], 2, function* (n) {
    const one = yield* waitFor(get(n));
    total += one;
  });
  return `total ${total}`;
}

const later: Get = async (n) => n;
const now: Get = (n) => n;

describe("a procedure of steps", () => {
  it("gives the same answer at once as later", async () => {
    expect(runStepsNow(sum(now))).toBe("total 6");
    expect(await runSteps(sum(later))).toBe("total 6");
  });

  it("catches what a call throws, whether at once or later", async () => {
    const refuse = (n: number) => {
      if (n === 0) throw new RangeError();
      return n;
    };
    expect(runStepsNow(sum(refuse))).toBe("total 106");
    expect(await runSteps(sum(async (n) => refuse(n)))).toBe("total 106");
  });

  it("throws the first failure among procedures that run side by side", async () => {
    const refuse = (n: number) => {
      if (n === 2) throw new RangeError();
      return n;
    };
    expect(() => runStepsNow(sum(refuse))).toThrow(RangeError);
    await expect(runSteps(sum(async (n) => refuse(n)))).rejects.toThrow(RangeError);
  });

  it("runs at most as many procedures side by side as the limit says", async () => {
    let [running, most] = [0, 0];
    const counted: Get = async (n) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
      return n;
    };
    await runSteps(sum(counted));
    expect(most).toBe(2);
  });

  it("does not end at once when a call answers later", () => {
    expect(() => runStepsNow(sum(later))).toThrow("waits for a promise");
  });
});
