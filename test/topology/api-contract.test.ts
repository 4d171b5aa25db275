import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPERATIONS } from "../../functions/contracts/operations/index.ts";
import type { Operation } from "../../functions/contracts/operations/operation.ts";
import { validatorOf } from "../support/api-document.ts";
import { FAKE, startTopology, type Topology } from "../support/topology.ts";

const CHANGE = `git://localhost/shop/refs%2Fheads%2Fx/${"a".repeat(40)}`;

/** A valid call of each operation: what its body holds where its example would not do. */
const BODIES: Readonly<Record<string, object>> = {
  land: { changes: [CHANGE] },
  // The queue takes no priority above 0.
  prioritizeRequest: { priority: 0 },
};

describe("the API of the running product", () => {
  let topology: Topology;
  let validator: ReturnType<typeof validatorOf>;
  beforeAll(async () => {
    topology = await startTopology({ shop: FAKE });
    const answer = await fetch(`${topology.url}/v1/openapi.json`);
    validator = validatorOf((await answer.json()) as Parameters<typeof validatorOf>[0]);
  });
  afterAll(() => topology.stop());

  /** A trial or a preflight, as the operation says. */
  const askedFor = async ({ path }: Operation): Promise<string> => {
    if (!path.includes("{id}")) return "";
    const target = path.includes("trials") ? "requests?dryRun=true" : "preflights";
    const body = path.includes("trials") ? BODIES["land"] : {};
    const answer = await fetch(`${topology.url}/v1/queues/shop/${target}`, { method: "POST", ...json(body) });
    return ((await answer.json()) as { readonly id: string }).id;
  };
  /** A request of its own for each operation that is about one: its build hangs, so that it does not end meanwhile. */
  const askedAbout = async ({ id, path }: Operation): Promise<string> => {
    if (!path.includes("{n}")) return "1";
    const { lane, remote } = topology.at("shop");
    const change = await remote.change(id, { [id]: "1\n" }, { marker: "build-hang" });
    return String((await lane.land(change)).number);
  };
  const pathOf = ({ path }: Operation, queue: string, n: string, id = "a".repeat(32)) =>
    path.replace("{queue}", queue).replace("{n}", n).replace("{id}", id);
  const call = async ({ id, method }: Operation, target: string, init: RequestInit = {}) => {
    const answer = await fetch(topology.url + target, { method: method.toUpperCase(), ...init });
    const type = answer.headers.get("content-type") ?? "";
    const body = type.includes("json") ? await answer.json() : await answer.text();
    const answered = { status: answer.status, headers: Object.fromEntries(answer.headers), body };
    expect([id, validator.ofAnswer(id, answered)]).toEqual([id, []]);
    expect(answer.headers.get("x-request-id")).toBeTruthy();
    return {
      status: answer.status,
      body: body as { readonly code?: string; readonly id?: string; readonly state?: string },
    };
  };
  const json = (body: unknown): RequestInit => ({
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

  it.each(OPERATIONS.map((operation) => [operation.id, operation] as const))(
    "answers a valid %s",
    async (id, operation) => {
      const init = operation.body === undefined ? {} : json(BODIES[id] ?? operation.body.example);
      const wait = /trials|preflights/.test(operation.path) ? "?wait=25" : "";
      const target = pathOf(operation, "shop", await askedAbout(operation), await askedFor(operation));
      const { status } = await call(operation, target + wait, init);
      expect(status).toBe(operation.answer.status);
    },
  );

  it("answers a dry run, and makes no request of it", async () => {
    const [land, getTrial] = ["land", "getTrial"].map((id) => OPERATIONS.find((operation) => operation.id === id));
    if (land === undefined || getTrial === undefined) throw new Error("no such operation");
    const before = await call(land, pathOf(land, "shop", ""), json({ changes: [CHANGE] }));
    const target = `${pathOf(land, "shop", "")}?dryRun=true&wait=25`;
    let trial = await call(land, target, json({ changes: [CHANGE] }));
    // A call waits for 25 seconds at most.
    while (trial.body.state === "waiting")
      trial = await call(getTrial, `${pathOf(getTrial, "shop", "", trial.body.id)}?wait=25`);
    expect(trial.status).toBe(200);
    // There is no such commit.
    expect(trial.body).toMatchObject({ mergeable: false, reason: { code: "change.not_found" } });
    const after = await call(land, pathOf(land, "shop", ""), json({ changes: [CHANGE] }));
    expect((after.body as { number?: number }).number).toBe(1 + ((before.body as { number?: number }).number ?? 0));
  });

  it.each(OPERATIONS.map((operation) => [operation.id, operation] as const))(
    "refuses an invalid %s",
    async (id, operation) => {
      const { path, body, parameters } = operation;
      const valid = body === undefined ? {} : json(BODIES[id] ?? body.example);
      const refused = async (target: string, init: RequestInit, code: string) =>
        expect([id, (await call(operation, target, init)).body.code]).toEqual([id, code]);
      await refused(`${pathOf(operation, "shop", "1")}?colour=red`, valid, "request.invalid");
      if (parameters !== undefined) await refused(pathOf(operation, "nope", "1"), valid, "queue.unknown");
      if (path.includes("{n}")) await refused(pathOf(operation, "shop", "999"), valid, "land.unknown");
      if (path.includes("{n}")) await refused(pathOf(operation, "shop", "0"), valid, "request.invalid");
      if (path.includes("{id}"))
        await refused(pathOf(operation, "shop", "", "a".repeat(32)), valid, "question.unknown");
      if (path.includes("{id}")) await refused(pathOf(operation, "shop", "", "x"), valid, "question.unknown");
      if (body === undefined) return;
      const target = pathOf(operation, "shop", "1");
      await refused(target, json({ colour: "red" }), "request.invalid");
      await refused(target, { ...json({}), body: "{" }, "request.malformed_json");
      await refused(target, { body: "{}" }, "request.unsupported_media_type");
      await refused(target, json({ colour: "x".repeat(300_000) }), "request.too_large");
    },
  );
});
