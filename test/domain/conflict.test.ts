import { describe, expect, it } from "vitest";
import { QueueName } from "../../functions/contracts/ids.ts";
import { ConflictAnalyzerConfig } from "../../functions/contracts/planning-config.ts";
import type { Touches } from "../../functions/contracts/touches.ts";
import type { Batch } from "../../functions/domain/batch.ts";
import { conflictAnalyzer } from "../../functions/domain/conflict.ts";
import { boundedTouches } from "../../functions/domain/touches.ts";
import { aBatchRequest } from "../support/batch-request.ts";

const QUEUE = QueueName.parse("main");
const counted = { files: 1, additions: 1, deletions: 0, authors: [] };

const batchThat = (touches: Partial<Touches>): Batch =>
  ({ request: { ...aBatchRequest(QUEUE, 1), touches: { paths: [], ...counted, ...touches } } }) as unknown as Batch;

/** Whether two changes conflict, asked both ways. */
function conflict(config: object, one: Partial<Touches>, other: Partial<Touches>): boolean {
  const analyzer = conflictAnalyzer(ConflictAnalyzerConfig.parse(config));
  const [a, b] = [batchThat(one), batchThat(other)];
  const forwards = analyzer.conflictsOf(a, [b]).length > 0;
  expect(analyzer.conflictsOf(b, [a]).length > 0).toBe(forwards);
  return forwards;
}

describe("paths", () => {
  const config = {
    type: "paths",
    barriers: ["package-lock.json", ".github/**"],
    ignore: ["docs/**", "**/*.md"],
  };

  it.each<[string, readonly string[], readonly string[], boolean]>([
    ["the same file", ["src/a"], ["src/a", "src/b"], true],
    ["different files", ["src/a"], ["src/b"], false],
    ["a barrier", ["package-lock.json"], ["src/b"], true],
    ["a barrier below a directory", [".github/workflows/ci.yml"], ["src/b"], true],
    ["a file that is only named like a barrier", ["app/package-lock.json"], ["src/b"], false],
    ["the same ignored file", ["docs/a"], ["docs/a"], false],
    ["an ignored file, and nothing else in common", ["README.md", "src/a"], ["README.md", "src/b"], false],
    ["an ignored file, and another", ["README.md", "src/a"], ["README.md", "src/a"], true],
    ["ignored files alone, beside a barrier", ["docs/a"], ["package-lock.json"], false],
    ["two barriers", ["package-lock.json"], [".github/x"], true],
  ])("that are %s: %j and %j conflict: %s", (_, one, other, expected) => {
    expect(conflict(config, { paths: one }, { paths: other })).toBe(expected);
  });

  it("by directory leave out what is ignored before directories are compared", () => {
    const byDirectory = { ...config, by: "directory" };
    expect(conflict(byDirectory, { paths: ["src/README.md", "lib/x"] }, { paths: ["src/a"] })).toBe(false);
    expect(conflict(byDirectory, { paths: ["src/b"] }, { paths: ["src/a"] })).toBe(true);
  });

  it("that are too many to keep conflict with all, also with ignored paths", () => {
    expect(conflict(config, { paths: "everything" }, { paths: ["src/a"] })).toBe(true);
  });

  it.each(["/src/**", "./a", "../a", "a\\b", "!src/**", "src/", "", "src/[a"])(
    "refuse the glob '%s', and say where",
    (glob) => {
      const { success, error } = ConflictAnalyzerConfig.safeParse({ type: "paths", barriers: ["ok", glob] });
      expect(success).toBe(false);
      expect(error?.issues[0]?.path).toEqual(["barriers", 1]);
    },
  );
});

describe("targets", () => {
  const config = { type: "targets" };
  it.each<[string, readonly string[] | undefined, readonly string[] | undefined, boolean]>([
    ["one in common", ["//shop:cart", "//shop:ui"], ["//shop:cart"], true],
    ["none in common", ["//shop:cart"], ["//shop:ui"], false],
    ["those of one not known", undefined, ["//shop:ui"], true],
    ["those of both not known", undefined, undefined, true],
    ["none affected by one, and the other's not known", [], undefined, false],
  ])("with %s: %j and %j conflict: %s, with any files", (_, one, other, expected) => {
    const touching = (targets: readonly string[] | undefined) => ({
      paths: ["same"],
      ...(targets === undefined ? {} : { targets }),
    });
    expect(conflict(config, touching(one), touching(other))).toBe(expected);
  });

  it("beyond 20 KB are not known", () => {
    const named = (count: number) =>
      boundedTouches({
        paths: [],
        ...counted,
        targets: Array.from({ length: count }, (_, n) => `${n}`.padStart(200, "x")),
      });
    expect(named(100).targets).toHaveLength(100);
    expect(named(101)).not.toHaveProperty("targets");
  });
});
