import { describe, expect, it } from "vitest";
import { ScorerConfig } from "../../../functions/contracts/planning-config.ts";
import type { BatchRequest } from "../../../functions/domain/batch.ts";
import {
  emptyHistory,
  type History,
  learnDuration,
  learnOutcome,
  predict,
} from "../../../functions/domain/speculation/history.ts";
import { FALLBACK_SUCCESS, scorerFor, tellsApart } from "../../../functions/domain/speculation/scorer.ts";
import { aReadyRequest } from "../planner/world.ts";

const request = (lines: number, author = "a@example.com"): BatchRequest => {
  const { sqid, changes, strategy, receivedAt, version } = aReadyRequest(1, ["a"]);
  const touches = { paths: ["a"], files: 1, additions: lines, deletions: 0, authors: [author] };
  return { sqid, changes, strategy, receivedAt, version, touches };
};
const score = (config: unknown, lines: number) =>
  scorerFor(ScorerConfig.parse(config), undefined)({ request: request(lines) }).success;

const buckets = [
  { upTo: 10, success: 0.9 },
  { upTo: 100, success: 0.6 },
];

describe("a scorer", () => {
  it.each([
    [{ type: "flat", success: 0.7 }, 5, 0.7],
    [{ type: "heuristic", buckets }, 10, 0.9],
    [{ type: "heuristic", buckets }, 11, 0.6],
    [{ type: "heuristic", buckets }, 101, FALLBACK_SUCCESS],
    [
      {
        type: "composite",
        by: "min",
        of: [
          { type: "flat", success: 0.8 },
          { type: "heuristic", buckets },
        ],
      },
      50,
      0.6,
    ],
    [
      {
        type: "composite",
        by: "max",
        of: [
          { type: "flat", success: 0.8 },
          { type: "heuristic", buckets },
        ],
      },
      50,
      0.8,
    ],
    [
      {
        type: "composite",
        by: "mean",
        of: [
          { type: "flat", success: 0.8 },
          { type: "heuristic", buckets },
        ],
      },
      50,
      0.7,
    ],
  ])("%j says of %i lines: %f", (config, lines, success) => {
    expect(score(config, lines)).toBeCloseTo(success, 9);
  });
});

const success = (history: History | undefined, lines: number, author?: string) =>
  predict(history, { request: request(lines, author) }).success;

describe("a queue's history", () => {
  it("predicts at first that nearly every change passes, large changes less often", () => {
    expect(success(undefined, 40)).toBeGreaterThan(0.9);
    expect(success(undefined, 10_000)).toBeLessThan(success(undefined, 10));
  });

  it("learns that one author's changes fail, without lowering the others'", () => {
    let history: History | undefined;
    for (let i = 0; i < 60; i++) {
      history = learnOutcome(history, request(40, "careless@example.com"), false);
      history = learnOutcome(history, request(40, "careful@example.com"), true);
    }
    expect(success(history, 40, "careless@example.com")).toBeLessThan(0.3);
    expect(success(history, 40, "careful@example.com")).toBeGreaterThan(0.7);
  });

  it("forgets a model of other features", () => {
    const stale = { ...emptyHistory(), features: 0 as 1, weights: [-9, 0, 0, 0, 0] };
    expect(success(stale, 40)).toBe(success(undefined, 40));
  });

  it("remembers no more than 200 authors, the last seen", () => {
    let history: History | undefined;
    for (let i = 0; i < 250; i++) history = learnOutcome(history, request(1, `author-${i}@example.com`), true);
    expect(Object.keys(history?.authors ?? {})).toHaveLength(200);
    expect(history?.authors["author-249@example.com"]).toBeDefined();
  });

  it.each(["constructor", "__proto__"])(
    "learns of the author %s, a name that every object has a property of",
    (author) => {
      const other = success(undefined, 40);
      expect(success(undefined, 40, author)).toBe(other);
      const history = learnOutcome(undefined, request(40, author), false);
      expect(Object.entries(history.authors)).toEqual([[author, [0, 1]]]);
      expect(success(history, 40, author)).toBeLessThan(success(history, 40));
    },
  );

  it("follows the build times, and hardly moves for an outlier", () => {
    let history: History | undefined;
    for (let i = 0; i < 200; i++) history = learnDuration(history, 60_000 + (i % 20) * 1_000);
    const before = history?.buildMs?.[1] ?? 0;
    history = learnDuration(history, 10_000_000);
    expect(before).toBeGreaterThan(50_000);
    expect(before).toBeLessThan(85_000);
    expect(history?.buildMs?.[1]).toBeLessThan(before * 1.1);
  });
});

it.each([
  ["a flat one", { type: "flat" }, false],
  [
    "one that is composed of flat ones",
    { type: "composite", by: "min", of: [{ type: "flat" }, { type: "flat" }] },
    false,
  ],
  ["a heuristic one", { type: "heuristic", buckets }, true],
  [
    "one that is composed of a flat one and another",
    { type: "composite", by: "min", of: [{ type: "flat" }, { type: "history" }] },
    true,
  ],
])("the scorer tells batches apart, or not: %s", (_, config, expected) => {
  expect(tellsApart(ScorerConfig.parse(config))).toBe(expected);
});
