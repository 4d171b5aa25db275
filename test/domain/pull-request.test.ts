import { describe, expect, it } from "vitest";
import type { GitSha } from "../../functions/contracts/ids.ts";
import {
  type Member,
  nextOf,
  obstacleTo,
  type PullFacts,
  type Standing,
  standingOf,
} from "../../functions/domain/pull-request.ts";

const sha = (digit: string) => digit.repeat(40) as GitSha;
const HEAD = sha("a");
const pull = (number: number, more: Partial<PullFacts> = {}): Member => ({
  number,
  commit: HEAD,
  facts: {
    number,
    state: "open",
    isDraft: false,
    head: HEAD,
    headBranch: `change-${number}`,
    base: "main",
    mergeable: "yes",
    isBlocked: false,
    decision: "approved",
    opinions: [],
    author: "ann",
    labels: [],
    ...more,
  },
});
const TERMS = { branch: "main", waitFor: ["review"] as const };
const BOTH = { branch: "main", waitFor: ["review", "checks"] as const };
const approval = (by: string, commit: string = HEAD) => ({ by, state: "approved" as const, commit });
const kindOf = (standing: Standing): string =>
  standing.kind === "fit"
    ? "fit"
    : `${standing.kind} ${standing.kind === "waits" ? standing.for : standing.reason.code}`;

