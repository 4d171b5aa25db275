import { beforeEach, describe, expect, it } from "vitest";
import { QueueList } from "../../../functions/contracts/api/queue-views.ts";
import { HistoryPage, RequestPage, RequestSummary } from "../../../functions/contracts/api/request-views.ts";
import { Ping } from "../../../functions/contracts/api/service-views.ts";
import { ANONYMOUS } from "../../../functions/contracts/caller.ts";
import type { Sqid } from "../../../functions/contracts/ids.ts";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import { requestsTopic } from "../../../functions/contracts/messages/request-messages.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, START } from "./harness.ts";

const BY = { caller: "anonymous" };

withGateway();

const at = (ms: number) => new Date(START + ms).toISOString();

describe("Land", () => {
  it("answers 202 with the summary and where to find it, and sends exactly one Land message", async () => {
    const { status, headers, body } = await gateway.land([change("b"), change("a")]);
    expect(status).toBe(202);
    expect(headers).toMatchObject({ location: "/v1/queues/main/requests/1", "content-type": "application/json" });
    expect(RequestSummary.strict().parse(body)).toEqual({
      sqid: "main/1",
      caller: "anonymous",
      queue: "main",
      number: 1,
      status: "accepted",
      ended: false,
      changes: [change("b"), change("a")],
      strategy: "REBASE",
      priority: 0,
      receivedAt: at(0),
      updatedAt: at(0),
      metadata: {},
    });
    expect(gateway.sent()).toEqual([
      {
        v: 1,
        kind: "land",
        caller: ANONYMOUS,
        queue: "main",
        sqid: "main/1",
        changes: [change("b"), change("a")],
        strategy: "REBASE",
        receivedAt: START,
      },
    ]);
  });

  it("is seen by every read at once", async () => {
    const { body } = await gateway.land([change("a")]);
    expect((await gateway.get("/v1/queues/main/requests/1")).body).toEqual(body);
    expect((await gateway.get("/v1/queues/main/requests")).body.requests).toEqual([body]);
    expect(
      (await gateway.get(`/v1/queues/main/requests?change=${encodeURIComponent(change("a"))}`)).body.requests,
    ).toEqual([body]);
    const { events } = HistoryPage.parse((await gateway.get("/v1/queues/main/requests/1/history")).body);
    expect(events).toEqual([{ id: "main/1/accepted", at: at(0), kind: "status", status: "accepted", metadata: BY }]);
  });

  it("counts from 1 in each queue, and uses the queue's strategy unless told another", async () => {
    expect((await gateway.land([change("a")])).body).toMatchObject({ sqid: "main/1", strategy: "REBASE" });
    expect((await gateway.land([change("b")], { strategy: "SQUASH_REBASE" })).body).toMatchObject({
      sqid: "main/2",
      strategy: "SQUASH_REBASE",
    });
    expect((await gateway.land([change("a")], {}, {}, "other")).body).toMatchObject({
      sqid: "other/1",
      strategy: "MERGE",
    });
  });

  it("hands on the priority that it was asked for, up to the queue's highest", async () => {
    const { status, body } = await gateway.land([change("a")], { priority: 5 }, {}, "other");
    expect([status, body.priority]).toEqual([202, 5]);
    expect(gateway.sent()).toMatchObject([{ kind: "land", sqid: "other/1", priority: 5 }]);
    expect((await gateway.get("/v1/queues/other/requests/1")).body).toEqual(body);
    const beyond = await gateway.land([change("b")], { priority: 6 }, {}, "other");
    expect([beyond.status, beyond.body.detail]).toEqual([400, expect.stringContaining("from 0 to 5")]);
  });

  it("takes as many messages' worth of changes as it says: fifty of 1,024 characters", async () => {
    const changes = Array.from(
      { length: 50 },
      (_, i) => `${change("x")}?${`${i}`.padStart(1_024 - change("x").length - 1, "p")}`,
    );
    expect((await gateway.land(changes)).status).toBe(202);
    expect(gateway.sent()[0]).toMatchObject({ changes });
  });

  it("reads a body that API Gateway handed over in base64", async () => {
    const raw = JSON.stringify({ changes: [change("a")] });
    const headers = { "content-type": "application/json; charset=utf-8" };
    expect((await gateway.call("POST", "/v1/queues/main/requests", { raw, base64: true, headers })).status).toBe(202);
  });

  it("costs one read, two writes and one message; under a key three writes", async () => {
    const land = (headers: Record<string, string>) => gateway.land([change("a"), change("b")], {}, headers);
    expect(await gateway.costOf(() => land({}))).toEqual(["BatchGet", "Update", "Put", "SendMessage"]);
    expect(await gateway.costOf(() => land({ "idempotency-key": "k" }))).toEqual([
      ...["BatchGet", "Update", "Put"],
      ...["Put", "SendMessage"],
    ]);
  });
});

