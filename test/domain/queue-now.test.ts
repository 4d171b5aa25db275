import { expect, it } from "vitest";
import type { QueueName, RequestNumber } from "../../functions/contracts/ids.ts";
import { CLOCKS_DIFFER_MS, type EpochMs, epochMs } from "../../functions/contracts/time.ts";
import { numbersOf, type RequestEnd, recentEnds } from "../../functions/domain/queue-now.ts";
import { sumOf } from "../../functions/domain/trends.ts";

const HOUR = 3_600_000;
const now = epochMs(1_800_000_000_000);
const end = (number: number, endedAt: number): RequestEnd => ({
  number: number as RequestNumber,
  status: "landed",
  endedAt: endedAt as EpochMs,
});

it("an end that a wrong clock has written comes after all others, and counts in no hour", () => {
  const [ahead, little] = [end(1, now + 5 * HOUR), end(2, now + CLOCKS_DIFFER_MS)];
  const records = { live: [], archived: [ahead, little, end(3, now - 1), end(4, now - 2 * HOUR)], day: sumOf([]), now };
  expect(recentEnds("main" as QueueName, records).map(({ number }) => number)).toEqual([2, 3, 4, 1]);
  expect(numbersOf(records).ended.lastHour).toEqual({ landed: 2, refused: 0, cancelled: 0 });
});
