import { beforeEach, describe, expect, it } from "vitest";
import { QueueNow } from "../../../functions/contracts/api/queue-views.ts";
import { RequestPage } from "../../../functions/contracts/api/request-views.ts";
import { Links } from "../../../functions/contracts/api/service-views.ts";
import type { Sqid } from "../../../functions/contracts/ids.ts";
import { happeningEvent, type Metadata, type Status, statusEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, START } from "./harness.ts";

withGateway();

const at = (queue: string, n: number) => `/v1/queues/${queue}/requests/${n}`;
const status = (sqid: string, name: Status, ms: number, version = 0, metadata: Metadata = {}) =>
  statusEvent(sqid as Sqid, name, epochMs(START + ms), { version, metadata });
const event = (
  sqid: string,
  name: "building" | "built" | "blocked" | "build_stopped",
  ms: number,
  metadata: Metadata,
) => happeningEvent(sqid as Sqid, name, epochMs(START + ms), { occurrence: `${ms}`, metadata });
const key = (letter: string) => letter.repeat(32);

describe("the priority of a request", () => {
  const prioritize = (n: number, body: object) => gateway.call("PATCH", at("other", n), { body });
  beforeEach(() => gateway.land([change("a")], {}, {}, "other"));

  it("is changed at once, is told to the orchestrator, and the history says by whom", async () => {
    expect(await prioritize(1, { priority: 3, reason: "a fix" })).toMatchObject({ status: 202, body: { priority: 3 } });
    expect(await prioritize(1, { priority: 1 })).toMatchObject({ body: { priority: 1 } });
    expect((await gateway.get(at("other", 1))).body.priority).toBe(1);
    expect(gateway.sent().filter(({ kind }) => kind === "reprioritize")).toMatchObject([
      { sqid: "other/1", priority: 3, count: 1 },
      { sqid: "other/1", priority: 1, count: 2 },
    ]);
    const { events } = (await gateway.get(`${at("other", 1)}/history`)).body;
    expect(events.slice(1)).toMatchObject([
      { event: "prioritized", metadata: { caller: "anonymous", priority: 3, note: "a fix" } },
      { event: "prioritized", metadata: { caller: "anonymous", priority: 1 } },
    ]);
  });

  it("that it has already changes nothing", async () => {
    expect((await prioritize(1, { priority: 0 })).status).toBe(202);
    expect(gateway.sent().map(({ kind }) => kind)).toEqual(["land"]);
  });

  it("is told again by the sweep when the first message was lost", async () => {
    gateway.fail({ at: 3, effect: "none", forever: true });
    expect((await prioritize(1, { priority: 2 })).status).toBe(503);
    gateway.heal();
    gateway.clock.at += 61_000;
    await gateway.sweep();
    expect(gateway.sent()).toMatchObject([{ kind: "land" }, { kind: "reprioritize", priority: 2 }]);
  });

  it("is refused beyond the queue's bound, and of a request that has ended", async () => {
    expect(await prioritize(1, { priority: 6 })).toMatchObject({ status: 400, body: { code: "request.invalid" } });
    await gateway.deliver(status("other/1", "error", 9, 2));
    expect(await prioritize(1, { priority: 1 })).toMatchObject({ status: 409, body: { code: "land.ended" } });
  });
});

describe("a commit that is refused again and again", () => {
  const refuse = async (times: number) => {
    for (let n = 1; n <= times; n++) {
      await gateway.land([change("a")]);
      const reason = { code: "build.failed" as const, message: "Two tests fail." };
      await gateway.deliver(statusEvent(`main/${n}` as Sqid, "error", epochMs(START + n), { version: 2, reason }));
    }
  };

  it("is answered 409 with the last refusal after the fifth time in a day, and nothing is written", async () => {
    await refuse(5);
    const calls = await gateway.costOf(async () => {
      const { status, body } = await gateway.land([change("a")]);
      expect([status, body.code]).toEqual([409, "land.refused_too_often"]);
      expect(body.detail).toMatch(/refused 5 times .* main\/5: Two tests fail\./);
    });
    expect(calls).toEqual(["BatchGet", "BatchGet"]);
    expect((await gateway.land([change("a", "b")])).status).toBe(202);
    expect((await gateway.land([change("other"), change("a")])).status).toBe(409);
  });

  it("is taken all the same with a reason, which the log keeps, and a day later", async () => {
    await refuse(5);
    expect((await gateway.land([change("a")], { retry: true, reason: "the runner was broken" })).status).toBe(202);
    const { events } = (await gateway.get(`${at("main", 6)}/history`)).body;
    expect(events[0].metadata).toMatchObject({ retry_reason: "the runner was broken" });
    gateway.clock.at += 86_400_001;
    expect((await gateway.land([change("a")])).status).toBe(202);
  });

  it.each([{ retry: true }, { reason: "why" }, { retry: true, reason: " " }, { retry: false, reason: "why" }])(
    "%j is refused: a retry has a reason, and a reason is for a retry",
    async (more) => {
      expect((await gateway.land([change("a")], more)).body.code).toBe("request.invalid");
    },
  );

  it("is taken again however often its pull request was at fault, since that has cost no build", async () => {
    for (let n = 1; n <= 6; n++) {
      expect((await gateway.land([change("a")])).status).toBe(202);
      const reason = { code: "change.draft" as const, message: "#7 is a draft." };
      await gateway.deliver(statusEvent(`main/${n}` as Sqid, "error", epochMs(START + n), { version: 2, reason }));
    }
  });

  it("is taken a fifth time, also when a refusal is told again", async () => {
    await refuse(4);
    const reason = { code: "build.failed" as const, message: "Two tests fail." };
    const again = statusEvent("main/4" as Sqid, "error", epochMs(START + 4), { version: 2, reason });
    await gateway.deliverElsewhere(again);
    expect((await gateway.land([change("a")])).status).toBe(202);
  });
});