describe("Land with an Idempotency-Key", () => {
  const key = { "idempotency-key": "k-1" };

  it("answers a repeat with the same request, and sends nothing more", async () => {
    const first = await gateway.land([change("a")], {}, key);
    const again = await gateway.land([change("a")], {}, key);
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect(again.headers["location"]).toBe(first.headers["location"]);
    expect(gateway.sent()).toHaveLength(1);
    expect((await gateway.get("/v1/queues/main/requests")).body.requests).toHaveLength(1);
  });

  it("shows a repeat where the request stands by now, and repeats nothing", async () => {
    await gateway.land([change("a")], {}, key);
    await gateway.deliver(statusEvent("main/1" as Sqid, "started", epochMs(START + 5)));
    const calls = await gateway.costOf(async () => {
      expect((await gateway.land([change("a")], {}, key)).body).toMatchObject({ sqid: "main/1", status: "started" });
    });
    expect(calls).toEqual(["BatchGet", "BatchGet"]);
  });

  it("is refused for anything else: other changes, another order, another strategy, another priority", async () => {
    await gateway.land([change("a"), change("b")], { priority: 1 }, key, "other");
    for (const [changes, more] of [
      [[change("a")], { priority: 1 }],
      [[change("b"), change("a")], { priority: 1 }],
      [[change("a"), change("b")], { priority: 1, strategy: "REBASE" }],
      [[change("a"), change("b")], { priority: 2 }],
      [[change("a"), change("b")], {}],
    ] as const) {
      const { status, body } = await gateway.land(changes, more, key, "other");
      expect([status, body.code]).toEqual([409, "request.idempotency_conflict"]);
      expect(body.detail).toContain("other/1");
    }
    expect(gateway.sent()).toHaveLength(1);
  });

  it("belongs to one queue, and is free again after a day", async () => {
    await gateway.land([change("a")], {}, key);
    expect((await gateway.land([change("b")], {}, key, "other")).body.sqid).toBe("other/1");
    gateway.clock.at += 24 * 60 * 60 * 1000;
    expect((await gateway.land([change("b")], {}, key)).body.sqid).toBe("main/2");
  });

  it("used by several calls at once stands for one request", async () => {
    const replies = await Promise.all([1, 2, 3, 4, 5].map(() => gateway.land([change("a")], {}, key)));
    expect(new Set(replies.map(({ body }) => body.sqid)).size).toBe(1);
    expect((await gateway.get("/v1/queues/main/requests")).body.requests).toHaveLength(1);
    expect(gateway.sent()).toHaveLength(1);
  });
});

