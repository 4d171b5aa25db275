import { describe, expect, it } from "vitest";
import { pauseMs } from "../../dashboard/pace.ts";
import { phaseOf } from "../../dashboard/queue/phase.ts";
import { momentsOf } from "../../dashboard/request/timeline.ts";
import { wordsOfReason } from "../../dashboard/trends/reasons.ts";
import type { HistoryEntry } from "../../functions/contracts/api/request-views.ts";
import { ReasonCode } from "../../functions/contracts/reasons.ts";

it("a page that is not looked at does not ask, and one whose calls fail asks more rarely, half of the time by chance", () => {
  const polls = { failures: 0, feed: "polls", isHidden: false } as const;
  expect([pauseMs(polls), pauseMs({ ...polls, feed: "events" })]).toEqual([3_000, 30_000]);
  expect([0, 3].map((failures) => pauseMs({ ...polls, failures, isHidden: true }))).toEqual([undefined, undefined]);
  const after = (failures: number) => [0, 1].map((chance) => pauseMs({ ...polls, failures }, () => chance));
  expect([after(1), after(9)]).toEqual([
    [2_000, 1_000],
    [30_000, 15_000],
  ]);
});

describe("the words of the page", () => {
  it("say every reason of a refusal, and leave the code of a later release as it is", () => {
    const codes = ReasonCode.options.filter((code) => !/^(landed\.|cancelled\.by_caller$|trunk\.red$)/.test(code));
    expect(codes.filter((code) => wordsOfReason(code) === code)).toEqual([]);
    expect(["toString", "change.haunted"].map(wordsOfReason)).toEqual(["toString", "change.haunted"]);
  });

  it.each([
    [undefined, "checking"],
    ["repository", "repository down"],
    ["review", "waits for review"],
    ["checks", "waits for checks"],
  ] as const)("of a request in admission with the blocker %s are %s", (blocker, word) => {
    const facts = { status: "validated", builds: [], ...(blocker === undefined ? {} : { blocker }) } as const;
    expect(phaseOf(facts).word).toBe(word);
  });

  it("name in a timeline what only a later release knows", () => {
    const at = "2026-11-25T10:00:00.000Z";
    const events = [
      { id: "1", at, kind: "status", status: "resting", metadata: {} },
      { id: "2", at, kind: "event", event: "dreaming", metadata: {} },
    ] as unknown as readonly HistoryEntry[];
    expect(momentsOf(events).map(({ text }) => text)).toEqual(["resting", "dreaming"]);
  });
});