describe("a caller who waits", () => {
  beforeEach(() => gateway.land([change("a")]));

  it("is answered as soon as the status changes", async () => {
    const waiting = gateway.get(`${at("main", 1)}?wait=25`);
    await gateway.deliver(status("main/1", "started", 5));
    expect((await waiting).body.status).toBe("started");
  });

  it("is answered at once when the request has ended, and after so long when nothing changes", async () => {
    expect((await gateway.get(`${at("main", 1)}?wait=1`)).body.status).toBe("accepted");
    await gateway.deliver(status("main/1", "landed", 5, 2));
    const calls = await gateway.costOf(() => gateway.get(`${at("main", 1)}?wait=25`));
    expect(calls).toEqual(["BatchGet"]);
  });

  it.each(["31", "-1", "1.5", "x"])("for %s seconds is refused", async (wait) => {
    expect((await gateway.get(`${at("main", 1)}?wait=${wait}`)).status).toBe(400);
  });
});

describe("a filtered list", () => {
  beforeEach(async () => {
    for (const name of ["a", "b", "c", "d", "e"]) await gateway.land([change(name)]);
    await gateway.deliver(
      status("main/1", "landed", 10, 2),
      status("main/2", "error", 11, 2),
      status("main/3", "validating", 12, 0, { author: "ada@example.com" }),
    );
  });
  const numbers = async (query: string) =>
    RequestPage.parse((await gateway.get(`/v1/queues/main/requests?${query}`)).body).requests.map(
      ({ number }) => number,
    );

  it.each([
    ["status=active", [5, 4, 3]],
    ["status=ended", [2, 1]],
    ["status=landed", [1]],
    ["status=validating,error", [3, 2]],
    ["author=ada%40example.com", [3]],
    ["caller=anonymous&status=landed", [1]],
    ["caller=nobody", []],
  ])("%s holds %j", async (query, expected) => {
    expect(await numbers(query)).toEqual(expected);
  });

  it("goes on page by page in its order, also when requests arrive in between", async () => {
    const first = (await gateway.get("/v1/queues/main/requests?status=active&limit=2")).body;
    expect(first.requests.map(({ number }: { number: number }) => number)).toEqual([5, 4]);
    await gateway.land([change("f")]);
    expect(await numbers(`status=active&limit=2&page=${first.nextPage}`)).toEqual([3]);
    expect((await gateway.get(`/v1/queues/main/requests?status=ended&page=${first.nextPage}`)).body.code).toBe(
      "page.invalid_token",
    );
  });

  it("by an unknown status is refused", async () => {
    expect((await gateway.get("/v1/queues/main/requests?status=done")).body.code).toBe("request.invalid");
  });
});

describe("the history of a request, with wait", () => {
  const history = (query: string) => gateway.get(`${at("main", 1)}/history?${query}`);

  it("comes once there is more than the caller knows: at once, or when an entry arrives", async () => {
    await gateway.land([change("a")]);
    expect(await gateway.costOf(() => history("wait=20&known=0"))).toEqual(["BatchGet", "Query"]);
    // The look after half a second finds the entry.
    gateway.interpose(3, async () => {
      await gateway.deliver(event("main/1", "building", 1, { build_key: key("a") }));
    });
    const { body } = await history("wait=20&known=1");
    expect(body.events.map((entry: { id: string }) => entry.id)).toEqual(["main/1/accepted", "main/1/building/1"]);
  });

  it("comes at once when the request has ended, and when the time is up", async () => {
    await gateway.land([change("a")]);
    expect((await history("wait=1&known=9")).body.events).toHaveLength(1);
    await gateway.deliver(status("main/1", "error", 1));
    const cost = await gateway.costOf(() => history("wait=20&known=9"));
    expect(cost).toEqual(["BatchGet", "Query"]);
    expect((await gateway.get("/v1/queues/main/requests/9/history?wait=20")).body.code).toBe("land.unknown");
  });
});

