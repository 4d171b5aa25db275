import { writeFileSync } from "node:fs";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { putAll } from "../../../functions/adapters/dynamodb/batch-write.ts";
import { HistoryPage, RequestPage, RequestSummary, Why } from "../../../functions/contracts/api/request-views.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { QueueName, RequestNumber, type Sqid } from "../../../functions/contracts/ids.ts";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import { viewKeys } from "../../../functions/contracts/tables.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { wire as wireApi } from "../../../functions/handlers/gateway/api.lambda.ts";
import { wire as wireSweep } from "../../../functions/handlers/gateway/sweep.lambda.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, httpEvent, QUEUES, START } from "./harness.ts";

withGateway();

/** The gateway as it is after a deployment without the queue `main`. */
function redeployed() {
  const queuesFile = `${gateway.env[ENV.queuesFile]}.without-main`;
  writeFileSync(queuesFile, JSON.stringify({ queues: QUEUES.queues.filter(({ name }) => name !== "main") }));
  const env = { ...gateway.env, [ENV.queuesFile]: queuesFile };
  const api = wireApi(env, gateway.clients);
  const sweep = wireSweep(env, gateway.clients);
  const call = async (method: string, target: string, body?: unknown) => {
    const answer = (await api(httpEvent(method, target, { body }), {} as never)) as {
      statusCode: number;
      body: string;
    };
    return { status: answer.statusCode, body: JSON.parse(answer.body) };
  };
  return { call, get: (target: string) => call("GET", target), sweep: () => sweep({}, {} as never) };
}
const at = "/v1/queues/main/requests";
const removed = { code: "queue.removed" as const, message: "Queue main was taken out of the configuration." };

describe("a queue that is not configured any more", () => {
  it("shows its requests as ever: summary, history, why and list", async () => {
    await gateway.land([change("a")]);
    await gateway.deliver(statusEvent("main/1" as Sqid, "started", epochMs(START + 5), { version: 1 }));
    const { get } = redeployed();
    expect(RequestSummary.parse((await get(`${at}/1`)).body)).toMatchObject({ sqid: "main/1", status: "started" });
    expect(HistoryPage.parse((await get(`${at}/1/history`)).body).events).toHaveLength(2);
    expect(RequestPage.parse((await get(at)).body).requests).toHaveLength(1);
    expect(
      RequestPage.parse((await get(`${at}?change=${encodeURIComponent(change("a"))}`)).body).requests,
    ).toHaveLength(1);
    expect(Why.parse((await get(`${at}/1/why`)).body).sentence).toMatch(/not configured any more.*put back within ten/);
  });

  it("shows how they ended", async () => {
    await gateway.land([change("a")]);
    await gateway.deliver(statusEvent("main/1" as Sqid, "error", epochMs(START + 5), { version: 2, reason: removed }));
    const { get } = redeployed();
    expect((await get(`${at}/1`)).body).toMatchObject({ status: "error", ended: true, reason: removed });
    expect((await get(`${at}/1/why`)).body.sentence).toBe(removed.message);
  });

  it("takes a cancel of its requests, and no new request, pause or resume", async () => {
    await gateway.land([change("a")]);
    const { call, get } = redeployed();
    expect(await call("POST", `${at}/1/cancel`, {})).toMatchObject({ status: 202, body: { status: "cancelling" } });
    expect(gateway.sent().map(({ kind }) => kind)).toContain("cancel");
    for (const [target, body] of [
      [at, { changes: [change("b")] }],
      ["/v1/queues/main/pause", {}],
    ] as const)
      expect(await call("POST", target, body)).toMatchObject({ status: 404, body: { code: "queue.unknown" } });
    expect((await get("/v1/queues")).body.queues.map(({ name }: { name: string }) => name)).not.toContain("main");
  });

  it.each([`${at}/7`, `${at}/7/history`, `${at}/7/why`, `${at}/x`, "/v1/queues/nobody/requests"])(
    "answers 404 for what never was: %s",
    async (target) => {
      await gateway.land([change("a")]);
      expect(await redeployed().get(target)).toMatchObject({ status: 404, body: { code: "queue.unknown" } });
    },
  );

  it("has its unanswered messages sent again for two days, and is then forgotten", async () => {
    await gateway.sweep();
    gateway.fail({ at: 4, effect: "none", forever: true });
    expect((await gateway.land([change("a")])).status).toBe(202);
    gateway.heal();
    expect(gateway.sent()).toEqual([]);
    gateway.clock.at += 61_000;
    const { sweep } = redeployed();
    await sweep();
    expect(gateway.sent()).toMatchObject([{ kind: "land", sqid: "main/1" }]);
    await gateway.deliver(statusEvent("main/1" as Sqid, "error", epochMs(START + 5), { version: 2, reason: removed }));
    const queries = async () => (await gateway.costOf(sweep)).filter((call) => call === "Query").length;
    // The known queues, and one for each of three queues.
    expect(await queries()).toBe(4);
    gateway.clock.at += 2 * 86_400_000;
    await sweep();
    expect(await queries()).toBe(3);
  });
});