describe("Cancel", () => {
  beforeEach(async () => {
    await gateway.land([change("a")]);
    gateway.clock.at += 10;
  });
  const history = async () =>
    HistoryPage.parse((await gateway.get("/v1/queues/main/requests/1/history")).body).events.map(
      ({ status, event }) => status ?? event,
    );

  it("answers 202 with the summary, is seen at once, and sends one Cancel behind the Land", async () => {
    const { status, body } = await gateway.cancel(1, { body: { reason: "wrong branch" } });
    expect(status).toBe(202);
    expect(body).toMatchObject({
      sqid: "main/1",
      status: "cancelling",
      ended: false,
      reason: { code: "cancelled.by_caller", message: "wrong branch" },
      updatedAt: at(10),
    });
    expect((await gateway.get("/v1/queues/main/requests/1")).body).toEqual(body);
    expect(await history()).toEqual(["accepted", "cancelling"]);
    const sent = gateway.sent();
    expect(sent.map(({ kind }) => kind)).toEqual(["land", "cancel"]);
    expect(sent[1]).toEqual({
      v: 1,
      kind: "cancel",
      caller: "anonymous",
      queue: "main",
      sqid: "main/1",
      note: "wrong branch",
      at: START + 10,
    });
    expect(new Set(sent.map((message) => requestsTopic.fifo?.group(message))).size).toBe(1);
  });

  it.each([
    ["no body", {}],
    ["an empty body", { raw: "", headers: { "content-type": "application/json" } }],
    ["an empty object", { body: {} }],
    ["a blank reason", { body: { reason: "  " } }],
  ])("needs no reason: %s", async (_what, sending) => {
    const { status, body } = await gateway.cancel(1, sending);
    expect(status).toBe(202);
    expect(body.reason.code).toBe("cancelled.by_caller");
    expect(gateway.sent()[1]).not.toHaveProperty("note");
  });

  it("repeated, changes nothing: the first reason stands, the log and the topic hold one", async () => {
    await gateway.cancel(1, { body: { reason: "first" } });
    gateway.clock.at += 10;
    const { status, body } = await gateway.cancel(1, { body: { reason: "second" } });
    expect([status, body.status, body.reason.message]).toEqual([202, "cancelling", "first"]);
    expect(await history()).toEqual(["accepted", "cancelling"]);
    expect(gateway.sent().map(({ kind }) => kind)).toEqual(["land", "cancel"]);
  });

  it.each(["landed", "error", "cancelled"] as const)(
    "of a %s request answers how it ended, and writes and sends nothing",
    async (status) => {
      await gateway.deliver(statusEvent("main/1" as Sqid, status, epochMs(START + 5), { version: 3 }));
      const calls = await gateway.costOf(async () => {
        expect((await gateway.cancel(1)).body).toMatchObject({ status, ended: true });
      });
      expect(calls).toEqual(["BatchGet"]);
      expect(gateway.sent()).toHaveLength(1);
    },
  );

  it("of a request that was never made is land.unknown, and sends no message", async () => {
    const { status, body } = await gateway.cancel(2);
    expect([status, body.code]).toEqual([404, "land.unknown"]);
    expect(gateway.sent()).toHaveLength(1);
    expect((await gateway.get("/v1/queues/main/requests/2/history")).status).toBe(404);
  });

  it("of an empty sqid reaches no request", async () => {
    expect((await gateway.call("POST", "/v1/queues/main/requests//cancel")).body.code).toBe("route.unknown");
    expect((await gateway.call("POST", "/v1/queues/main/requests/%20/cancel")).body.code).toBe("request.invalid");
  });

  it("costs one read, two writes and three messages at most", async () => {
    expect(await gateway.costOf(() => gateway.cancel(1))).toEqual([
      "BatchGet",
      "Put",
      "BatchWrite",
      "SendMessage",
      "SendMessage",
      "SendMessage",
    ]);
  });

  it("of a started request sends the Cancel, and no Land", async () => {
    await gateway.deliver(statusEvent("main/1" as Sqid, "started", epochMs(START + 5)));
    expect(await gateway.costOf(() => gateway.cancel(1))).toEqual([
      "BatchGet",
      "Put",
      "BatchWrite",
      "SendMessage",
      "SendMessage",
    ]);
  });
});

