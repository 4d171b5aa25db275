import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchGetCommand, DynamoDBDocumentClient, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { putAll } from "../../../functions/adapters/dynamodb/batch-write.ts";
import { viewStore } from "../../../functions/adapters/dynamodb/view-store.ts";
import type { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { partsOfSqid, type QueueName, type RequestNumber, sqidOf } from "../../../functions/contracts/ids.ts";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import type { Land } from "../../../functions/contracts/messages/request-messages.ts";
import { viewKeys } from "../../../functions/contracts/tables.ts";
import { type EpochMs, epochMs } from "../../../functions/contracts/time.ts";
import { fold, openingOf, type Summary } from "../../../functions/domain/request-log.ts";
import { toEmulator } from "../../support/dynalite.ts";
import { clientWith } from "./table.ts";

const queueNamed = (name: string) => name as QueueName;
const n = (value: number) => value as RequestNumber;
const change = (name: string) => `git://h/r/refs%2Fheads%2F${name}/${"a".repeat(40)}` as ChangeUri;
const ALWAYS = { since: epochMs(0), until: epochMs(10 ** 15 - 1) };

const aLand = (queue: QueueName, number: number, receivedAt = number, changes = [change("a")]): Land => ({
  v: 1,
  kind: "land",
  queue,
  sqid: sqidOf(queue, n(number)),
  changes,
  strategy: "REBASE",
  receivedAt: epochMs(receivedAt),
});
const aSummary = (land: Land): Summary =>
  openingOf(land, partsOfSqid(land.sqid).n, statusEvent(land.sqid, "accepted", land.receivedAt));

const client = await clientWith("view");
const unreadable: string[] = [];
const view = viewStore(client, "view", ({ message }) => unreadable.push(message));
/** The requests of a queue that are not archived. */
const liveOf = async (queue: QueueName): Promise<Summary[]> => {
  const found: Summary[] = [];
  for await (const { summaries } of view.live(queue)) found.push(...summaries);
  return found;
};
const pointAt = (land: Land) => putAll(client, view.pointersOf(land));

describe("numbers", () => {
  it("begin at 1, and each queue has its own", async () => {
    const [a, b] = [queueNamed("count-a"), queueNamed("count-b")];
    expect(await view.mint(a, epochMs(5))).toEqual({ number: 1, receivedAt: 5 });
    expect(await view.mint(a, epochMs(6))).toEqual({ number: 2, receivedAt: 6 });
    expect(await view.mint(b, epochMs(7))).toEqual({ number: 1, receivedAt: 7 });
  });

  it("are unique under concurrency, and times never decrease as numbers grow, also with clocks that differ", async () => {
    const queue = queueNamed("race");
    const clocks = [50, 10, 40, 20, 30, 30, 60, 5, 45, 15];
    const minted = await Promise.all(clocks.map((at) => view.mint(queue, epochMs(at))));
    const sorted = minted.toSorted((a, b) => a.number - b.number);
    expect(sorted.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const times = sorted.map(({ receivedAt }) => receivedAt);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("a clock that was far ahead once gives out no time after that: not of numbers, of keys, and of the trunk", async () => {
    const queue = queueNamed("far-ahead");
    const [now, ahead] = [epochMs(1_000_000), epochMs(900_000_000)];
    await view.mint(queue, ahead);
    expect(await view.mint(queue, now)).toEqual({ number: 2, receivedAt: now });
    expect(await view.mint(queue, epochMs(now - 9))).toEqual({ number: 3, receivedAt: now });
    const use = { land: aLand(queue, 1), hash: "h" };
    await view.claimKey(queue, "k", use, ahead);
    expect(await view.beforeLand(queue, { key: "k", changes: [] }, now)).toEqual({ refused: [] });
    expect(await view.claimKey(queue, "k", use, now)).toBe(true);
    const changed = { v: 1, kind: "trunk", queue, version: 1 } as const;
    await view.setTrunk({ ...changed, at: ahead }, ahead);
    expect(await view.setTrunk({ ...changed, at: now }, now)).toBe(true);
    expect(await view.setTrunk({ ...changed, at: epochMs(now - 1) }, now)).toBe(false);
  });

  it("a clock that is behind gets the latest time given out", async () => {
    const queue = queueNamed("skew");
    await view.mint(queue, epochMs(100));
    expect(await view.mint(queue, epochMs(40))).toEqual({ number: 2, receivedAt: 100 });
    expect(await view.mint(queue, epochMs(101))).toEqual({ number: 3, receivedAt: 101 });
  });
});

describe("summaries", () => {
  it("come back as they were written, a stack in its order", async () => {
    const queue = queueNamed("keep");
    const summary = aSummary(aLand(queue, 1, 5, [change("b"), change("a"), change("c")]));
    expect(await view.createSummary(summary)).toBe(true);
    expect(await view.summary(queue, n(1))).toEqual(summary);
    expect(await view.summary(queue, n(2))).toBeUndefined();
  });

  it("are created once", async () => {
    const queue = queueNamed("once");
    expect(await view.createSummary(aSummary(aLand(queue, 1, 5)))).toBe(true);
    expect(await view.createSummary(aSummary(aLand(queue, 1, 9)))).toBe(false);
    expect((await view.summary(queue, n(1)))?.receivedAt).toBe(5);
  });

  it("are replaced only by a caller that has read the latest version", async () => {
    const queue = queueNamed("replace");
    const before = aSummary(aLand(queue, 1));
    await view.createSummary(before);
    const { sqid } = before;
    const reason = { code: "cancelled.by_caller" as const, message: "no" };
    const one = fold(before, statusEvent(sqid, "cancelling", epochMs(9), { reason, metadata: { a: 1 } }));
    const other = fold(before, statusEvent(sqid, "started", epochMs(9)));
    expect(await view.replaceSummary(one, before)).toBe(true);
    expect(await view.replaceSummary(other, before)).toBe(false);
    expect(await view.summary(queue, n(1))).toEqual(one);
    const { reason: _gone, ...rest } = { ...one, version: 3 };
    expect(await view.replaceSummary(rest, one)).toBe(true);
    expect(await view.summary(queue, n(1))).toEqual(rest);
  });

  it("of one number in two queues do not collide", async () => {
    for (const queue of ["same-a", "same-b"].map(queueNamed)) {
      const land = aLand(queue, 1);
      await view.createSummary(aSummary(land));
      await pointAt(land);
    }
    for (const queue of ["same-a", "same-b"].map(queueNamed)) {
      expect((await view.summary(queue, n(1)))?.queue).toBe(queue);
      expect((await view.received(queue, ALWAYS, 10)).pointers).toHaveLength(1);
      expect((await view.naming(queue, change("a"), ALWAYS, 10)).pointers).toHaveLength(1);
    }
  });

  it("are read many at a time; a missing one is said", async () => {
    const queue = queueNamed("many");
    const numbers = Array.from({ length: 130 }, (_, i) => n(i + 1));
    await Promise.all(numbers.map((number) => view.createSummary(aSummary(aLand(queue, number)))));
    const found = await view.summaries(queue, numbers);
    expect(
      [...found].map(([number, summary]) => [number, summary.number]).toSorted(([a = 0], [b = 0]) => a - b),
    ).toEqual(numbers.map((number) => [number, number]));
    expect(await view.summaries(queue, [])).toEqual(new Map());
    expect([...(await view.summaries(queue, [n(1), n(999)])).keys()]).toEqual([1]);
    expect(unreadable.splice(0)).toEqual(["1 listed requests of many have no summary"]);
  });
});

describe("listings", () => {
  const queue = queueNamed("list");
  // Two requests per millisecond: time alone does not order them.
  const lands = Array.from({ length: 9 }, (_, i) =>
    aLand(queue, i + 1, 100 + Math.floor(i / 2), i % 3 === 0 ? [change("third"), change("all")] : [change("all")]),
  );
  beforeAll(async () => {
    await Promise.all(lands.map((land) => pointAt(land)));
    await Promise.all(lands.map((land) => pointAt(land)));
  });
  const numbersOf = ({ pointers }: { pointers: readonly { number: number }[] }) => pointers.map(({ number }) => number);

  it.each([1, 2, 3, 4, 9, 10])("pages of %i hold every request once, newest first", async (limit) => {
    for (const read of [
      view.received.bind(view, queue, ALWAYS, limit),
      view.naming.bind(view, queue, change("all"), ALWAYS, limit),
    ]) {
      const seen: number[] = [];
      let page = await read();
      seen.push(...numbersOf(page));
      while (page.more) {
        expect(page.pointers).toHaveLength(limit);
        page = await read(page.pointers.at(-1));
        seen.push(...numbersOf(page));
      }
      expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    }
  });

  it.each([
    [100, 105, [9, 8, 7, 6, 5, 4, 3, 2, 1]],
    [101, 103, [6, 5, 4, 3]],
    [104, 200, [9]],
    [0, 100, []],
    [105, 200, []],
  ])("the window from %i to before %i holds %j", async (since, until, expected) => {
    const window = { since: epochMs(since), until: epochMs(until) };
    expect(numbersOf(await view.received(queue, window, 50))).toEqual(expected);
    expect(numbersOf(await view.naming(queue, change("all"), window, 50))).toEqual(expected);
  });

  it("by change names exactly the requests that named those bytes", async () => {
    expect(numbersOf(await view.naming(queue, change("third"), ALWAYS, 50))).toEqual([7, 4, 1]);
    expect(numbersOf(await view.naming(queue, change("Third"), ALWAYS, 50))).toEqual([]);
  });

  it("by change goes on beyond what the window leaves out", async () => {
    const window = { since: epochMs(100), until: epochMs(101) };
    expect(await view.naming(queue, change("all"), window, 1)).toEqual({
      pointers: [{ number: 2, receivedAt: 100 }],
      more: true,
    });
  });

  it("what arrives between two pages is not on the second", async () => {
    const other = queueNamed("list-arrivals");
    for (const number of [1, 2, 3]) await pointAt(aLand(other, number));
    const first = await view.received(other, ALWAYS, 2);
    await pointAt(aLand(other, 4));
    expect(numbersOf(await view.received(other, ALWAYS, 2, first.pointers.at(-1)))).toEqual([1]);
  });
});

describe("idempotency keys", () => {
  const queue = queueNamed("keys");
  const use = { land: aLand(queue, 1), hash: "h" };
  const other = { land: aLand(queue, 2), hash: "i" };
  const day = 24 * 60 * 60 * 1000;

  it("stand for their first use", async () => {
    expect(await view.beforeLand(queue, { key: "k", changes: [] }, epochMs(0))).toEqual({ refused: [] });
    expect(await view.claimKey(queue, "k", use, epochMs(0))).toBe(true);
    expect(await view.claimKey(queue, "k", other, epochMs(1000))).toBe(false);
    expect(await view.beforeLand(queue, { key: "k", changes: [] }, epochMs(1000))).toEqual({ first: use, refused: [] });
    expect(await view.beforeLand(queueNamed("keys-2"), { key: "k", changes: [] }, epochMs(1000))).toEqual({
      refused: [],
    });
  });

  it("are free again after a day, also while DynamoDB has not removed them", async () => {
    await view.claimKey(queue, "old", use, epochMs(0));
    expect(await view.beforeLand(queue, { key: "old", changes: [] }, epochMs(day - 1000))).toEqual({
      first: use,
      refused: [],
    });
    expect(await view.beforeLand(queue, { key: "old", changes: [] }, epochMs(day))).toEqual({ refused: [] });
    expect(await view.claimKey(queue, "old", other, epochMs(day))).toBe(true);
    expect(await view.beforeLand(queue, { key: "old", changes: [] }, epochMs(day))).toEqual({
      first: other,
      refused: [],
    });
  });
});

/** Later than all else that happens here. */
const NOW = epochMs(1_000_000);

describe("a summary that is archived", () => {
  const reason = { code: "build.failed" as const, message: "no" };
  const ended = (queue: QueueName, number: number, at = 50) => {
    const before = aSummary(aLand(queue, number));
    return { before, next: fold(before, statusEvent(before.sqid, "error", epochMs(at), { version: 2, reason })) };
  };

  it("is no longer among those in flight, and is read, listed and replaced as before", async () => {
    const queue = queueNamed("archive");
    const { before, next } = ended(queue, 1);
    await view.createSummary(before);
    expect(await liveOf(queue)).toEqual([before]);
    await view.replaceSummary(next, before);
    for (const _ of [1, 2]) await view.archive(next, NOW);
    expect(await liveOf(queue)).toEqual([]);
    const archived = { ...next, archived: true };
    expect(await view.summary(queue, n(1))).toEqual(archived);
    expect(await view.endedBetween(queue, epochMs(0), NOW)).toEqual([
      { number: 1, status: "error", reason, receivedAt: 1, endedAt: 50 },
    ]);
    const late = fold({ ...next, archived: true }, statusEvent(next.sqid, "landed", epochMs(60), { version: 3 }));
    expect(await view.replaceSummary(late, next)).toBe(true);
    expect(await view.summary(queue, n(1))).toEqual({ ...late, archived: true });
    expect(await liveOf(queue)).toEqual([]);
  });

  it("is found among all in flight, however many megabytes these are, and with the queue's mode once", async () => {
    const queue = queueNamed("live-large");
    const padding = "x".repeat(390_000);
    for (let number = 1; number <= 12; number++)
      await putAll(client, [
        { table: "view", item: { ...viewKeys.live(queue, n(number)), ...aSummary(aLand(queue, number)), padding } },
      ]);
    await view.setMode({ queue, mode: "paused", since: epochMs(1), version: 1 });
    expect((await liveOf(queue)).map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const modes: unknown[] = [];
    for await (const { mode } of view.live(queue)) modes.push(mode?.mode);
    expect(modes.length).toBeGreaterThan(4);
    expect(modes.filter((mode) => mode !== undefined)).toEqual(["paused"]);
  });

  it("stays among those in flight when it was changed since it was read, and the newer one counts", async () => {
    const queue = queueNamed("archive-race");
    const { before, next } = ended(queue, 1);
    await view.createSummary(before);
    await view.replaceSummary(next, before);
    const later = fold(next, statusEvent(next.sqid, "validating", epochMs(20)));
    await view.replaceSummary(later, next);
    await view.archive(next, NOW);
    expect(await liveOf(queue)).toEqual([later]);
    expect(await view.summary(queue, n(1))).toEqual(later);
    await view.archive(later, NOW);
    await view.archive(next, NOW);
    expect(await view.summary(queue, n(1))).toEqual({ ...later, archived: true });
  });

  it("is not replaced where it was", async () => {
    const queue = queueNamed("archive-moved");
    const { before, next } = ended(queue, 1);
    await view.createSummary(before);
    await view.replaceSummary(next, before);
    await view.archive(next, NOW);
    expect(await view.replaceSummary({ ...next, version: 9 }, next)).toBe(false);
  });

  it("is among the last that ended: those of the time asked for, and twenty more", async () => {
    const queue = queueNamed("archive-order");
    for (let number = 1; number <= 4; number++) {
      const { before, next } = ended(queue, number, 10 * (5 - number));
      await view.createSummary(before);
      await view.replaceSummary(next, before);
      await view.archive(next, NOW);
    }
    expect((await view.endedBetween(queue, epochMs(25), NOW)).map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });
});

it("an end that a wrong clock has written is not above those that ended later", async () => {
  const queue = queueNamed("archive-ahead");
  const HOUR = 3_600_000;
  const now = epochMs(10 * HOUR);
  const archive = async (number: number, at: number, archivedAt: EpochMs) => {
    const before = aSummary(aLand(queue, number));
    const next = fold(before, statusEvent(before.sqid, "landed", epochMs(at), { version: 2 }));
    await view.createSummary(before);
    await view.replaceSummary(next, before);
    await view.archive(next, archivedAt);
  };
  // Archived while the clock was wrong, and after the clock was put right.
  await archive(1, 20 * HOUR, epochMs(20 * HOUR));
  await archive(2, 20 * HOUR, now);
  await archive(3, 9 * HOUR, now);
  const ends = await view.endedBetween(queue, epochMs(9 * HOUR), now);
  expect(ends.map(({ number, endedAt }) => [number, endedAt])).toEqual([
    [2, now],
    [3, 9 * HOUR],
  ]);
});

describe("what a newer release wrote", () => {
  const queue = queueNamed("newer");
  const put = (item: object) => putAll(client, [{ table: "view", item: { ...item } }]);

  it("is left out of what the queue holds, of its lists and its ends, and is told", async () => {
    const [one, two] = [aSummary(aLand(queue, 1)), aSummary(aLand(queue, 2))];
    await view.createSummary(one);
    await pointAt(aLand(queue, 1));
    await put({ ...viewKeys.live(queue, n(2)), ...two, status: "frozen" });
    await put({ ...viewKeys.live(queue, n(3)), ...two, number: 3, v: 2 });
    await put({ ...viewKeys.mode(queue), queue, mode: "frozen", since: 1, version: 1 });
    await put({ ...viewKeys.trunk(queue), at: 1, red: { since: 1, commit: "none" } });
    await put({ ...viewKeys.flakes(queue), flakes: "many" });
    await put({ ...viewKeys.received(queue, 2, n(2)), number: "two" });
    await put({ ...viewKeys.ended(queue, 9, n(9)), status: "frozen" });
    const now = await view.nowOf(queue, epochMs(0));
    expect(now).toMatchObject({ summaries: [one], mode: undefined, red: undefined, flakes: { flakes: [] } });
    expect(now.unreadable.map(({ message }) => message.replace(/ can't be read.*/, ""))).toEqual([
      `the summary live#newer ${viewKeys.live(queue, n(2)).sk}`,
      `the summary live#newer ${viewKeys.live(queue, n(3)).sk}`,
      "the mode live#newer",
      "the trunk live#newer",
      "the flakes live#newer",
    ]);
    expect(await liveOf(queue)).toEqual([one]);
    expect((await view.received(queue, ALWAYS, 5)).pointers).toEqual([{ number: 1, receivedAt: 1 }]);
    expect(await view.endedBetween(queue, epochMs(0), NOW)).toEqual([]);
    expect(await view.unanswered(queue)).toEqual([one]);
    expect((await view.summaries(queue, [n(1), n(2), n(3)])).size).toBe(1);
    expect(unreadable.splice(0)).toHaveLength(6);
    await expect(view.summary(queue, n(2))).rejects.toMatchObject({ code: "store.unreadable" });
    await expect(view.mode(queue)).rejects.toMatchObject({ code: "store.unreadable" });
  });
});

describe("when DynamoDB is short of breath", () => {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(toEmulator("http://127.0.0.1:1")));
  const mock = mockClient(client);
  afterEach(() => mock.reset());
  const queue = queueNamed("throttled");
  const mocked = () => viewStore(client, "view", () => undefined);
  const [one, two] = [1, 2].map((number) => aSummary(aLand(queue, number)));
  const keyOf = (number: number) => viewKeys.summary(queue, n(number));
  const liveKeyOf = (number: number) => viewKeys.live(queue, n(number));

  it("asks again for the summaries that were left out", async () => {
    mock
      .on(BatchGetCommand)
      .resolvesOnce({
        Responses: { view: [{ ...liveKeyOf(1), ...one }] },
        UnprocessedKeys: { view: { Keys: [keyOf(2)] } },
      })
      .resolves({ Responses: { view: [{ ...keyOf(2), ...two }] } });
    expect([...(await mocked().summaries(queue, [n(1), n(2)])).keys()]).toEqual([1, 2]);
    const asked = mock.commandCalls(BatchGetCommand).map(({ args }) => args[0].input.RequestItems);
    expect(asked).toMatchObject([
      { view: { ConsistentRead: true, Keys: [1, 2].flatMap((number) => [liveKeyOf(number), keyOf(number)]) } },
      { view: { ConsistentRead: true, Keys: [keyOf(2)] } },
    ]);
  });

  it("gives up after some tries, and says that another may help", async () => {
    mock.on(BatchGetCommand).resolves({ UnprocessedKeys: { view: { Keys: [keyOf(1)] } } });
    await expect(mocked().summaries(queue, [n(1)])).rejects.toMatchObject({ code: "store.unavailable" });
  });

  it("reads on over empty pages until there is no more", async () => {
    const pointer = { number: 1, receivedAt: 5 };
    mock
      .on(QueryCommand)
      .resolvesOnce({ Items: [], LastEvaluatedKey: { pk: "p", sk: "s" } })
      .resolves({ Items: [pointer] });
    expect(await mocked().received(queue, ALWAYS, 5)).toEqual({ pointers: [pointer], more: false });
  });

  it("a throttled call is worth a retry", async () => {
    const throttle = Object.assign(new Error("slow down"), { name: "ProvisionedThroughputExceededException" });
    mock.onAnyCommand().rejects(throttle);
    await expect(mocked().summary(queue, n(1))).rejects.toMatchObject({ code: "store.unavailable" });
    await expect(mocked().mint(queue, epochMs(1))).rejects.toMatchObject({ code: "store.unavailable" });
  });
});
