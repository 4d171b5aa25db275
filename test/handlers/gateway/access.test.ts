import { describe, expect, it } from "vitest";
import { JWT_PREFIX } from "../../../functions/contracts/caller.ts";
import { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { emulators, gateway, withGateway } from "./each-gateway.ts";
import { change, type Sending } from "./harness.ts";

const QUEUES = QueuesConfig.parse({
  queues: [
    {
      name: "guarded",
      repository: { remote: "https://h/guarded.git" },
      maxPriority: 5,
      access: {
        land: ["jwt:dev-*", "group:developers"],
        cancelOthers: ["group:leads"],
        priority: ["jwt:vip"],
        operate: ["iam:arn:aws:sts::*:assumed-role/Sre/*"],
      },
      buildRunner: { type: "fake" },
    },
    { name: "other", repository: { remote: "https://h/other.git" }, maxPriority: 5, buildRunner: { type: "fake" } },
  ],
});

withGateway(QUEUES, "iam+jwt");

const jwt = (sub: string, groups?: string) => ({
  jwt: { claims: { sub, ...(groups === undefined ? {} : { groups }) }, scopes: null },
});
const iam = (role: string) => ({ iam: { userArn: `arn:aws:sts::123456789012:assumed-role/${role}/session` } });

/** The callers of the table, by role. `owner` has landed request 1 of each queue. */
const CALLERS = {
  owner: jwt("dev-anna"),
  developer: jwt("carl", "[developers testers]"),
  lead: jwt("lena", "[leads]"),
  vip: jwt("vip"),
  sre: iam("Sre"),
  operator: jwt("olga", "[operators]"),
  stranger: iam("Intruder"),
} as const;
type Role = keyof typeof CALLERS;

const of = (queue: string) => `/v1/queues/${queue}`;
const VERBS = {
  land: (queue: string) => ["POST", `${of(queue)}/requests`, { changes: [change("b")] }],
  "land with a priority": (queue: string) => ["POST", `${of(queue)}/requests`, { changes: [change("b")], priority: 2 }],
  "try a land": (queue: string) => ["POST", `${of(queue)}/requests?dryRun=true`, { changes: [change("b")] }],
  cancel: (queue: string) => ["POST", `${of(queue)}/requests/1/cancel`, {}],
  pause: (queue: string) => ["POST", `${of(queue)}/pause`, {}],
  drain: (queue: string) => ["POST", `${of(queue)}/drain`, {}],
  resume: (queue: string) => ["POST", `${of(queue)}/resume`, {}],
  "read it": (queue: string) => ["GET", of(queue)],
  list: (queue: string) => ["GET", `${of(queue)}/requests`],
  get: (queue: string) => ["GET", `${of(queue)}/requests/1`],
  history: (queue: string) => ["GET", `${of(queue)}/requests/1/history`],
  why: (queue: string) => ["GET", `${of(queue)}/requests/1/why`],
} as const satisfies Record<string, (queue: string) => readonly [string, string, object?]>;
type Verb = keyof typeof VERBS;

const EVERYBODY = Object.keys(CALLERS) as Role[];
const READS = { "read it": EVERYBODY, list: EVERYBODY, get: EVERYBODY, history: EVERYBODY, why: EVERYBODY };

/** Who may do what. `guarded` names its callers, `other` says nothing of access. */
const MAY: Readonly<Record<string, Readonly<Partial<Record<Verb, readonly Role[]>>>>> = {
  guarded: {
    ...READS,
    land: ["owner", "developer"],
    "try a land": ["owner", "developer"],
    "land with a priority": [],
    cancel: ["owner", "lead"],
    pause: ["sre"],
    drain: ["sre"],
    resume: ["sre"],
  },
  other: {
    ...READS,
    land: EVERYBODY,
    "try a land": EVERYBODY,
    "land with a priority": ["operator"],
    cancel: ["owner", "operator"],
    pause: ["operator"],
    drain: ["operator"],
    resume: ["operator"],
  },
};

const call = (role: Role | undefined, [method, target, body]: readonly [string, string, object?]) => {
  const authorizer = role === undefined ? undefined : CALLERS[role];
  const sending: Sending = { ...(body === undefined ? {} : { body }), ...(authorizer && { authorizer }) };
  return gateway.call(method, target, sending);
};

describe("rights", () => {
  it.each(Object.keys(MAY).flatMap((queue) => (Object.keys(VERBS) as Verb[]).map((verb) => [queue, verb] as const)))(
    "in queue %s, %s is for those whom the queue names, and a refused call changes nothing",
    async (queue, verb) => {
      await call("owner", VERBS.land(queue));
      const allowed = MAY[queue]?.[verb] ?? [];
      for (const role of EVERYBODY.filter((one) => !allowed.includes(one))) {
        const made = await gateway.costOf(async () => {
          const { status, body } = await call(role, VERBS[verb](queue));
          expect([role, status, body.code]).toEqual([role, 403, "caller.not_allowed"]);
          expect(body.detail).toContain("queues.yaml");
        });
        expect(
          made.filter((name) => !["Get", "Query", "BatchGet"].includes(name)),
          role,
        ).toEqual([]);
        expect(gateway.lines.at(-1)).toMatchObject({ level: 40, status: 403, code: "caller.not_allowed" });
      }
      for (const role of allowed)
        expect([role, (await call(role, VERBS[verb](queue))).status < 300]).toEqual([role, true]);
    },
  );

  it("a caller with a combination of rights may land with a priority", async () => {
    const authorizer = jwt("vip", "[developers]");
    const body = { changes: [change("b")], priority: 2 };
    expect((await gateway.call("POST", "/v1/queues/guarded/requests", { body, authorizer })).status).toBe(202);
  });

  it.each(Object.keys(VERBS) as Verb[])("%s is 401 for a caller whom the API did not name", async (verb) => {
    const { status, body, headers } = await call(undefined, VERBS[verb]("other"));
    expect([status, body.code]).toEqual([401, "caller.unauthenticated"]);
    expect(headers["www-authenticate"]).toBe("Bearer");
    expect(gateway.lines.at(-1)).toMatchObject({ level: 40, status: 401 });
    expect(gateway.sent()).toEqual([]);
  });
});

describe("the caller", () => {
  it("is on the request, and in the entries of the log that the call caused", async () => {
    const { body } = await call("owner", VERBS.land("other"));
    expect(body).toMatchObject({ caller: "dev-anna", metadata: {} });
    expect((await call("operator", VERBS.cancel("other"))).status).toBe(202);
    const { body: history } = await call("stranger", VERBS.history("other"));
    expect(
      history.events.map(({ status, metadata }: { status: string; metadata: object }) => [status, metadata]),
    ).toEqual([
      ["accepted", { caller: "dev-anna" }],
      ["cancelling", { caller: "olga" }],
    ]);
    expect((await call("stranger", VERBS.why("other"))).body).toMatchObject({ caller: "dev-anna" });
    expect((await call("stranger", VERBS.get("other"))).body).toMatchObject({
      caller: "dev-anna",
      status: "cancelling",
    });
    expect(gateway.sent()[0]).toMatchObject({ kind: "land", caller: { kind: "jwt", name: "dev-anna" } });
  });

  it("is told who they are, and what they may do in each queue", async () => {
    const none = { land: false, cancelOthers: false, priority: false, operate: false };
    const me = async (role: Role) => (await call(role, ["GET", "/v1/me"])).body;
    expect(await me("developer")).toEqual({
      kind: "jwt",
      name: "carl",
      groups: ["developers", "testers"],
      queues: [
        { name: "guarded", rights: { ...none, land: true } },
        { name: "other", rights: { ...none, land: true } },
      ],
    });
    expect((await me("operator")).queues).toEqual([
      { name: "guarded", rights: none },
      { name: "other", rights: { land: true, cancelOthers: true, priority: true, operate: true } },
    ]);
    expect(await me("sre")).toMatchObject({ kind: "iam", queues: [{ rights: { ...none, operate: true } }, {}] });
  });

  it("who set a queue's mode is shown", async () => {
    expect((await call("operator", VERBS.pause("other"))).body).toMatchObject({ mode: "paused", modeBy: "olga" });
    expect((await call("stranger", VERBS["read it"]("other"))).body).toMatchObject({ mode: "paused", modeBy: "olga" });
  });

  it("owns a request under one kind of authentication only", async () => {
    await call("owner", VERBS.land("other"));
    const authorizer = { iam: { userArn: "dev-anna" } };
    expect((await gateway.call("POST", "/v1/queues/other/requests/1/cancel", { authorizer })).status).toBe(403);
  });

  it("with a token is served below a path of its own, which links begin with", async () => {
    const body = { changes: [change("b")] };
    const target = `${JWT_PREFIX}/v1/queues/other/requests`;
    const { status, headers } = await gateway.call("POST", target, { body, authorizer: CALLERS.owner });
    expect([status, headers["location"]]).toEqual([202, `${target}/1`]);
    expect((await gateway.call("GET", `${target}/1`, { authorizer: CALLERS.owner })).status).toBe(200);
    expect((await gateway.call("GET", `${JWT_PREFIX}x/v1/queues`, { authorizer: CALLERS.owner })).status).toBe(404);
  });

  it("may not use another caller's idempotency key", async () => {
    const body = { changes: [change("b")] };
    const headers = { "idempotency-key": "k" };
    const land = (authorizer: object) =>
      gateway.call("POST", "/v1/queues/other/requests", { body, headers, authorizer });
    expect((await land(CALLERS.owner)).status).toBe(202);
    expect((await land(CALLERS.owner)).body.number).toBe(1);
    expect((await land(CALLERS.developer)).body.code).toBe("request.idempotency_conflict");
  });
});

describe("the caller", () => {
  it.each([
    ["iam", jwt("a"), 401],
    ["iam", iam("A"), 200],
    ["jwt", iam("A"), 401],
    ["jwt", jwt("a"), 200],
    ["jwt", { jwt: { claims: { sub: "" } } }, 401],
    ["token", { lambda: { name: "a" } }, 200],
    ["token", jwt("a"), 401],
    ["none", undefined, 200],
  ] as const)("under %s, %o is answered %i", async (auth, authorizer, status) => {
    const other = await emulators.open(auth);
    const reply = await other.call("GET", "/v1/queues", authorizer === undefined ? {} : { authorizer });
    expect(reply.status).toBe(status);
    other.close();
  });
});