describe("List", () => {
  const numbers = (body: unknown) => RequestPage.parse(body).requests.map(({ number }) => number);
  const answered = (i: number) => statusEvent(`main/${i}` as Sqid, "started", epochMs(gateway.clock.at));
  /** The orchestrator answers two of three, so that some requests are in no list yet. */
  const fill = async (count: number) => {
    for (let i = 1; i <= count; i++) {
      await gateway.land([change("shared"), change(`c${i}`)]);
      if (i % 3 !== 0) await gateway.deliver(answered(i));
      if (i % 2 === 0) gateway.clock.at += 10;
    }
  };

  it.each([1, 2, 3, 7])("pages of %i: newest first, no gaps, no repeats", async (limit) => {
    await fill(7);
    for (const filter of ["", `&change=${encodeURIComponent(change("shared"))}`]) {
      const seen: number[] = [];
      let page = "";
      do {
        const { status, body } = await gateway.get(`/v1/queues/main/requests?limit=${limit}${filter}${page}`);
        expect(status).toBe(200);
        seen.push(...numbers(body));
        page = body.nextPage === undefined ? "" : `&page=${body.nextPage}`;
      } while (page !== "");
      expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1]);
    }
  });

  it("holds a request that the orchestrator answers while the list is read, once", async () => {
    await fill(3);
    gateway.interpose(2, () => gateway.deliver(answered(3)));
    expect(numbers((await gateway.get("/v1/queues/main/requests")).body)).toEqual([3, 2, 1]);
  });

  it("the window holds what was received at or after since, and before until", async () => {
    await fill(7);
    const within = async (since: number, until: number) =>
      numbers((await gateway.get(`/v1/queues/main/requests?since=${at(since)}&until=${at(until)}`)).body);
    expect(await within(10, 30)).toEqual([6, 5, 4, 3]);
    expect(await within(10, 11)).toEqual([4, 3]);
    expect(await within(11, 20)).toEqual([]);
    expect(numbers((await gateway.get("/v1/queues/main/requests?until=1960-01-01T00:00:00.000Z")).body)).toEqual([]);
    expect(
      numbers(
        (await gateway.get("/v1/queues/main/requests?since=1900-01-01T00:00:00.000Z&until=9999-12-31T23:59:59.999Z"))
          .body,
      ),
    ).toHaveLength(7);
  });

  it("of another queue, of a change that no request named, and of an empty queue hold nothing", async () => {
    await fill(1);
    expect((await gateway.get("/v1/queues/other/requests")).body).toEqual({ requests: [] });
    expect((await gateway.get(`/v1/queues/main/requests?change=${encodeURIComponent(change("new"))}`)).body).toEqual({
      requests: [],
    });
  });

  it("more than a hundred requests for one change are pages, not an error", async () => {
    await Promise.all(Array.from({ length: 101 }, () => gateway.land([change("popular")])));
    await gateway.deliver(...Array.from({ length: 101 }, (_, i) => answered(i + 1)));
    const { body } = await gateway.get(
      `/v1/queues/main/requests?limit=200&change=${encodeURIComponent(change("popular"))}`,
    );
    expect(numbers(body)).toHaveLength(101);
  });

  it("a page token belongs to its queue and its bounds; the limit may change", async () => {
    await fill(5);
    const bounds = `since=${at(0)}&until=${at(1000)}`;
    const { nextPage } = (await gateway.get(`/v1/queues/main/requests?limit=2&${bounds}`)).body;
    expect(numbers((await gateway.get(`/v1/queues/main/requests?limit=9&${bounds}&page=${nextPage}`)).body)).toEqual([
      3, 2, 1,
    ]);
    for (const [queue, query] of [
      ["other", bounds],
      ["main", ""],
      ["main", `since=${at(1)}&until=${at(1000)}`],
      ["main", `since=${at(0)}&until=${at(1001)}`],
      ["main", `${bounds}&change=${encodeURIComponent(change("shared"))}`],
    ]) {
      const { status, body } = await gateway.get(`/v1/queues/${queue}/requests?${query}&page=${nextPage}`);
      expect([status, body.code]).toEqual([400, "page.invalid_token"]);
    }
  });

  const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  it.each([
    ["noise", "%21%21"],
    ["not JSON", "abcd"],
    ["not a token", token("x")],
    ["a token with more in it", token({ of: "x", receivedAt: 1, number: 1, more: 1 })],
    ["a forged one", token({ of: "x", receivedAt: -1, number: 0 })],
  ])("a page token that is %s is page.invalid_token", async (_what, page) => {
    const { status, body } = await gateway.get(`/v1/queues/main/requests?page=${page}`);
    expect([status, body.code]).toEqual([400, "page.invalid_token"]);
  });
});

