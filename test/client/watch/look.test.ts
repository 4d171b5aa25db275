import { describe, expect, it } from "vitest";
import type { QueueClient } from "../../../client/client.ts";
import type { QueueNow } from "../../../client/queue-now.ts";
import { frameOf } from "../../../client/watch/frame.ts";
import { lookAtQueue, lookAtRequests, rowOf } from "../../../client/watch/look.ts";
import { isEnded } from "../../../client/watch/row.ts";
import { START } from "../../../client/watch/scroll.ts";
import type { RequestSummary } from "../../../functions/contracts/api/request-views.ts";

const AT = "2026-11-25T10:00:00.000Z";
const at = (second: number) => `2026-11-25T10:01:0${second}.000Z`;
const queued = (number: number) => ({
  sqid: `main/${number}`,
  status: "landing" as const,
  changes: [],
  title: `Change ${number}`,
  receivedAt: AT,
  sentence: "Passed. The request is being landed.",
  builds: [],
});
const queue = (more: Partial<QueueNow>) =>
  ({
    name: "main",
    repository: "r",
    branch: "main",
    strategy: "REBASE",
    mode: "open",
    requests: [],
    ...more,
  }) as QueueNow;
const { signal } = new AbortController();

/** A queue that shows these, one after the other. */
const queueOf = (...shown: readonly QueueNow[]) => {
  let looks = 0;
  return { show: async () => shown[Math.min(looks++, shown.length - 1)] } as unknown as QueueClient;
};

describe("watching a queue", () => {
  it("keeps what has ended below what is in flight, the latest first, and says how it ended", async () => {
    const ended = (number: number, second: number) => ({
      sqid: `main/${number}`,
      status: "landed" as const,
      endedAt: at(second),
      commit: `${number}`.repeat(40),
    });
    const look = lookAtQueue(
      queueOf(
        queue({ requests: [1, 2, 3, 4].map(queued) }),
        queue({ requests: [queued(3), queued(4)], recent: [ended(2, 3), ended(1, 2)] }),
        queue({ requests: [queued(4)], recent: [ended(3, 4), ended(2, 3), ended(1, 2)] }),
      ),
    );
    await look(signal);
    await look(signal);
    const snapshot = await look(signal);
    expect(snapshot.rows.map(({ sqid }) => sqid)).toEqual(["main/4", "main/3", "main/2", "main/1"]);
    const size = { columns: 80, rows: 24, colours: false };
    const lines = frameOf(snapshot, { ...START, cursor: 1 }, size, Date.parse(at(9)));
    expect(lines).toContain("main/3: landed as 333333333333");
    // Nothing is estimated: the title has the room.
    expect(lines[1]).toBe("  REQUEST STATUS      BUILDS ELAPSED TITLE                       STATE");
  });
});

describe("watching requests", () => {
  const request = (number: number) => ({
    sqid: `main/${number}`,
    status: "speculating",
    ended: false,
    changes: [],
    receivedAt: AT,
    updatedAt: AT,
    metadata: { title: "Pay by invoice" },
  });
  const api = () => {
    const asked: unknown[] = [];
    const client = {
      request: async (number: number) => request(number),
      why: async () => ({ builds: [], sentence: "It is being built." }),
      history: async (_: number, { wait, known }: { readonly wait: number; readonly known: number }) => {
        asked.push([wait, known]);
        return { events: Array.from({ length: asked.length }, () => ({})) };
      },
    };
    return { asked, queue: client as unknown as QueueClient };
  };

  it("leaves the waiting for news of a single one to the API, once it is shown", async () => {
    const { asked, queue } = api();
    const look = lookAtRequests([{ queue, number: 1 }]);
    expect((await look(signal)).rows).toMatchObject([{ sqid: "main/1", title: "Pay by invoice" }]);
    await look(signal);
    await look(signal);
    expect(asked).toEqual([
      [0, 0],
      [25, 1],
      [25, 2],
    ]);
  });

  it("asks about several without waiting for one of them", async () => {
    const { asked, queue } = api();
    const look = lookAtRequests([1, 2].map((number) => ({ queue, number })));
    expect((await look(signal)).rows).toHaveLength(2);
    expect(asked).toEqual([]);
  });
});

it("a request that ended as only a later release knows has ended", () => {
  const request = { sqid: "main/7", status: "superseded", changes: [], receivedAt: AT, updatedAt: AT, metadata: {} };
  const row = (ended: boolean) =>
    rowOf({ ...request, ended } as unknown as RequestSummary, { builds: [], sentence: "Superseded." });
  expect([row(true), row(false)].map(isEnded)).toEqual([true, false]);
});
