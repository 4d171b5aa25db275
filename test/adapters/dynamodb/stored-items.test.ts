import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { batchesStore } from "../../../functions/adapters/dynamodb/batches-store.ts";
import { buildsStore } from "../../../functions/adapters/dynamodb/builds-store.ts";
import { claimsStore } from "../../../functions/adapters/dynamodb/claims-store.ts";
import { requestsStore } from "../../../functions/adapters/dynamodb/requests-store.ts";
import { ChangeUri, changeKey } from "../../../functions/contracts/change-uri.ts";
import { BatchId, BuildKey, QueueName, RequestNumber, sqidOf } from "../../../functions/contracts/ids.ts";
import { AWS_LIMITS, STORED_BYTES } from "../../../functions/contracts/limits.ts";
import { batchKeys, buildKeys, claimKey, requestKey } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch, Path } from "../../../functions/domain/batch.ts";
import { bounded } from "../../../functions/domain/planner/bounded.ts";
import type { LandingRequest } from "../../../functions/domain/request.ts";
import { boundedTouches } from "../../../functions/domain/touches.ts";
import { terminate } from "../../../functions/handlers/orchestrator/termination.ts";
import { clientWith } from "./table.ts";

const client = await clientWith("items");
const batches = batchesStore(client, "items");
const requests = requestsStore(client, "items");

const sha = "a".repeat(40);
const uri = ChangeUri.parse(`git://h/r/refs%2Fheads%2Fone/${sha}`);
const at = epochMs(1_000);
const put = (Item: object) => client.send(new PutCommand({ TableName: "items", Item: { ...Item } }));
const get = async (Key: object) => (await client.send(new GetCommand({ TableName: "items", Key: { ...Key } }))).Item;

const touches = { paths: ["a"], files: 1, additions: 1, deletions: 0, authors: ["a@example.com"] };
const aPath = (queue: QueueName, n: number, overrides: Partial<Path> = {}): Path => ({
  buildKey: BuildKey.parse(n.toString(16).padStart(32, "0")),
  attempt: 1,
  heads: [BatchId.parse(`${queue}/batch/1`)],
  base: [],
  without: [],
  state: "building",
  dispatched: true,
  startedAt: at,
  ...overrides,
});
const aBatch = (queue: QueueName, overrides: Partial<Batch> = {}): Batch => ({
  ...{ queue, id: BatchId.parse(`${queue}/batch/1`), arrival: 1, position: 1, nextPosition: 1, priority: 0 },
  request: {
    sqid: sqidOf(queue, RequestNumber.parse(1)),
    changes: [uri],
    strategy: "REBASE",
    receivedAt: at,
    version: 3,
    touches,
  },
  ...{ conflicts: [], state: "speculating", paths: [aPath(queue, 1)], buildCount: 1, outbox: [], concluded: false },
  ...{ createdAt: at, version: 1 },
  ...overrides,
});
/** A batch as it is stored, changed by hand, in a queue of its own. */
let queues = 0;
async function stored(change: (item: Record<string, unknown>) => Record<string, unknown>): Promise<QueueName> {
  const queue = QueueName.parse(`stored-${++queues}`);
  const batch = aBatch(queue);
  await batches.put(batch, 0);
  await put(change((await get(batchKeys.live(queue, batch.id))) ?? {}));
  return queue;
}

