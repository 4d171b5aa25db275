import { describe, expect, it } from "vitest";
import { BatchId, GitSha } from "../../../functions/contracts/ids.ts";
import { AWS_LIMITS } from "../../../functions/contracts/limits.ts";
import { LandBatch } from "../../../functions/contracts/messages/landing-messages.ts";
import { LandFinished, LandHeld, signalsTopic } from "../../../functions/contracts/messages/signals.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import { asciiJson } from "../../../functions/contracts/text.ts";
import { answersOf, type Results, shortened } from "../../../functions/handlers/runway/answers.ts";

const sha = GitSha.parse("a".repeat(40));
const batchId = (n: number) => BatchId.parse(`q/batch/${n}`);
const landed = (commits: number) => ({
  ...{ kind: "landed" as const, commit: sha, tree: sha, testedTree: sha },
  commits: Array.from({ length: commits }, (_, n) => GitSha.parse(n.toString(16).padStart(40, "0"))),
});
const resultsOf = (count: number, commits: number): Results =>
  Array.from({ length: count }, (_, n) => ({ batchId: batchId(n + 1), outcome: landed(commits) }));

const unit = { steps: [{ sqid: "q/1", changes: [`git://h/r/refs%2Fheads%2Fa/${sha}`], strategy: "REBASE" }] };
const tested = { commit: sha, tree: sha, trunk: sha };
const message = LandBatch.parse({
  ...{ v: 1, kind: "land-batch", id: "land-1", queue: "q", installation: "here" },
  batches: [{ ...unit, batchId: batchId(1), tested, exact: true }],
});

describe("the answer to a landing", () => {
  it("that the host has stopped halfway is one signal, however many commits have landed before", () => {
    const results = [...shortened(resultsOf(3, 9_000))];
    const reason = reasonOf("repository.refused", "no");
    const held = { v: 1, kind: "land-held", queue: "q", landId: "l", held: [batchId(4)], results, reason, at: 1 };
    expect(asciiJson(LandHeld.parse(held)).length).toBeLessThan(AWS_LIMITS.messageBytes);
    expect(results.map(({ outcome }) => outcome.kind === "landed" && outcome.commits.at(-1))).toEqual(
      resultsOf(3, 9_000).map(({ outcome }) => outcome.kind === "landed" && outcome.commits.at(-1)),
    );
  });

  it("is one signal that holds all that is known, as a rule", () => {
    const [answer, ...more] = answersOf(message, resultsOf(3, 10));
    expect(more).toEqual([]);
    expect(answer).toEqual({ v: 1, kind: "land-finished", queue: "q", landId: "land-1", results: resultsOf(3, 10) });
  });

  it.each([
    [1, 1_000],
    [20, 1_000],
    [2_000, 3],
  ])("of %i batches of %i commits each is as many signals as fit, each a message of its own", (count, commits) => {
    const answers = answersOf(message, resultsOf(count, commits));
    for (const answer of answers) {
      expect(asciiJson(answer).length).toBeLessThan(AWS_LIMITS.messageBytes);
      expect(LandFinished.parse(answer)).toEqual(answer);
    }
    expect(answers.flatMap(({ results }) => results.map((result) => result.batchId))).toEqual(
      Array.from({ length: count }, (_, n) => batchId(n + 1)),
    );
    expect(new Set(answers.map((answer) => signalsTopic.fifo?.dedup(answer))).size).toBe(answers.length);
    for (const { outcome } of answers.flatMap(({ results }) => results))
      expect(outcome.kind === "landed" && outcome.commits.length).toBeGreaterThan(0);
    expect(answersOf(message, resultsOf(count, commits))).toEqual(answers);
  });
});
