import { describe, expect, it } from "vitest";
import type { RequestId } from "../../client/client.ts";
import { HistoryEntry, RequestSummary } from "../../functions/contracts/api/request-views.ts";
import type { Sqid } from "../../functions/contracts/ids.ts";
import type { Status } from "../../functions/contracts/log-event.ts";
import { entryOf, historyOf, type ReplayEntry } from "../../simulator/queue-history.ts";
import { parseReplay } from "../../simulator/replay.ts";

const at = (minute: number) => `2026-11-02T09:${String(minute).padStart(2, "0")}:00.000Z`;

const request = (number: number, status: string, endedAt: number) =>
  RequestSummary.parse({
    sqid: `shop/${number}`,
    queue: "shop",
    number,
    status,
    ended: status !== "speculating",
    changes: [`git://host/repo/refs%2Fheads%2Fx/${String(number).padStart(40, "0")}`],
    strategy: "REBASE",
    priority: 0,
    receivedAt: at(number),
    updatedAt: at(endedAt),
    metadata: {},
  });

const event = (name: string, minute: number, metadata: object = {}) =>
  HistoryEntry.parse({ id: `${name}-${minute}`, at: at(minute), kind: "event", event: name, metadata });

const batched = (behind: string) =>
  HistoryEntry.parse({ id: "batched", at: at(1), kind: "status", status: "batched", metadata: { behind } });

const build = (key: string, from: number, to: number, end = "built") => [
  event("building", from, { build_key: key }),
  event(end, to, { build_key: key }),
];

describe("the history of a queue", () => {
  it("tells of a request its arrival, the requests it was behind, the median time of its builds, and its end", () => {
    const events = [batched("1 2"), ...build("a", 5, 15), ...build("b", 16, 28, "build_failed"), ...build("c", 30, 50)];
    expect(entryOf(request(3, "landed", 52), events)).toEqual({
      id: "3",
      arrivedAt: at(3),
      behind: ["1", "2"],
      buildSeconds: 720,
      outcome: "landed",
      endedAt: at(52),
    });
  });

  it.each([
    ["that has not ended", request(3, "speculating", 4), build("a", 5, 15)],
    ["that was never built", request(3, "error", 4), [batched("")]],
  ])("leaves out a request %s", (_, summary, events) => {
    expect(entryOf(summary, events)).toBeUndefined();
  });

  it("takes the time from the first build to the end when no build finished", () => {
    const events = [event("building", 5, { build_key: "a" }), event("building", 7, { build_key: "b" })];
    expect(entryOf(request(3, "landed", 15), events)?.buildSeconds).toBe(600);
  });

  const shop = {
    async *requests() {
      yield* [request(3, "error", 40), request(2, "landed", 30), request(1, "landed", 20)];
    },
    history: async (n: RequestId) => ({
      sqid: `shop/${n}` as Sqid,
      events: [batched(n === 3 ? "1" : ""), ...build("a", Number(n), Number(n) + 10)],
    }),
  };

  it("lists requests newest first, in the format that --replay reads", async () => {
    const lines: ReplayEntry[] = [];
    for await (const line of historyOf(shop)) lines.push(line);
    expect(lines.map(({ id }) => id)).toEqual(["3", "2", "1"]);
    const replay = parseReplay(lines.map((line) => JSON.stringify(line)).join("\n"));
    expect(replay.kind === "history" && replay.workload.changes).toMatchObject([
      { conflictsAhead: [], passes: true, buildMs: 600_000 },
      { conflictsAhead: [], passes: true },
      { conflictsAhead: [0], passes: false },
    ]);
  });

  it("leaves out requests that ended as only a later release knows, and says how many", async () => {
    const superseded = (number: number) => ({ ...request(number, "error", 40), status: "superseded" as Status });
    const [lines, notices]: [ReplayEntry[], string[]] = [[], []];
    const newer = {
      ...shop,
      async *requests() {
        yield* [superseded(4), request(3, "error", 40), superseded(2)];
      },
    };
    for await (const line of historyOf(newer, {}, (notice) => notices.push(notice))) lines.push(line);
    expect(lines.map(({ id }) => id)).toEqual(["3"]);
    expect(notices).toEqual([expect.stringMatching(/^2 that ended as superseded left out: /)]);
  });
});
