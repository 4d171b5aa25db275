import { describe, expect, it } from "vitest";
import { HistoryPage } from "../../../functions/contracts/api/request-views.ts";
import { STATUSES } from "../../../functions/contracts/log-event.ts";
import { shortTrail, trailOf } from "../../../localstack/demo/trail.ts";

const historyOf = (...names: string[]): HistoryPage =>
  HistoryPage.parse({
    sqid: "demo/1",
    events: names.map((name, i) => ({
      id: `demo/1/${name}/${i}`,
      at: "2026-01-05T09:00:00.000Z",
      ...((STATUSES as readonly string[]).includes(name)
        ? { kind: "status", status: name }
        : { kind: "event", event: name }),
      metadata: {},
    })),
  });

describe("the trail of a request", () => {
  it("tells that how many landed in its push, and which requests it bypassed", () => {
    const landed = (metadata: HistoryPage["events"][number]["metadata"]) => {
      const history = historyOf("landing", "landed");
      const [, trail] = trailOf({ ...history, events: history.events.map((entry) => ({ ...entry, metadata })) });
      return trail;
    };
    expect(landed({ landed_together: 1 })).toBe("landed");
    expect(landed({ landed_together: 3 })).toBe("landed (push of 3)");
    expect(landed({ landed_together: 2, bypassed: "4 7" })).toBe("landed (push of 2, past demo/4 demo/7)");
  });

  it.each<[string[], string[]]>([
    [[], []],
    [
      ["accepted", "started"],
      ["accepted", "started"],
    ],
    [
      ["speculating", "building", "built", "landed"],
      ["speculating [building, built]", "landed"],
    ],
    [["speculating", "building", "building", "built"], ["speculating [building ×2, built]"]],
    [["speculating", "building", "built", "building"], ["speculating [building, built, building]"]],
    [["landed", "built"], ["landed [after: built]"]],
    [
      ["landed", "cancelling"],
      ["landed", "after: cancelling"],
    ],
    [
      ["building", "speculating"],
      ["… [building]", "speculating"],
    ],
  ])("of the entries %j is %j", (entries, trail) => {
    expect(trailOf(historyOf(...entries))).toEqual(trail);
  });

  it.each<[string[], string]>([
    [[], ""],
    [["accepted"], "accepted"],
    [["accepted", "started", "validating"], "accepted → started → validating"],
    [["accepted", "started", "validating", "validated"], "accepted → … → validated"],
    [["accepted", "started", "batched", "speculating [built]", "error"], "accepted → … → speculating [built] → error"],
    [
      ["accepted", "a", "b", "speculating [built]", "c", "d", "landed"],
      "accepted → … → speculating [built] → … → landed",
    ],
  ])("%j fits on a line as %s", (trail, line) => {
    expect(shortTrail(trail)).toBe(line);
  });
});
