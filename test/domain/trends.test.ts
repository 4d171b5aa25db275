import { describe, expect, it } from "vitest";
import { hashOf } from "../../functions/contracts/hash.ts";
import type { Sqid } from "../../functions/contracts/ids.ts";
import {
  type EndEvent,
  happeningEvent,
  type LogEvent,
  type Status,
  statusEvent,
} from "../../functions/contracts/log-event.ts";
import { type Reason, reasonOf } from "../../functions/contracts/reasons.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { flakyBuildsIn } from "../../functions/domain/flakes.ts";
import { foldProgress, NO_PROGRESS } from "../../functions/domain/progress.ts";
import {
  endTallyOf,
  hourOf,
  percentileOf,
  secondsOf,
  shownPercentile,
  stepOf,
  sumOf,
  type Tally,
} from "../../functions/domain/trends.ts";

const sqid = "main/7" as Sqid;
const status = (name: Status, seconds: number, details = {}) =>
  statusEvent(sqid, name, epochMs(seconds * 1_000), details);
/** A build key of that name: log entries with another key are none of a build. */
const keyOf = (name: string): string => (name.length === 32 ? name : hashOf(name).slice(0, 32));
const build = (
  event: "building" | "built" | "build_failed" | "retrying",
  key: string,
  seconds: number,
  batch = "7",
  reason?: Reason,
  repeatedBy?: string,
) =>
  happeningEvent(sqid, event, epochMs(seconds * 1_000), {
    occurrence: key,
    metadata: {
      build_key: keyOf(key),
      batch_id: `main/batch/${batch}`,
      ...(repeatedBy === undefined ? {} : { repeated_by: keyOf(repeatedBy) }),
    },
    reason,
  });
const RECEIVED_AT = epochMs(100_000);
const endOf = (entries: readonly LogEvent[]) =>
  endTallyOf(entries.at(-1) as EndEvent, {
    receivedAt: RECEIVED_AT,
    builds: entries.reduce(foldProgress, NO_PROGRESS).builds,
    flaky: flakyBuildsIn(entries).map(({ buildKey }) => buildKey),
  });

describe("the end of a request", () => {
  it("that landed adds its time to land, and its own builds by how they came out", () => {
    const end = endOf([
      status("accepted", 100),
      build("building", "a", 110),
      build("build_failed", "a", 120),
      build("retrying", "a", 121),
      build("building", "b", 130),
      build("built", "b", 190),
      build("building", "given up", 140),
      status("landed", 200),
    ]);
    expect(end).toMatchObject({ number: 7, endedAt: 200_000 });
    expect(end?.tally.counters).toEqual({
      landed: 1,
      refused: 0,
      cancelled: 0,
      builds: 3,
      passed: 1,
      failed: 0,
      retried: 1,
      flaky: 0,
      buildMs: 70_000,
    });
    expect(end?.tally.times).toEqual({ [stepOf(100)]: 1 });
  });

  it("counts as flaky the failed builds whose repeat passed, and neither those of the infrastructure nor another request's", () => {
    const [own, brokenDown, other, passes] = ["1", "2", "3", "4"].map((digit) => digit.repeat(32)) as [
      string,
      ...string[],
    ];
    const failed = reasonOf("build.failed", "exit code 1");
    const repeated = (key = "", reason = failed, batch = "7") => [
      build("building", key, 1, batch),
      build("build_failed", key, 2, batch, reason),
      build("retrying", key, 3, batch, reason, passes),
    ];
    const end = endOf([
      ...repeated(own),
      ...repeated(brokenDown, reasonOf("build.infrastructure", "no machine")),
      ...repeated(other, failed, "6"),
      build("building", passes ?? "", 4),
      build("built", passes ?? "", 5),
      status("landed", 6),
    ]);
    expect(end?.tally.counters).toMatchObject({ builds: 3, retried: 2, flaky: 1, passed: 1 });
  });

  it("that was refused adds its reason and no time", () => {
    const reason = reasonOf("build.failed", "Exit code 1");
    const end = endOf([
      status("accepted", 0),
      build("building", "a", 1),
      build("build_failed", "a", 2),
      status("error", 3, { reason }),
    ]);
    expect(end?.tally).toMatchObject({
      counters: { refused: 1, landed: 0, failed: 1 },
      times: {},
      reasons: { "build.failed": 1 },
    });
  });

  it("counts a bundle's build for the request of its first head only", () => {
    const entries = [build("building", "other's", 1, "6"), build("building", "own", 2)];
    expect(endOf([...entries, status("cancelled", 9)])?.tally.counters).toMatchObject({ builds: 1, cancelled: 1 });
  });
});

describe("tallies", () => {
  const landedAfter = (...seconds: readonly number[]): Tally =>
    sumOf(
      seconds.map((s) => ({
        counters: {
          landed: 1,
          refused: 0,
          cancelled: 0,
          builds: 0,
          passed: 0,
          failed: 0,
          retried: 0,
          flaky: 0,
          buildMs: 0,
        },
        times: { [stepOf(s)]: 1 },
        reasons: {},
      })),
    );

  it("know a percentile to five per cent, from a second to a week", () => {
    for (const s of [1, 2, 10, 61, 299, 3_600, 86_400, 604_800]) {
      const found = percentileOf(landedAfter(s), 0.5) ?? 0;
      expect(found / s, `${s} s`).toBeGreaterThan(0.94);
      expect(found / s, `${s} s`).toBeLessThan(1.06);
    }
  });

  it("show a percentile to three digits, and none where nothing landed", () => {
    expect(shownPercentile(landedAfter(61), 0.5)).toBe(
      Number((percentileOf(landedAfter(61), 0.5) ?? 0).toPrecision(3)),
    );
    expect(String(shownPercentile(landedAfter(61), 0.5))).toMatch(/^\d\d\.\d$/);
    expect(shownPercentile(landedAfter(), 0.5)).toBeUndefined();
  });

  it("tell the median from the 95th percentile, and sum up over hours", () => {
    const slow = landedAfter(1_000);
    const quick = landedAfter(...Array.from({ length: 9 }, () => 10));
    const day = sumOf([slow, quick]);
    expect(percentileOf(day, 0.5)).toBeCloseTo(secondsOf(stepOf(10)));
    expect(percentileOf(day, 0.95)).toBeCloseTo(secondsOf(stepOf(1_000)));
    expect(day.counters.landed).toBe(10);
    expect(percentileOf(sumOf([]), 0.5)).toBeUndefined();
  });

  it("fall into steps that each end at 1.1 times the end of the step before", () => {
    expect([1, 55, 60, 63, 604_800].map(stepOf)).toEqual([0, 43, 43, 44, 140]);
    expect(secondsOf(43)).toBeCloseTo(57.4, 1);
  });

  it("belong to the hour that holds their moment", () => {
    expect(hourOf(epochMs(3_600_000))).toBe(3_600_000);
    expect(hourOf(epochMs(7_199_999))).toBe(3_600_000);
  });
});
