import { describe, expect, it } from "vitest";
import { budgetAdvice, leastBudget } from "../../functions/contracts/budget-size.ts";

describe("the size of a budget", () => {
  it.each([
    [20, 12, 8],
    [60, 10, 20],
    [10, 11.5, 4],
    [0, 30, 1],
    [1, 0.1, 1],
  ])("for %d changes an hour and builds of %d minutes is at least %d", (changes, minutes, least) => {
    expect(leastBudget(changes, minutes)).toBe(least);
  });

  it("is advised only to a queue that has less", () => {
    const busy = { changesPerHour: 20, buildMinutes: 12 };
    expect(budgetAdvice({ budget: 4, ...busy })).toContain("need about 8");
    expect(budgetAdvice({ budget: 8, ...busy })).toBeUndefined();
    expect(budgetAdvice({ budget: 1, changesPerHour: 0, buildMinutes: 12 })).toBeUndefined();
  });
});
