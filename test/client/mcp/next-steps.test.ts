import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NEXT_BY_ERROR, NEXT_BY_REASON } from "../../../client/mcp/next-steps.ts";
import { LandOutcome, Outcome, outcomeOf, trialOutcome } from "../../../client/mcp/outcome.ts";
import { Trial } from "../../../functions/contracts/api/question-views.ts";
import { RequestSummary, Why } from "../../../functions/contracts/api/request-views.ts";
import { ReasonCode } from "../../../functions/contracts/reasons.ts";

const GUIDE = readFileSync("doc/howto/agents.md", "utf8");
const SKILL = readFileSync("doc/howto/agent-skill/SKILL.md", "utf8");
const AT = "2026-11-25T10:00:00.000Z";

const CHANGE = `git://h/r/refs%2Fheads%2Fx/${"a".repeat(40)}`;

const aRequest = (more: object) =>
  RequestSummary.parse({
    sqid: "main/7",
    queue: "main",
    number: 7,
    status: "error",
    ended: true,
    changes: [CHANGE],
    strategy: "REBASE",
    priority: 0,
    receivedAt: AT,
    updatedAt: AT,
    metadata: {},
    ...more,
  });
const aWhy = (more: object = {}) =>
  Why.parse({ sqid: "main/7", status: "error", ended: true, since: AT, builds: [], sentence: "It failed.", ...more });

describe("the next steps for an agent", () => {
  it.each([...Object.entries(NEXT_BY_REASON), ...Object.entries(NEXT_BY_ERROR)])(
    "about %s is in the guide",
    (code, next) => {
      expect(GUIDE).toContain(`| \`${code}\` | ${next} |`);
    },
  );

  it("names only codes that there are in the skill", () => {
    const known = new Set([...Object.keys(NEXT_BY_REASON), ...Object.keys(NEXT_BY_ERROR)]);
    const named = [...SKILL.matchAll(/`([a-z]+\.[a-z_]+)`/g)].map(([, code]) => code ?? "");
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((code) => !known.has(code))).toEqual([]);
  });

  it.each(ReasonCode.options)("says what comes next after %s", (code) => {
    const outcome = outcomeOf(aRequest({ reason: { code, message: "No.\nline 1\nline 2" } }), aWhy());
    expect(Outcome.parse(outcome).next).toBe(NEXT_BY_REASON[code]);
    expect(outcome.refusal?.code).toBe(code);
  });

  it("says after a trial whether to land, to mend the change, or to ask again", () => {
    const trial = (more: object) =>
      Trial.parse({
        id: "a".repeat(32),
        queue: "main",
        state: "answered",
        sentence: "So it is.",
        askedAt: AT,
        expiresAt: AT,
        changes: [CHANGE],
        strategy: "REBASE",
        ...more,
      });
    const told = (more: object) => LandOutcome.parse(trialOutcome(trial(more)));
    expect(told({ mergeable: true }).next).toBe("Call land without dryRun.");
    const reason = { code: "merge.conflict", message: "It does not apply." };
    expect(told({ mergeable: false, reason })).toMatchObject({
      landed: false,
      refusal: { code: "merge.conflict", sentence: "It does not apply." },
      next: NEXT_BY_REASON["merge.conflict"],
    });
    expect(told({ state: "waiting" }).next).toContain("again in a minute");
  });

  it("quotes the last lines of a failing check, and where the rest is", () => {
    const build = { buildKey: "0".repeat(32), outcome: "failed", url: "https://ci/7", at: AT };
    const reason = { code: "build.failed", message: "Build 7: exit code 1.\nFAIL a\nFAIL b" };
    expect(outcomeOf(aRequest({ reason }), aWhy({ builds: [build] })).refusal).toEqual({
      code: "build.failed",
      sentence: "Build 7: exit code 1.",
      failingCheck: { url: "https://ci/7", lastLines: ["FAIL a", "FAIL b"] },
    });
  });

  it("has nothing to refuse in a request that landed or is in flight", () => {
    const landed = outcomeOf(aRequest({ status: "landed", metadata: { commit: "c0ffee" } }), aWhy(), "landed");
    expect(landed).toMatchObject({ phase: "ended", landed: true, commit: "c0ffee", already: "landed" });
    const waiting = outcomeOf(aRequest({ status: "speculating", ended: false }), aWhy());
    expect(waiting).toMatchObject({ phase: "queued", landed: false, next: expect.stringContaining("wait") });
    expect([landed.refusal, waiting.refusal]).toEqual([undefined, undefined]);
  });
});