describe("a queue", () => {
  const now = async () => QueueNow.strict().parse((await gateway.get("/v1/queues/other")).body);

  it("shows its requests in the order of the queue, with builds, blockers and numbers", async () => {
    for (const name of ["a", "b", "c", "d"]) await gateway.land([change(name)], {}, {}, "other");
    await gateway.deliver(
      status("other/1", "speculating", 10, 0, { position: 1 }),
      event("other/1", "building", 11, { build_key: key("a") }),
      status("other/2", "speculating", 10, 0, { position: 2 }),
      event("other/2", "building", 12, { build_key: key("b"), base: "1", with: "3" }),
      event("other/2", "blocked", 13, { blocker: "dependency", on: "1" }),
      event("other/3", "building", 12, { build_key: key("b"), base: "1", with: "2" }),
      event("other/1", "build_stopped", 14, { build_key: key("a") }),
    );
    await gateway.deliver(status("other/4", "landed", 20, 2, { commit: "c", title: "Add d" }));
    await gateway.call("PATCH", at("other", 3), { body: { priority: 2 } });
    const { requests, recent, counts, buildsRunning, ended, budget } = await now();
    expect(requests.map(({ number }) => number)).toEqual([3, 1, 2]);
    expect(requests[1]?.builds).toMatchObject([{ state: "stopped", base: [] }]);
    expect(requests[2]).toMatchObject({
      blocker: "dependency",
      on: ["other/1"],
      sentence: expect.stringContaining("other/1"),
      builds: [{ state: "running", base: ["other/1"], bundledWith: ["other/3"] }],
    });
    expect([counts, buildsRunning, budget]).toEqual([{ waiting: 1, building: 2, landing: 0 }, 1, 4]);
    expect(recent).toMatchObject([{ sqid: "other/4", status: "landed", commit: "c", title: "Add d" }]);
    expect(ended).toEqual({
      lastHour: { landed: 1, refused: 0, cancelled: 0 },
      lastDay: { landed: 1, refused: 0, cancelled: 0 },
    });
  });

  it("counts the requests of the last hour and how long builds take, also of archived requests", async () => {
    await gateway.land([change("old")], {}, {}, "other");
    gateway.clock.at += 3_600_001;
    for (const name of ["a", "b"]) await gateway.land([change(name)], {}, {}, "other");
    const hour = 3_600_001;
    for (const [n, minutes] of [
      [2, 4],
      [3, 10],
    ] as const)
      await gateway.deliver(
        event(`other/${n}`, "building", hour, { build_key: key(`${n}`), batch_id: `other/batch/${n}` }),
        event(`other/${n}`, "built", hour + minutes * 60_000, { build_key: key(`${n}`) }),
        status(`other/${n}`, "landed", hour + minutes * 60_000, 2),
      );
    expect((await now()).load).toEqual({ receivedLastHour: 2, buildMinutes: 7 });
    gateway.clock.at += 1_200_000;
    await gateway.sweep();
    expect((await now()).load).toEqual({ receivedLastHour: 2, buildMinutes: 7 });
    gateway.clock.at += 3_600_000;
    expect((await now()).load).toMatchObject({ receivedLastHour: 0 });
  });

  it("shows the same of its ends once they are archived", async () => {
    await gateway.land([change("a")], {}, {}, "other");
    await gateway.deliver(status("other/1", "error", 20, 2, { title: "Add a" }));
    const before = await now();
    expect(before.recent).toMatchObject([{ title: "Add a" }]);
    gateway.clock.at += 61_000;
    await gateway.sweep();
    expect(await now()).toEqual(before);
  });

  it("estimates the time left once it has landed enough", async () => {
    for (let n = 1; n <= 5; n++) await gateway.land([change(`${n}`)], {}, {}, "other");
    await gateway.land([change("waiting")], {}, {}, "other");
    for (let n = 1; n <= 5; n++) await gateway.deliver(status(`other/${n}`, "landed", 600_000, 2));
    gateway.clock.at = START + 240_000;
    const [request] = (await now()).requests;
    expect(request?.estimateSeconds).toBeGreaterThan(320);
    expect(request?.estimateSeconds).toBeLessThan(400);
    expect(request?.sentence).toMatch(/Probably lands in about 6 minutes\.$/);
    expect((await gateway.get(`${at("other", 6)}/why`)).body).toMatchObject({
      estimateSeconds: request?.estimateSeconds,
    });
  });
});

it.each(["/", "/v1"])("%s leads on", async (path) => {
  const { links } = Links.parse((await gateway.get(path)).body);
  for (const [name, target] of Object.entries(links))
    expect([name, (await gateway.call("HEAD", target)).status]).toEqual([name, 200]);
});

it("a person gets indented JSON that ends with a line, and a program gets it short", async () => {
  const text = async (accept?: string) =>
    gateway.text("GET", "/v1/ping", accept === undefined ? {} : { headers: { accept } });
  expect(await text("*/*")).toMatch(/^\{\n {2}"service": "gateway",\n[\s\S]*\}\n$/);
  expect(await text()).toBe(await text("*/*"));
  expect(await text("application/json")).toMatch(/^\{"service":"gateway",.*\}$/);
});
