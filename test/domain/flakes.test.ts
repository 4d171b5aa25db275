import { describe, expect, it } from "vitest";
import { failedTestsLine } from "../../functions/adapters/build-runner/output.ts";
import type { BuildKey, Sqid } from "../../functions/contracts/ids.ts";
import { type Happening, happeningEvent, type LogEvent } from "../../functions/contracts/log-event.ts";
import { type ReasonCode, reasonOf } from "../../functions/contracts/reasons.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { countFlaky, flakyBuildsIn, NO_FLAKES, namesIn } from "../../functions/domain/flakes.ts";

const sqid = "main/7" as Sqid;
const key = (n: number) => String(n).padStart(32, "0") as BuildKey;
const happens = (
  event: Happening,
  build: number,
  at: number,
  code?: ReasonCode,
  message = "Failed tests: a, b.",
): LogEvent =>
  happeningEvent(sqid, event, epochMs(at), {
    occurrence: key(build),
    metadata: { build_key: key(build), ...(event === "retrying" ? { repeated_by: key(build + 1) } : {}) },
    reason: code === undefined ? undefined : reasonOf(code, message),
  });

/** Build 1 fails, is repeated by build 2, and build 2 ends. */
const repeated = (end: "built" | "build_failed", code: ReasonCode = "build.failed") => [
  happens("building", 1, 10),
  happens("build_failed", 1, 20, code),
  happens("retrying", 1, 30, code),
  happens("building", 2, 31),
  happens(end, 2, 40, end === "built" ? undefined : "build.failed"),
];

describe("the names in the reason of a failed build", () => {
  it.each([
    [`red\n${failedTestsLine(["cart › adds up", "cart › is empty"])}`, ["cart › adds up", "cart › is empty"]],
    [failedTestsLine(["a", "b", "c", "d", "e", "f"]), ["a", "b", "c", "d", "e"]],
    ["The check unit (github-actions) ended with failure: 2 failed.\nsrc/a.ts", ["unit"]],
    ["The check ci/unit ended with timed_out.", ["ci/unit"]],
    ["exit code 1", []],
  ])("%s", (message, names) => {
    expect(namesIn(message)).toEqual(names);
  });
});

describe("a failed build", () => {
  it("was flaky when its repeat passed", () => {
    expect(flakyBuildsIn(repeated("built"))).toEqual([{ buildKey: key(1), sqid, names: ["a", "b"], at: 30 }]);
  });

  it.each([
    ["its repeat failed, too", repeated("build_failed")],
    ["the trunk was red", repeated("built", "trunk.red")],
    ["it broke down", repeated("built", "build.infrastructure")],
    [
      "its repeat was given up, and a build of another tree passed later",
      [...repeated("built").slice(0, -1), happens("building", 3, 35), happens("built", 3, 50)],
    ],
    [
      "it was not repeated",
      [happens("build_failed", 1, 20, "build.failed"), happens("building", 2, 30), happens("built", 2, 40)],
    ],
  ] as const)("was not when %s", (_, entries) => {
    expect(flakyBuildsIn(entries)).toEqual([]);
  });
});

describe("the ledger of flakes", () => {
  const flaky = (build: number, n: number, names = ["a"], at = build) => ({
    buildKey: key(build),
    sqid: `main/${n}` as Sqid,
    names,
    at: epochMs(at),
  });

  it("counts builds and requests, and a repeat counts nothing", () => {
    const once = countFlaky(NO_FLAKES, [flaky(1, 7), flaky(2, 7), flaky(3, 8, ["a", "b"])]);
    expect(once.flakes.map(({ name, builds, requests, lastSeen }) => [name, builds, requests, lastSeen])).toEqual([
      ["b", 1, 1, 3],
      ["a", 3, 2, 3],
    ]);
    expect(countFlaky(once, [flaky(2, 7), flaky(1, 7)])).toBe(once);
  });

  it("keeps the fifty that were seen last", () => {
    const many = countFlaky(
      NO_FLAKES,
      Array.from({ length: 400 }, (_, n) => flaky(n + 1, n + 1, [`test ${n}`])),
    );
    expect(many.flakes).toHaveLength(50);
    expect([many.flakes[0]?.name, many.flakes.at(-1)?.name]).toEqual(["test 399", "test 350"]);
    expect(many.counted).toHaveLength(300);
    expect(JSON.stringify(many).length).toBeLessThan(20_000);
  });
});