describe("where a request stands", () => {
  it.each<[string, readonly Member[], string]>([
    ["one that is approved", [pull(1)], "fit"],
    [
      "a draft behind one without a review",
      [pull(1, { decision: "review_required" }), pull(2, { isDraft: true, base: "change-1" })],
      "refused change.draft",
    ],
    [
      "one without a review, of which it is not known whether it merges",
      [pull(1, { decision: "review_required", mergeable: "unknown" })],
      "waits review",
    ],
    ["a stack that is based on itself", [pull(1), pull(2, { base: "change-1" })], "fit"],
    ["a stack whose upper one is based on the branch by now", [pull(1), pull(2)], "fit"],
    ["a stack in the wrong order", [pull(2, { base: "change-1" }), pull(1)], "refused change.wrong_base"],
    [
      "one on top of a branch without a pull request",
      [{ branch: "quick", commit: HEAD }, pull(2, { base: "quick" })],
      "fit",
    ],
    ["one that GitHub does not have", [{ number: 9, commit: HEAD, facts: undefined }], "refused change.not_found"],
  ])("of %s", (_, members, expected) => {
    expect(kindOf(standingOf(members, TERMS))).toBe(expected);
  });

  it("goes by GitHub's verdict first: an approval of an older commit counts where GitHub counts it", () => {
    const rule = { approvals: 2, ofHeadCommit: true, ofOwnersOrTeams: true };
    expect(standingOf([pull(1, { opinions: [approval("bob", sha("b"))] })], { ...TERMS, rule })).toMatchObject({
      kind: "fit",
    });
  });

  it.each<
    [
      string,
      readonly ReturnType<typeof approval>[],
      { approvals: number; ofHeadCommit: boolean; ofOwnersOrTeams: boolean } | undefined,
      boolean,
      string,
    ]
  >([
    ["nothing is asked", [], undefined, true, "fit"],
    [
      "one approval is asked, and none there",
      [],
      { approvals: 1, ofHeadCommit: false, ofOwnersOrTeams: false },
      false,
      "waits review",
    ],
    [
      "one approval is asked and there",
      [approval("bob", sha("b"))],
      { approvals: 1, ofHeadCommit: false, ofOwnersOrTeams: false },
      true,
      "fit",
    ],
    [
      "an approval of the head is asked, and one of an older commit there",
      [approval("bob", sha("b"))],
      { approvals: 1, ofHeadCommit: true, ofOwnersOrTeams: false },
      false,
      "waits review",
    ],
    [
      "a team is asked, and GitHub would not merge",
      [approval("bob")],
      { approvals: 1, ofHeadCommit: false, ofOwnersOrTeams: true },
      true,
      "waits review",
    ],
    [
      "a team is asked, and GitHub would merge",
      [approval("bob")],
      { approvals: 1, ofHeadCommit: false, ofOwnersOrTeams: true },
      false,
      "fit",
    ],
  ])("without a verdict, when %s", (_, opinions, rule, isBlocked, expected) => {
    const facts = { decision: "none" as const, opinions, isBlocked };
    expect(kindOf(standingOf([pull(1, facts)], { ...TERMS, rule }))).toBe(expected);
  });

  it("a verdict about another base counts no approvals of the branch", () => {
    const rule = { approvals: 1, ofHeadCommit: false, ofOwnersOrTeams: false };
    expect(kindOf(standingOf([pull(1), pull(2, { base: "change-1" })], { ...TERMS, rule }))).toBe("waits review");
  });

  it("names the author of the last pull request", () => {
    const stack = [pull(1, { author: "ann" }), pull(2, { author: "bob" })];
    expect(standingOf(stack, TERMS)).toEqual({ kind: "fit", author: "bob" });
    expect(standingOf([{ branch: "quick", commit: HEAD }], TERMS)).toEqual({ kind: "fit" });
  });

  it("names all who asked for changes, and every check that failed", () => {
    const against = ["bob", "cleo"].map((by) => ({ by, state: "changes_requested" as const, commit: HEAD }));
    const disliked = standingOf([pull(1, { decision: "changes_requested", opinions: against })], TERMS);
    expect(disliked).toMatchObject({
      reason: { message: expect.stringMatching(/^@bob, @cleo asked for changes of #1/) },
    });
    const checks = (["passed", "failed", "failed", "pending"] as const).map((state, n) => ({ name: `c${n}`, state }));
    expect(standingOf([pull(1, { checks })], BOTH)).toMatchObject({
      reason: { message: expect.stringMatching(/^c1, c2 failed on #1/) },
    });
    expect(kindOf(standingOf([pull(1, { checks: [] })], BOTH))).toBe("waits checks");
  });
});

describe("right before the push", () => {
  it("checks and mergeability count no more, and a merged pull request is no obstacle", () => {
    const checks = [{ name: "unit", state: "failed" as const }];
    expect(obstacleTo([pull(1, { checks, mergeable: "no" })], BOTH)).toBeUndefined();
    expect(obstacleTo([pull(1, { state: "merged", isDraft: true })], BOTH)).toBeUndefined();
    expect(obstacleTo([pull(1), pull(2, { decision: "review_required" })], BOTH)?.code).toBe("change.not_reviewed");
    expect(obstacleTo([pull(1, { decision: "review_required" })], { branch: "main", waitFor: [] })).toBeUndefined();
  });

  it("a pull request on top of one that was merged meanwhile is no obstacle, while its base is still that branch", () => {
    const stack = [pull(1, { state: "merged" }), pull(2, { base: "change-1" })];
    expect(obstacleTo(stack, TERMS)).toBeUndefined();
    expect(obstacleTo([pull(1), pull(2, { base: "another" })], TERMS)?.code).toBe("change.wrong_base");
  });
});

describe("how long a request waits", () => {
  const review = standingOf([pull(1, { decision: "review_required" })], TERMS);
  const merging = standingOf([pull(1, { mergeable: "unknown" })], TERMS);

  it.each([
    [0, 5],
    [600, 60],
    [86_400, 900],
    [7 * 86_400 - 30, 30],
  ])("after %d seconds it looks again in %d", (waited, seconds) => {
    expect(nextOf(review, waited, 7 * 86_400)).toEqual({ kind: "waiting", seconds });
  });

  it("a week takes some 700 looks, and then ends the request", () => {
    let [looks, waited] = [0, 0];
    for (let next = nextOf(review, 0, 604_800); next.kind === "waiting"; looks++) {
      waited += next.seconds;
      next = nextOf(review, waited, 604_800);
    }
    expect([waited, looks > 600 && looks < 800]).toEqual([604_800, true]);
    expect(nextOf(review, waited, 604_800)).toMatchObject({ kind: "refused", reason: { code: "change.not_reviewed" } });
  });

  it("for GitHub's word on merging it waits for a minute, and goes on to the trial merge", () => {
    expect(nextOf(merging, 0, 604_800)).toEqual({ kind: "waiting", seconds: 5 });
    expect(nextOf(merging, 60, 604_800)).toEqual({ kind: "fit", author: "ann" });
  });
});
