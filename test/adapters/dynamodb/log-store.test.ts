import { describe, expect, it } from "vitest";
import { putAll } from "../../../functions/adapters/dynamodb/batch-write.ts";
import { logStore } from "../../../functions/adapters/dynamodb/log-store.ts";
import type { Sqid } from "../../../functions/contracts/ids.ts";
import { happeningEvent, type StatusEvent, statusEvent } from "../../../functions/contracts/log-event.ts";
import { logKey } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { clientWith } from "./table.ts";

const client = await clientWith("log");
const unreadable: string[] = [];
const log = logStore(client, "log", ({ message }) => unreadable.push(message));

describe("the log store", () => {
  it("keeps an entry as it is, reason, metadata and all", async () => {
    const sqid = "kept/1" as Sqid;
    const entry = statusEvent(sqid, "error", epochMs(5), {
      version: 3,
      reason: { code: "build.failed", message: "it does not pass" },
      metadata: { batch_id: "kept/batch/1", attempt: 2, flaky: false },
    });
    await log.append([entry]);
    expect(await log.entries(sqid)).toEqual([entry]);
  });

  it("a repeat of an id is the same entry", async () => {
    const sqid = "repeat/1" as Sqid;
    for (const _ of [1, 2]) await log.append([statusEvent(sqid, "started", epochMs(5))]);
    expect((await log.entries(sqid)).map(({ at }) => at)).toEqual([5]);
    await log.append([]);
  });

  it("entries written together stay when one of them is written again with others, or by itself", async () => {
    const sqid = "together/1" as Sqid;
    const [a, b, c] = (["started", "validating", "validated"] as const).map((status) =>
      statusEvent(sqid, status, epochMs(5)),
    ) as [StatusEvent, StatusEvent, StatusEvent];
    await log.append([a, b]);
    await log.append([a]);
    await log.append([c, a]);
    expect(await log.entries(sqid)).toEqual([a, c, b].sort((x, y) => (x.id < y.id ? -1 : 1)));
    expect(log.itemsOf([a, b])).toEqual(log.itemsOf([a, b]));
    const keys = [[a, b], [b], [a], [a, c], [a, b, c]].map((entries) => log.itemsOf(entries)[0]?.item["sk"]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("an entry of an earlier release, which had an item of its own, is read", async () => {
    const sqid = "earlier/1" as Sqid;
    const entry = statusEvent(sqid, "started", epochMs(5));
    await putAll(client, [{ table: "log", item: { pk: logKey.pk(sqid), sk: logKey.sk(entry.id), entry } }]);
    expect(await log.entries(sqid)).toEqual([entry]);
  });

  it("occurrences keep legitimate repeats apart", async () => {
    const sqid = "occurrence/1" as Sqid;
    for (const occurrence of ["a", "b"])
      await log.append([happeningEvent(sqid, "building", epochMs(5), { occurrence })]);
    expect(await log.entries(sqid)).toHaveLength(2);
  });

  it("requests do not see each other's entries: not of another number, not of another queue", async () => {
    const sqids = ["one/1", "one/11", "two/1"] as Sqid[];
    for (const sqid of sqids) await log.append([statusEvent(sqid, "accepted", epochMs(1))]);
    for (const sqid of sqids) expect((await log.entries(sqid)).map((entry) => entry.sqid)).toEqual([sqid]);
    expect(await log.entries("one/2" as Sqid)).toEqual([]);
  });

  it("reads a log of more than one megabyte whole", async () => {
    const sqid = "long/1" as Sqid;
    const message = "x".repeat(2_000);
    const entries = Array.from({ length: 700 }, (_, i) =>
      happeningEvent(sqid, "build_failed", epochMs(i), {
        occurrence: `${i}`,
        reason: { code: "build.failed", message },
      }),
    );
    await log.append(entries);
    expect(await log.entries(sqid)).toHaveLength(700);
  });

  it("leaves out the entries and items that can't be read, and says which", async () => {
    const sqid = "newer/1" as Sqid;
    const [one, two] = [statusEvent(sqid, "started", epochMs(1)), statusEvent(sqid, "validating", epochMs(2))];
    await log.append([one, two]);
    const put = (sk: string, item: object) =>
      putAll(client, [{ table: "log", item: { pk: logKey.pk(sqid), sk, ...item } }]);
    await put("a", {
      entries: [
        { ...one, id: "newer/1/frozen", status: "frozen" },
        { ...two, id: "newer/1/x", v: 2 },
      ],
    });
    await put("b", { lines: ["an item of a newer release"] });
    expect(await log.entries(sqid)).toEqual([one, two]);
    expect(unreadable.splice(0)).toEqual([
      expect.stringMatching(/^an entry of the item log#newer\/1 a can't be read: .*status/),
      expect.stringMatching(/^an entry of the item log#newer\/1 a can't be read: a newer release wrote it/),
      expect.stringMatching(/^the item log#newer\/1 b can't be read/),
    ]);
  });

  it("a table that is not there is not something to wait for", async () => {
    const lost = logStore(client, "lost", () => undefined);
    await expect(lost.entries("q/1" as Sqid)).rejects.toMatchObject({ code: "internal" });
  });
});
