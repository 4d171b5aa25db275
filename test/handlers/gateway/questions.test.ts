import { describe, expect, it } from "vitest";
import { GitSha, QueueName } from "../../../functions/contracts/ids.ts";
import type { Question } from "../../../functions/contracts/messages/request-messages.ts";
import type { Answer } from "../../../functions/contracts/questions.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change } from "./harness.ts";

withGateway();

const LAND = "/v1/queues/main/requests";
const DRY_RUN = `${LAND}?dryRun=true`;
const tried = (target = DRY_RUN, changes = [change("a")]) => gateway.call("POST", target, { body: { changes } });
const preflight = (query = "") => gateway.call("POST", `/v1/queues/main/preflights${query}`);
const asked = (): Question[] =>
  gateway.sent().filter((message) => message.kind === "trial" || message.kind === "preflight");
const answer = (id: string, answer: Answer) =>
  gateway.deliver({ v: 1, kind: "answer", queue: QueueName.parse("main"), id: id as Question["id"], answer });

const trunk = GitSha.parse("f".repeat(40));
const touches = { files: 1, additions: 2, deletions: 0, paths: ["a.txt"] };
const MERGEABLE: Answer = { kind: "mergeable", trunk, touches };
const CONFLICT: Answer = {
  kind: "refused",
  reason: { code: "merge.conflict", message: "It does not apply." },
  conflicts: ["a.txt"],
  touches,
};

describe("a dry run", () => {
  it("asks the orchestrator, says where to ask again, and shows what came of it", async () => {
    const { status, headers, body } = await tried();
    expect([status, body.state, body.mergeable]).toEqual([202, "waiting", undefined]);
    expect(headers["location"]).toBe(`/v1/queues/main/trials/${body.id}`);
    expect(asked()).toMatchObject([
      { kind: "trial", queue: "main", id: body.id, step: { changes: [change("a")], strategy: "REBASE" } },
    ]);
    await answer(body.id, MERGEABLE);
    expect((await gateway.get(`${headers["location"]}`)).body).toMatchObject({
      state: "answered",
      mergeable: true,
      trunk,
      touches,
      changes: [change("a")],
      askedAt: "2026-01-01T00:00:00.000Z",
      expiresAt: "2026-01-01T01:00:00.000Z",
    });
  });

  it("makes no request: no number, no entry of the log, no pointer", async () => {
    const cost = await gateway.costOf(() => tried());
    expect(cost.toSorted()).toEqual(["BatchGet", "Put", "SendMessage"]);
    expect((await gateway.get(LAND)).body.requests).toEqual([]);
    expect((await gateway.get("/v1/queues/main")).body.counts).toEqual({ waiting: 0, building: 0, landing: 0 });
    expect((await gateway.land([change("a")])).body.number).toBe(1);
    expect(gateway.toldLog()).toEqual([]);
  });

  it.each<[string, Answer, object]>([
    [
      "a conflict",
      CONFLICT,
      { state: "answered", mergeable: false, reason: { code: "merge.conflict" }, conflicts: ["a.txt"] },
    ],
    [
      "what could not be found out",
      { kind: "failed", sentence: "It was away." },
      { state: "failed", sentence: "It was away." },
    ],
  ])("tells %s", async (_, given, expected) => {
    const { body } = await tried();
    await answer(body.id, given);
    const { status, body: shown } = await tried();
    expect(status).toBe(200);
    expect(shown).toMatchObject({ id: body.id, ...expected });
  });

  it("waits for the answer as long as the caller says", async () => {
    const first = await tried();
    // The next call looks once it has waited for half a second, and finds the answer.
    gateway.interpose(5, () => answer(first.body.id, MERGEABLE));
    const { status, body } = await tried(`${DRY_RUN}&wait=20`);
    expect([status, body.mergeable]).toEqual([200, true]);
  });

  it("is one question when it is repeated within seconds, also after a crash before the message was sent", async () => {
    gateway.fail({ at: 3, effect: "none", forever: true });
    expect((await tried()).status).toBe(503);
    gateway.heal();
    expect(asked()).toEqual([]);
    const { body } = await tried();
    expect((await tried()).body.id).toBe(body.id);
    expect(asked()).toHaveLength(1);
    await answer(body.id, MERGEABLE);
    expect(await gateway.costOf(() => tried())).not.toContain("SendMessage");
    gateway.clock.at += 10_000;
    expect((await tried()).body.id).not.toBe(body.id);
  });

  it("keeps its first answer, and drops an answer without a question", async () => {
    const { body, headers } = await tried();
    expect(await answer(body.id, MERGEABLE)).toEqual([]);
    expect(await answer(body.id, CONFLICT)).toEqual([]);
    expect(await answer("0".repeat(32), CONFLICT)).toEqual([]);
    expect((await gateway.get(`${headers["location"]}`)).body.mergeable).toBe(true);
    expect((await gateway.get(`/v1/queues/main/trials/${"0".repeat(32)}`)).body.code).toBe("question.unknown");
    expect([gateway.published, gateway.dead()]).toEqual([[], []]);
  });

  it("is forgotten after an hour", async () => {
    const { headers } = await tried();
    gateway.clock.at += 3_600_000;
    expect(await gateway.get(`${headers["location"]}`)).toMatchObject({
      status: 404,
      body: { code: "question.unknown" },
    });
  });

  it("is refused as the Land would be", async () => {
    const refusedAs = async (code: string, status: number, body: object, queue = "main") => {
      const reply = await gateway.call("POST", `/v1/queues/${queue}/requests?dryRun=true`, { body });
      expect([reply.status, reply.body.code]).toEqual([status, code]);
    };
    await refusedAs("request.invalid", 400, { changes: [] });
    await refusedAs("request.invalid", 400, { changes: [change("a")], priority: 3 });
    await refusedAs("queue.unknown", 404, { changes: [change("a")] }, "nope");
    await gateway.call("POST", "/v1/queues/main/drain");
    await refusedAs("queue.draining", 409, { changes: [change("a")] });
    expect(asked()).toEqual([]);
  });

  it("alone can be waited for", async () => {
    expect((await tried(`${LAND}?wait=5`)).body.errors).toMatchObject([{ at: "wait" }]);
    expect((await tried(`${LAND}?dryRun=yes`)).body.errors).toMatchObject([{ at: "dryRun" }]);
    expect((await tried(`${LAND}?dryRun=false`)).body.number).toBe(1);
  });
});

