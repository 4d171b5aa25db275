import { describe, expect, it } from "vitest";
import { lookAgainIn, lookForStopIn, MOST_STOP_LOOKS } from "../../functions/domain/look-again.ts";

/** When a build is looked at that no CI system reports, in seconds from its start, until it is to be stopped. */
function looksAt(expectedSeconds: number, floorSeconds: number, timeoutSeconds: number): readonly number[] {
  const looks: number[] = [];
  for (let at = 0; at < timeoutSeconds; ) {
    at += lookAgainIn({ waitedSeconds: at, expectedSeconds, floorSeconds, leftSeconds: timeoutSeconds - at });
    looks.push(at);
  }
  return looks;
}

describe("a build that is not reported", () => {
  it("is looked at first shortly before the time that is expected, and then less and less often", () => {
    expect(looksAt(600, 10, 800)).toEqual([540, 594, 654, 720, 792, 800]);
  });

  it("is looked at from the start when nothing is expected", () => {
    expect(looksAt(0, 10, 130)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 121, 130]);
  });

  it("is looked at within half an hour however long it is expected to take, and every five minutes at least", () => {
    const looks = looksAt(20_000, 10, 30_000);
    expect(looks[0]).toBe(1_800);
    expect(Math.max(...looks.map((at, n) => at - (looks[n - 1] ?? 1_800)))).toBe(300);
  });

  it("is looked at when it is to be stopped, to the second", () => {
    for (const timeout of [1, 7, 599, 3_601]) expect(looksAt(600, 300, timeout).at(-1)).toBe(timeout);
  });

  it.each([0, 86_400])(
    "fits into the history of one execution when it takes a day and %i seconds are expected",
    (expected) => {
      // A look is a wait, a task and a choice: some ten events of 25,000.
      expect(looksAt(expected, 1, 86_400).length * 10).toBeLessThan(5_000);
    },
  );

  it("is looked at no more than thrice when it takes a tenth longer than expected", () => {
    expect(looksAt(600, 10, 660).length).toBeLessThanOrEqual(4);
  });

  it("is looked at on after its stop was asked for", () => {
    const after = { waitedSeconds: 3_700, expectedSeconds: 600, floorSeconds: 10, leftSeconds: -100 };
    expect(lookAgainIn(after)).toBe(300);
  });
});

describe("a build that was asked to stop", () => {
  it("is looked at for half an hour, each time after a longer wait that SQS takes for a delay", () => {
    const waits = Array.from({ length: MOST_STOP_LOOKS + 1 }, (_, n) => lookForStopIn(n));
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(900);
    expect(waits.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThan(1_800);
  });
});
