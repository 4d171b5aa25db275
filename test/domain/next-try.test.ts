import { describe, expect, it } from "vitest";
import { nextTryIn } from "../../functions/domain/next-try.ts";

/** When the tries come, in seconds since the first failure, and how many there are. */
function triesWithin(maxWaitSeconds: number): readonly number[] {
  const tries: number[] = [];
  for (let at = 0, next = nextTryIn(0, maxWaitSeconds); next !== undefined; next = nextTryIn(at, maxWaitSeconds)) {
    at += next;
    tries.push(at);
  }
  return tries;
}

describe("the next try", () => {
  it.each([
    [0, 5],
    [35, 5],
    [60, 6],
    [1_200, 120],
    [3_400, 300],
    [30_000, 300],
  ])("after %i seconds comes in %i seconds", (waited, seconds) => {
    expect(nextTryIn(waited, 86_400)).toBe(seconds);
  });

  it("is the last one at the end of the time, and there is none after it", () => {
    for (const most of [1, 7, 60, 3_600, 86_400]) expect(triesWithin(most).at(-1)).toBe(most);
    expect(nextTryIn(3_600, 3_600)).toBeUndefined();
    expect(nextTryIn(0, 0)).toBeUndefined();
  });

  it("notices the end of an outage of 35 seconds within 5 seconds", () => {
    expect(triesWithin(3_600).find((at) => at >= 35)).toBeLessThanOrEqual(40);
  });

  it("fits into the history of a Step Functions execution, for both steps and the longest time that can be configured", () => {
    // A round: the step and `wait` take five events each, two choices two, the pause two.
    const eventsPerRound = 14;
    expect(triesWithin(86_400).length).toBeLessThan(350);
    expect(2 * triesWithin(86_400).length * eventsPerRound).toBeLessThan(25_000 / 2);
  });
});
