import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { putAll } from "../../../functions/adapters/dynamodb/batch-write.ts";
import {
  KEEP_ENDED_SECONDS,
  type RequestsStore,
  requestsStore,
} from "../../../functions/adapters/dynamodb/requests-store.ts";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { QueueName, RequestNumber, sqidOf } from "../../../functions/contracts/ids.ts";
import { requestKey } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { LandingRequest } from "../../../functions/domain/request.ts";
import { type Dynalite, startDynalite } from "../../support/dynalite.ts";

let dynalite: Dynalite;
let requests: RequestsStore;
beforeAll(async () => {
  dynalite = await startDynalite("requests");
  requests = requestsStore(dynalite.client, "requests");
});
afterAll(() => dynalite.stop());

const queue = QueueName.parse("main");
const number = (n: number) => RequestNumber.parse(n);
const aRequest = (n: number, overrides: Partial<LandingRequest> = {}): LandingRequest => ({
  queue,
  sqid: sqidOf(queue, number(n)),
  changes: [ChangeUri.parse(`git://git.example/shop/refs%2Fheads%2Fx/${"a".repeat(40)}`)],
  strategy: "REBASE",
  receivedAt: epochMs(1_000),
  state: "started",
  version: 1,
  ...overrides,
});

const some = (of: QueueName, below: RequestNumber | undefined) =>
  requests.someUnfinished(of, {
    below,
    onUnreadable: (error) => {
      throw error;
    },
  });

describe("the requests store", () => {
  it("gives back what was written, and undefined for what was not", async () => {
    const touches = { paths: ["a/b"], files: 1, additions: 2, deletions: 3, authors: ["a@example.com"] };
    const request = aRequest(1, { state: "validated", touches });
    await requests.create(request);
    expect(await requests.get(request.sqid)).toEqual(request);
    expect(await requests.get(sqidOf(queue, number(999)))).toBeUndefined();
  });

  it("creates a request once", async () => {
    expect(await requests.create(aRequest(2))).toBe(true);
    expect(await requests.create(aRequest(2, { state: "cancelled" }))).toBe(false);
    expect((await requests.get(aRequest(2).sqid))?.state).toBe("started");
  });

  it("replaces the version that the next one was derived from, and no other", async () => {
    await requests.create(aRequest(3));
    const next = aRequest(3, { state: "ready", version: 2 });
    expect(await requests.replace(next)).toBe(true);
    expect(await requests.replace({ ...next, state: "error" })).toBe(false);
    expect(await requests.replace(aRequest(4, { version: 2 }))).toBe(false);
    expect(await requests.get(next.sqid)).toEqual(next);
  });

  it("marks an ended request for removal, and no other", async () => {
    const endedAt = epochMs(5_500);
    await requests.create(aRequest(5, { state: "error", endedAt, reason: { code: "internal", message: "it broke" } }));
    await requests.create(aRequest(6));
    const ttlOf = async (n: number) =>
      (await dynalite.client.send(new GetCommand({ TableName: "requests", Key: requestKey(queue, number(n)) }))).Item?.[
        "expiresAt"
      ];
    expect(await ttlOf(5)).toBe(5 + KEEP_ENDED_SECONDS);
    expect(await ttlOf(6)).toBeUndefined();
  });

  it("lists the unfinished requests of one queue, newest first", async () => {
    const other = QueueName.parse("other");
    for (const [n, state] of [
      [1, "ready"],
      [2, "landed"],
      [3, "started"],
      [10, "validated"],
      [11, "error"],
    ] as const)
      await requests.create(aRequest(n, { queue: other, sqid: sqidOf(other, number(n)), state }));
    const { requests: found, below } = await some(other, undefined);
    expect([found.map(({ sqid }) => sqid), below]).toEqual([["other/10", "other/3", "other/1"], undefined]);
  });

  it("looks at every request in so many calls, and at the newest in each call", async () => {
    const many = QueueName.parse("many");
    const ended = Array.from({ length: 210 }, (_, i) => aRequest(i + 10, { queue: many, state: "landed" }));
    const item = ({ sqid, ...rest }: LandingRequest, n: number) => ({
      table: "requests",
      item: { ...requestKey(many, number(n)), ...rest, sqid: sqidOf(many, number(n)) },
    });
    // Five of 300 KB, of which three are a megabyte.
    const authors = ["x".repeat(300_000)];
    const old = [1, 2, 3, 4, 5].map((n) =>
      item(aRequest(n, { state: "ready", touches: { paths: [], files: 0, additions: 0, deletions: 0, authors } }), n),
    );
    await putAll(dynalite.client, [...ended.map((one, i) => item(one, i + 10)), item(aRequest(220), 220)]);
    for (const one of old) await putAll(dynalite.client, [one]);
    const rounds: (readonly string[])[] = [];
    let place: RequestNumber | undefined;
    for (let call = 0; call < 3; call++) {
      const { requests: found, below } = await some(many, place);
      rounds.push(found.map(({ sqid }) => sqid));
      place = below;
    }
    expect(rounds.every(([first]) => first === "many/220")).toBe(true);
    expect(new Set(rounds.slice(0, 2).flat())).toEqual(
      new Set(["many/220", ...[5, 4, 3, 2, 1].map((n) => `many/${n}`)]),
    );
    expect(rounds[2]).toEqual(rounds[0]);
  });
});
