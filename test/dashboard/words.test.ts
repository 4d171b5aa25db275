import { describe, expect, it } from "vitest";
import { phaseOf } from "../../dashboard/queue/phase.ts";
import { wordsOfReason } from "../../dashboard/trends/reasons.ts";
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
});