describe("a preflight", () => {
  it("asks whether the queue can build, and shows what was found", async () => {
    const { status, headers, body } = await preflight();
    expect([status, headers["location"]]).toEqual([202, `/v1/queues/main/preflights/${body.id}`]);
    expect(asked()).toEqual([{ v: 1, kind: "preflight", queue: "main", id: body.id }]);
    const findings = [
      { kind: "ok" as const, sentence: "The check test reports." },
      { kind: "problem" as const, sentence: "The check lint has reported nowhere." },
    ];
    await answer(body.id, { kind: "examined", findings });
    expect((await preflight()).body).toMatchObject({
      state: "answered",
      canBuild: false,
      findings,
      sentence: findings[1]?.sentence,
    });
    expect((await gateway.get(`/v1/queues/main/trials/${body.id}`)).body.code).toBe("question.unknown");
  });

  it.each<[string, Answer, object]>([
    [
      "can build",
      { kind: "examined", findings: [{ kind: "ok", sentence: "It reports." }] },
      { canBuild: true, sentence: "The queue can build." },
    ],
    ["is told by builds alone", { kind: "examined", findings: [] }, { canBuild: true, findings: [] }],
    [
      "could not be looked at",
      { kind: "failed", sentence: "It was away." },
      { state: "failed", sentence: "It was away." },
    ],
  ])("says that the queue %s", async (_, given, expected) => {
    const { body } = await preflight();
    await answer(body.id, given);
    expect((await preflight()).body).toMatchObject(expected);
  });
});
