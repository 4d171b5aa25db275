import { describe, expect, it } from "vitest";
import type { Sqid } from "../../../functions/contracts/ids.ts";
import { happeningEvent, type LogEvent, statusEvent } from "../../../functions/contracts/log-event.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, START } from "./harness.ts";

withGateway();

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const landAll = async (count: number) => {
  for (let n = 1; n <= count; n++) await gateway.land([change(`c${n}`)]);
};
const landed = (n: number, ms: number): LogEvent =>
  statusEvent(`main/${n}` as Sqid, "landed", epochMs(START + ms), { version: 3 });
const refused = (n: number, ms: number): LogEvent =>
  statusEvent(`main/${n}` as Sqid, "error", epochMs(START + ms), {
    version: 3,
    reason: reasonOf("build.failed", "red"),
  });
const built = (n: number, event: "building" | "built", ms: number): LogEvent =>
  happeningEvent(`main/${n}` as Sqid, event, epochMs(START + ms), {
    occurrence: `b${n}`,
    metadata: { build_key: String(n).padStart(32, "0"), batch_id: `main/batch/${n}` },
  });

const trends = async (by = "hour") => (await gateway.get(`/v1/queues/main/trends?by=${by}`)).body;

describe("trends", () => {
  it("count what became of requests, by hour, by day and by week from Monday on", async () => {
    await landAll(3);
    await gateway.deliver(built(1, "building", MINUTE), built(1, "built", 3 * MINUTE));
    await gateway.deliver(landed(1, 10 * MINUTE), refused(2, 20 * MINUTE));
    await gateway.deliver(landed(3, HOUR + 30 * MINUTE));
    gateway.clock.at = START + HOUR + 40 * MINUTE;
    const hours = await trends();
    expect(hours.buckets).toHaveLength(48);
    expect(hours.buckets.at(-2)).toMatchObject({
      start: new Date(START).toISOString(),
      landed: 1,
      refused: 1,
      builds: 1,
      passed: 1,
      buildMinutes: 2,
      reasons: { "build.failed": 1 },
    });
    expect(hours.buckets.at(-1)).toMatchObject({ landed: 1, refused: 0, reasons: {} });
    expect(hours.total).toMatchObject({ landed: 2, refused: 1, cancelled: 0 });
    expect(hours.total.p50Seconds).toBeGreaterThan(565);
    expect(hours.total.p50Seconds).toBeLessThan(635);
    const days = await trends("day");
    expect(days.buckets).toHaveLength(30);
    expect(days.buckets.at(-1)).toMatchObject({ landed: 2, refused: 1 });
    expect(days.buckets.at(-2)).toMatchObject({ landed: 0 });
    const weeks = await trends("week");
    expect(weeks.buckets).toHaveLength(4);
    expect(weeks.buckets.at(-1)).toMatchObject({ start: "2025-12-29T00:00:00.000Z", landed: 2, refused: 1 });
  });

  it("count an end once, however often and with any other entries it is delivered", async () => {
    await landAll(3);
    await gateway.deliver(landed(1, 1), landed(1, 1), refused(2, 2));
    await gateway.deliver(refused(2, 2), landed(3, 3), landed(1, 1));
    expect((await trends()).total).toMatchObject({ landed: 2, refused: 1 });
  });

  it("cost a batch one write per hour, and no read of a log", async () => {
    await landAll(4);
    const cost = await gateway.costOf(() => gateway.deliver(landed(1, 1), landed(2, 2), landed(3, 3)));
    expect(cost.filter((call) => call === "Update")).toHaveLength(1);
    expect(cost).not.toContain("Query");
    const quiet = await gateway.costOf(() => gateway.deliver(built(4, "building", 5)));
    expect(quiet).not.toContain("Update");
    expect(quiet).not.toContain("Query");
  });

  it("cost a view one Query and one GetItem, and never a Scan", async () => {
    await landAll(2);
    await gateway.deliver(landed(1, 1), landed(2, 2));
    for (const by of ["hour", "day", "week"])
      expect((await gateway.costOf(() => trends(by))).toSorted(), by).toEqual(["Get", "Query"]);
  });

  // Put (log), Get and Put (summary), Delete (marker), Query (log), Update (trends).
  it.each([1, 2, 3, 4, 5, 6].flatMap((at) => (["none", "done"] as const).map((effect) => ({ at, effect }))))(
    "are right after a crash at call $at (effect $effect), when the batch comes again",
    async ({ at, effect }) => {
      await landAll(1);
      gateway.fail({ at, effect });
      await gateway.deliver(landed(1, 5)).catch(() => {});
      gateway.heal();
      await gateway.deliver(landed(1, 5));
      expect((await trends()).total).toMatchObject({ landed: 1 });
    },
  );

  it("of a queue without any, or with a parameter that is unknown, are empty or refused", async () => {
    expect((await trends("day")).total).toMatchObject({ landed: 0, reasons: {} });
    expect((await gateway.get("/v1/queues/nope/trends")).status).toBe(404);
    expect((await gateway.get("/v1/queues/main/trends?by=year")).status).toBe(400);
  });
});
