import { describe, expect, it } from "vitest";
import { type HistoryEntry, HistoryPage } from "../../../functions/contracts/api.ts";
import { STATUSES } from "../../../functions/contracts/log-event.ts";
import { shortTrail, trailOf } from "../../../localstack/demo/trail.ts";

const historyOf = (...names: string[]): HistoryEntry[] =>
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
  }).events;

describe("the trail of a request", () => {
  it("tells that it landed in a train, and whom it passed", () => {
    const [entry] = historyOf("landed");
    const landed = (metadata: HistoryEntry["metadata"]) => trailOf(entry ? [{ ...entry, metadata }] : []);
    expect(landed({ train: 1 })).toEqual(["landed"]);
    expect(landed({ train: 3 })).toEqual(["landed (in a train of 3)"]);
    expect(landed({ train: 2, bypassed: "4 7" })).toEqual(["landed (in a train of 2, past 4 7)"]);
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
