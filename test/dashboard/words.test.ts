import { describe, expect, it } from "vitest";
import { phaseOf } from "../../dashboard/queue/phase.ts";
import { momentsOf } from "../../dashboard/request/timeline.ts";
import { wordsOfReason } from "../../dashboard/trends/reasons.ts";
import type { HistoryEntry } from "../../functions/contracts/api/request-views.ts";
import { ReasonCode } from "../../functions/contracts/reasons.ts";

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
