import { describe, expect, it } from "vitest";
import { HistoryPage } from "../../../functions/contracts/api.ts";
import { totalsOf, travelOf } from "../../../localstack/demo/travel.ts";

const historyOf = (status: string, metadata: Readonly<Record<string, unknown>>) =>
  HistoryPage.parse({
    sqid: "demo/9",
    events: [{ id: "demo/9/1", at: "2026-01-05T09:00:00.000Z", kind: "status", status, metadata }],
  });

describe("how a request travelled", () => {
  it("is what the log says of its landing, and nothing before that", () => {
    expect(travelOf(historyOf("landing", { train: 2, bypassed: "4" }))).toEqual({ bypassed: [], train: 0 });
    expect(travelOf(historyOf("landed", { train: 1 }))).toEqual({ bypassed: [], train: 1 });
    expect(travelOf(historyOf("landed", { train: 2, bypassed: "4 7" }))).toEqual({
      bypassed: ["demo/4", "demo/7"],
      train: 2,
    });
  });

  it("adds up to how many passed others, how many shared a push, and the most that did", () => {
    const alone = { bypassed: [], train: 1 };
    expect(totalsOf([])).toEqual({ bypassing: 0, inTrains: 0, longestTrain: 0 });
    expect(totalsOf([alone])).toEqual({ bypassing: 0, inTrains: 0, longestTrain: 1 });
    const trains = [3, 3, 3, 2, 2].map((train) => ({ bypassed: train === 2 ? ["demo/1"] : [], train }));
    expect(totalsOf([alone, ...trains])).toEqual({ bypassing: 2, inTrains: 5, longestTrain: 3 });
  });
});