describe("a stored batch", () => {
  it("without a version, a priority, an outbox and a mark that it was concluded is read with the defaults", async () => {
    const queue = await stored(({ v: _v, priority: _p, outbox: _o, concluded: _c, ...older }) => older);
    expect((await batches.live(queue)).batches).toEqual([aBatch(queue)]);
  });

  it("keeps what a later release has added, when this one writes the batch again", async () => {
    const queue = await stored((item) => ({ ...item, mood: "good" }));
    const [batch] = (await batches.live(queue)).batches;
    await batches.put({ ...(batch ?? aBatch(queue)), version: 2 }, 1);
    expect(await get(batchKeys.live(queue, BatchId.parse(`${queue}/batch/1`)))).toMatchObject({ mood: "good", v: 1 });
  });

  it.each<[what: string, change: object, says: RegExp]>([
    ["without a request", { request: undefined }, /batch#stored-\d+\/batch\/1 can't be read: .*request/],
    ["in a state that there is not", { state: "lost" }, /can't be read: .*state/],
    ["whose build has no key", { paths: [{ state: "building" }] }, /can't be read: .*paths\[0\]\.buildKey/],
    ["with a count that is no number", { buildCount: "many" }, /can't be read: .*buildCount/],
    ["with the names of an older release", { buildCount: undefined, built: 1 }, /can't be read: .*buildCount/],
    ["of a newer format", { v: 2 }, /a newer release wrote it, in format 2: deploy that release again/],
  ])("%s is an error that names the item and the fault", async (_, change, says) => {
    const queue = await stored((item) => ({ ...item, ...change }));
    const failure = { code: "store.unreadable", message: expect.stringMatching(says) };
    await expect(batches.live(queue)).rejects.toMatchObject(failure);
    await expect(batches.get(queue, BatchId.parse(`${queue}/batch/1`))).rejects.toMatchObject(failure);
  });

  it("is parsed anew when it was written again, and not when it is the same", async () => {
    const queue = await stored((item) => item);
    const [first] = (await batches.live(queue)).batches;
    expect((await batches.live(queue)).batches[0]).toBe(first);
    await batches.put(aBatch(queue, { state: "cancelling", version: 2 }), 1);
    expect((await batches.live(queue)).batches).toMatchObject([{ state: "cancelling" }]);
  });

  it("has its long lists of batches as one text, and reads them as lists", async () => {
    const queue = QueueName.parse("long");
    const ids = Array.from({ length: 2_000 }, (_, n) => BatchId.parse(`${queue}/batch/${3 * n + 1}`));
    const path = aPath(queue, 1, { base: ids, without: ids.slice(0, 3) });
    const batch = aBatch(queue, { conflicts: ids, paths: [path] });
    await batches.put(batch, 0);
    expect((await batches.live(queue)).batches).toEqual([batch]);
    expect(JSON.stringify(await get(batchKeys.live(queue, batch.id))).length).toBeLessThan(40_000);
  });
});

describe("a queue's own item", () => {
  it("that can't be read is an error that names the item", async () => {
    const queue = QueueName.parse("own");
    await batches.putQueue({ queue, installation: "here", nextArrival: 1, nextPosition: 1, version: 1 }, 0);
    const item = await get(batchKeys.queue(queue));
    expect(item).toMatchObject({ v: 1 });
    for (const change of [{ history: "{" }, { nextArrival: "one" }, { v: 9 }]) {
      await put({ ...item, ...change });
      await expect(batches.live(queue)).rejects.toMatchObject({
        code: "store.unreadable",
        message: expect.stringContaining("own#live queue can't be read"),
      });
    }
  });
});

const aRequest = (queue: QueueName, n: number): LandingRequest => ({
  ...{ queue, sqid: sqidOf(queue, RequestNumber.parse(n)), changes: [uri], strategy: "REBASE", receivedAt: at },
  ...{ state: "ready", version: 3, touches },
});

describe("requests, claims and builds", () => {
  const queue = QueueName.parse("others");

  it("that can't be read are errors that name the item; the requests beside them are listed", async () => {
    for (const n of [1, 2, 3]) await requests.create(aRequest(queue, n));
    const Key = requestKey(queue, RequestNumber.parse(2));
    await put({ ...(await get(Key)), strategy: "FORCE" });
    const unreadable: string[] = [];
    const { requests: found } = await requests.someUnfinished(queue, {
      below: undefined,
      onUnreadable: ({ message }) => unreadable.push(message),
    });
    expect(found.map(({ sqid }) => sqid)).toEqual(["others/3", "others/1"]);
    expect(unreadable).toEqual([expect.stringMatching(/^request others\/0+2 can't be read: .*strategy/)]);

    await put({ ...claimKey(queue, changeKey(uri)), owner: "nobody", uri });
    const claims = claimsStore(client, "items");
    await expect(claims.holder(queue, uri)).rejects.toMatchObject({
      code: "store.unreadable",
      message: expect.stringContaining(`the claim on ${uri} can't be read`),
    });
    const buildKey = BuildKey.parse("b".repeat(32));
    await put({ ...buildKeys(buildKey), queue });
    await expect(buildsStore(client, "items").get(buildKey)).rejects.toMatchObject({
      code: "store.unreadable",
      message: expect.stringContaining(`build ${buildKey} can't be read`),
    });
  });

  it("of a release that wrote no version are read", async () => {
    const older = QueueName.parse("older");
    await requests.create(aRequest(older, 1));
    const { v, ...item } = (await get(requestKey(older, RequestNumber.parse(1)))) ?? {};
    expect(v).toBe(1);
    await put({ ...item, mood: "unknown fields are ignored" });
    expect(await requests.get(aRequest(older, 1).sqid)).toEqual(aRequest(older, 1));
  });
});

describe("a request that touches as much as it can", () => {
  const long = (n: number, bytes: number) => `${n}-`.padEnd(bytes, "x");

  it.each<[what: string, paths: readonly string[], kept: boolean]>([
    ["950 paths of 450 bytes", Array.from({ length: 950 }, (_, n) => long(n, 450)), false],
    ["1,001 short paths", Array.from({ length: 1_001 }, (_, n) => long(n, 8)), false],
    ["few paths of many bytes", Array.from({ length: 300 }, (_, n) => `${n}${"🚀".repeat(150)}`), false],
    ["1,000 paths of 150 bytes", Array.from({ length: 1_000 }, (_, n) => long(n, 150)), true],
  ])("with %s", (_, paths, kept) => {
    expect(boundedTouches({ ...touches, paths }).paths).toEqual(kept ? paths : "everything");
  });

  it("keeps a short name for an author of 450,000 characters, the same each time, and no more than fit", () => {
    const huge = "x".repeat(450_000);
    const [once, again] = [
      boundedTouches({ ...touches, authors: [huge, "a"] }),
      boundedTouches({ ...touches, authors: [huge] }),
    ];
    expect(once.authors).toHaveLength(2);
    expect(once.authors[0]).toBe(again.authors[0]);
    expect(once.authors[0]?.length).toBeLessThan(100);
    const many = Array.from({ length: 5_000 }, (_, n) => long(n, 100));
    expect(boundedTouches({ ...touches, authors: many }).authors).toEqual(many.slice(0, STORED_BYTES.authors / 100));
  });

  it("leaves messages out that do not fit, so that the commits say what a squash says", () => {
    const messages = ["a".repeat(STORED_BYTES.messages)];
    expect(boundedTouches({ ...touches, messages }).messages).toEqual(messages);
    expect(boundedTouches({ ...touches, messages: [...messages, "b"] })).not.toHaveProperty("messages");
  });

  const queue = QueueName.parse(`q${"x".repeat(99)}`);
  const changes = Array.from({ length: 50 }, (_, n) =>
    ChangeUri.parse(`git://h/r/refs%2Fheads%2F${long(n, 150)}/${sha}?${"y".repeat(20)}`),
  );
  const most = boundedTouches({
    ...touches,
    paths: Array.from({ length: 1_000 }, (_, n) => long(n, 150)),
    authors: Array.from({ length: 5_000 }, (_, n) => long(n, 100)),
    messages: changes.map((_, n) => long(n, STORED_BYTES.messages / 50)),
  });
  const reason = { code: "build.failed", message: "\uFFFD".repeat(2_000) } as const;

  it("is stored, and can be ended with the longest of reasons", async () => {
    const request = { ...aRequest(queue, 1), changes, touches: most };
    expect(await requests.create(request)).toBe(true);
    const ending = { outcome: "error", reason, now: at, from: ["ready"] } as const;
    expect(await terminate(requests, request.sqid, ending)).toMatchObject({ kind: "ended" });
    expect(await requests.get(request.sqid)).toMatchObject({ state: "error", reason });
  });

  it("can be ended even when its item is as full as an item can be", async () => {
    const { sqid } = aRequest(queue, 2);
    const full = {
      ...aRequest(queue, 2),
      touches: { ...touches, authors: ["x".repeat(AWS_LIMITS.itemBytes - 1_000)] },
    };
    expect(await requests.create(full)).toBe(true);
    await expect(requests.replace({ ...full, reason, version: 4 })).rejects.toMatchObject({ code: "internal" });
    const ending = { outcome: "error", reason, now: at, from: ["ready"] } as const;
    expect(await terminate(requests, sqid, ending)).toMatchObject({ kind: "ended" });
  });

  it("is carried by a batch that was built often, among many others, and has much to announce", async () => {
    const ids = Array.from({ length: 2_000 }, (_, n) => BatchId.parse(`${queue}/batch/${2 * n + 1}`));
    const said = { v: 1, queue, sqid: sqidOf(queue, RequestNumber.parse(1)), at, reason, metadata: {} } as const;
    const batch = aBatch(queue, {
      request: { ...aRequest(queue, 1), changes, touches: most, version: 3 },
      conflicts: ids,
      reason,
      paths: Array.from({ length: 60 }, (_, n) =>
        aPath(queue, n, { base: ids, state: n < 59 ? "failed" : "building", reason }),
      ),
      outbox: Array.from(
        { length: 30 },
        (_, n) => ({ ...said, kind: "event", event: "retrying", id: `${n}` }) as const,
      ),
    });
    await expect(batches.put(batch, 0)).rejects.toMatchObject({ code: "internal" });
    const kept = bounded(batch);
    expect(await batches.put(kept, 0)).toBe(true);
    expect(kept.paths.at(-1)).toBe(batch.paths.at(-1));
    expect(kept.paths.length).toBeGreaterThan(1);
  });
});