it.each([
  ["of ASCII", "x".repeat(240)],
  ["whose names take more room in a message than in the body", "界".repeat(80)],
])(
  "a Land that names a thousand targets %s reaches the orchestrator, which takes them for not known",
  async (_, name) => {
    const targets = Array.from({ length: 1_000 }, (_, n) => `${n}${name}`);
    const { status, body } = await gateway.land([change("a")], { targets });
    expect(status).toBe(202);
    const [land] = gateway.sent();
    expect(land).toMatchObject({ kind: "land", sqid: body.sqid });
    expect(land).not.toHaveProperty("targets");
  },
);

it("a request that was received by a clock far ahead is announced again, and the next one has the right time", async () => {
  gateway.clock.at = START + 900_000_000;
  await gateway.land([change("a")]);
  await gateway.call("POST", "/v1/queues/main/pause", {});
  gateway.clock.at = START;
  const { body } = await gateway.land([change("b")]);
  expect(body.receivedAt).toBe(new Date(START).toISOString());
  const calls = await gateway.costOf(() => gateway.sweep());
  // The Land, and the mode.
  expect(calls.filter((call) => call === "SendMessage")).toHaveLength(2);
  const resumed = await gateway.call("POST", "/v1/queues/main/resume", {});
  expect(resumed.body.since).toBe(new Date(START).toISOString());
});

describe("what a newer release wrote", () => {
  const table = () => gateway.env[ENV.viewTable] ?? "";
  const queue = QueueName.parse("main");

  it("is left out of the queue's page and its list; the sweep repairs the other requests, and fails for it", async () => {
    for (const name of ["a", "b"]) await gateway.land([change(name)]);
    const key = viewKeys.live(queue, RequestNumber.parse(2));
    const newer = { ...key, v: 2, queue: "main", sqid: "main/2", number: 2, answered: false };
    await putAll(gateway.clients.dynamodb, [{ table: table(), item: newer }]);
    const page = await gateway.get("/v1/queues/main");
    expect(page).toMatchObject({ status: 200, body: { requests: [{ sqid: "main/1" }], unreadable: 1 } });
    expect((await gateway.get("/v1/queues")).status).toBe(200);
    const list = await gateway.get("/v1/queues/main/requests");
    expect(list.body.requests.map(({ sqid }: { sqid: string }) => sqid)).toEqual(["main/1"]);
    expect((await gateway.get("/v1/queues/main/requests/2")).status).toBe(500);
    gateway.clock.at += 61_000;
    const calls = await gateway.costOf(() =>
      expect(gateway.sweep()).rejects.toMatchObject({ code: "store.unreadable" }),
    );
    expect(calls.filter((call) => call === "SendMessage")).toHaveLength(1);
    const { Item } = await gateway.clients.dynamodb.send(new GetCommand({ TableName: table(), Key: key }));
    expect(Item).toEqual(newer);
  });
});
