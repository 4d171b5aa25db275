import { describe, expect, it } from "vitest";
import { HistoryPage } from "../../../functions/contracts/api/request-views.ts";
import { howLandedOf, totalsOf } from "../../../localstack/demo/how-landed.ts";

const historyOf = (status: string, metadata: Readonly<Record<string, unknown>>) =>
  HistoryPage.parse({
    sqid: "demo/9",
    events: [{ id: "demo/9/1", at: "2026-01-05T09:00:00.000Z", kind: "status", status, metadata }],
  });

describe("how a request landed", () => {
  it("is what the log says of its landing, and nothing before that", () => {
    expect(howLandedOf(historyOf("landing", { landed_together: 2, bypassed: "4" }))).toEqual({
      bypassed: [],
      landedTogether: 0,
    });
    expect(howLandedOf(historyOf("landed", { landed_together: 1 }))).toEqual({ bypassed: [], landedTogether: 1 });
    expect(howLandedOf(historyOf("landed", { landed_together: 2, bypassed: "4 7" }))).toEqual({
      bypassed: ["demo/4", "demo/7"],
      landedTogether: 2,
    });
  });

  it("adds up to how many passed others, how many shared a push, and the most that did", () => {
    const alone = { bypassed: [], landedTogether: 1 };
    expect(totalsOf([])).toEqual({ bypassing: 0, inSharedPushes: 0, largestPush: 0 });
    expect(totalsOf([alone])).toEqual({ bypassing: 0, inSharedPushes: 0, largestPush: 1 });
    const shared = [3, 3, 3, 2, 2].map((landedTogether) => ({
      bypassed: landedTogether === 2 ? ["demo/1"] : [],
      landedTogether,
    }));
    expect(totalsOf([alone, ...shared])).toEqual({ bypassing: 2, inSharedPushes: 5, largestPush: 3 });
  });
});