describe("the other reads", () => {
  it("agree: summary, list and history say the same of a failed request", async () => {
    await gateway.land([change("a")]);
    const sqid = "main/1" as Sqid;
    const reason = { code: "build.failed" as const, message: "the tests do not pass" };
    await gateway.deliver(
      statusEvent(sqid, "started", epochMs(START + 1)),
      statusEvent(sqid, "error", epochMs(START + 2), { version: 3, reason, metadata: { batch_id: "main/batch/1" } }),
    );
    const summary = (await gateway.get("/v1/queues/main/requests/1")).body;
    expect(summary).toMatchObject({ status: "error", ended: true, reason, metadata: { batch_id: "main/batch/1" } });
    expect((await gateway.get("/v1/queues/main/requests")).body.requests).toEqual([summary]);
    const { events } = (await gateway.get("/v1/queues/main/requests/1/history")).body;
    expect(events.map(({ status }: { status: string }) => status)).toEqual(["accepted", "started", "error"]);
    expect(events.at(-1).reason).toEqual(summary.reason);
    expect(events.at(-1).at).toBe(summary.updatedAt);
  });

  it("cost one call each, a list three, a queue two at once", async () => {
    await gateway.land([change("a")]);
    expect(await gateway.costOf(() => gateway.get("/v1/queues/main/requests/1"))).toEqual(["BatchGet"]);
    const history = () => gateway.get("/v1/queues/main/requests/1/history");
    expect(await gateway.costOf(history)).toEqual(["Query", "BatchGet"]);
    await gateway.deliver(statusEvent("main/1" as Sqid, "started", epochMs(START + 5)));
    expect(await gateway.costOf(history)).toEqual(["Query"]);
    expect(await gateway.costOf(() => gateway.get("/v1/queues/main/requests"))).toEqual(["Query", "Query", "BatchGet"]);
    expect(await gateway.costOf(() => gateway.get("/v1/queues"))).toEqual(Array(3 * 2).fill("Query"));
    expect(await gateway.costOf(() => gateway.get("/v1/queues/main"))).toEqual(["Query", "Query"]);
    expect(await gateway.costOf(() => gateway.get("/v1/ping"))).toEqual([]);
  });

  it("a queue's name may come percent-encoded", async () => {
    await gateway.land([change("a")]);
    expect((await gateway.get("/v1/queues/%6Dain/requests/1")).status).toBe(200);
  });

  it("the queues are the configured ones, without their secrets", async () => {
    const { body } = await gateway.get("/v1/queues");
    expect(
      QueueList.strict()
        .parse(body)
        .queues.map(({ name, branch, strategy }) => [name, branch, strategy]),
    ).toEqual([
      ["main", "main", "REBASE"],
      ["other", "trunk", "MERGE"],
      ["promoting", "main", "PROMOTE"],
    ]);
  });

  it("ping says who, which and when", async () => {
    const { status, body } = await gateway.get("/v1/ping");
    expect(status).toBe(200);
    expect(Ping.parse(body)).toEqual({ service: "gateway", version: "1.2.3", time: at(0) });
  });
});
