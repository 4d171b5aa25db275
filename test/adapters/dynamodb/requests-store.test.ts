import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
    expect(
      (
        await requests.unfinished(other, (error) => {
          throw error;
        })
      ).map(({ sqid }) => sqid),
    ).toEqual(["other/10", "other/3", "other/1"]);
  });
});
