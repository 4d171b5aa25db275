import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Problem } from "../../../functions/contracts/api/problem.ts";
import { change, type Gateway, type Rig, rig, type Sending } from "./harness.ts";

let emulators: Rig;
let gateway: Gateway;
beforeAll(async () => {
  emulators = await rig();
  gateway = await emulators.open();
});
afterAll(async () => {
  gateway.close();
  await emulators.stop();
});

const LAND = "/v1/queues/main/requests";
const CANCEL = "/v1/queues/main/requests/1/cancel";
const json = { "content-type": "application/json" };
const fifty = Array.from({ length: 50 }, (_, i) => change(`c${i}`));

interface Case {
  readonly title: string;
  readonly method?: string;
  readonly target?: string;
  readonly sending?: Sending;
  readonly status: number;
  readonly code: string;
  /** Where the problem document points. */
  readonly at?: readonly string[];
}

const bad = (title: string, body: unknown, ...at: string[]): Case => ({
  title,
  sending: { body },
  status: 400,
  code: "request.invalid",
  at,
});

const LANDS: readonly Case[] = [
  bad("no changes", {}, "/changes"),
  bad("an empty list", { changes: [] }, "/changes"),
  bad("too many changes", { changes: [...fifty, change("x")] }, "/changes"),
  bad("changes that are no list", { changes: change("a") }, "/changes"),
  bad("a change that is no string", { changes: [change("a"), 7] }, "/changes/1"),
  bad("an empty URI", { changes: [""] }, "/changes/0"),
  bad("a URI of 1025 characters", { changes: [`${change("a")}?`.padEnd(1_025, "p")] }, "/changes/0"),
  bad("a malformed URI", { changes: ["main"] }, "/changes/0"),
  bad("a URI that is not canonical", { changes: [change("a").replace("//h/", "//H/")] }, "/changes/0"),
  bad("a web address", { changes: ["https://github.com/o/r/pull/1"] }, "/changes/0"),
  bad("one change twice", { changes: [change("a"), change("b"), change("a")] }, "/changes/2"),
  bad("an unknown strategy", { changes: [change("a")], strategy: "FAST" }, "/strategy"),
  bad("a strategy in lower case", { changes: [change("a")], strategy: "rebase" }, "/strategy"),
  bad("a strategy that is null", { changes: [change("a")], strategy: null }, "/strategy"),
  bad("a priority below 0", { changes: [change("a")], priority: -1 }, "/priority"),
  bad("a priority of a half", { changes: [change("a")], priority: 0.5 }, "/priority"),
  bad("a priority where the queue knows none", { changes: [change("a")], priority: 1 }, "/priority"),
  bad("unknown fields", { changes: [change("a")], uris: [], "a/b~c": 1 }, "/uris", "/a~1b~0c"),
  bad("several faults at once", { changes: ["x"], strategy: "y" }, "/changes/0", "/strategy"),
  bad("a list for a body", [change("a")], ""),
  bad("a string for a body", "land", ""),
  bad("null for a body", null, ""),
  bad("PROMOTE of two changes", { changes: [change("a"), change("b")], strategy: "PROMOTE" }, "/changes"),
  {
    ...bad("two changes where PROMOTE is the queue's strategy", { changes: [change("a"), change("b")] }, "/changes"),
    target: "/v1/queues/promoting/requests",
  },
  {
    title: "a prototype in the body",
    sending: { raw: `{"changes":["${change("a")}"],"__proto__":{"x":1}}`, headers: json },
    status: 400,
    code: "request.invalid",
  },
  {
    title: "an idempotency key of 201 characters",
    sending: { body: { changes: [change("a")] }, headers: { "idempotency-key": "k".repeat(201) } },
    status: 400,
    code: "request.invalid",
    at: ["Idempotency-Key"],
  },
  {
    title: "an idempotency key with a blank",
    sending: { body: { changes: [change("a")] }, headers: { "idempotency-key": "a b" } },
    status: 400,
    code: "request.invalid",
    at: ["Idempotency-Key"],
  },
  { title: "no JSON", sending: { raw: "{", headers: json }, status: 400, code: "request.malformed_json" },
  { title: "no body", sending: { headers: json }, status: 400, code: "request.malformed_json" },
  {
    title: "bytes that are no text",
    sending: { raw: Uint8Array.of(0x22, 0xff, 0x22), base64: true, headers: json },
    status: 400,
    code: "request.malformed_json",
  },
  { title: "no content type", sending: { raw: "{}" }, status: 415, code: "request.unsupported_media_type" },
  {
    title: "a form",
    sending: { raw: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } },
    status: 415,
    code: "request.unsupported_media_type",
  },
  {
    title: "a type that only begins like JSON",
    sending: { raw: "{}", headers: { "content-type": "application/jsonx" } },
    status: 415,
    code: "request.unsupported_media_type",
  },
  {
    title: "a body of more than 256 KB",
    sending: { raw: JSON.stringify({ changes: [], x: "é".repeat(131_072) }), headers: json },
    status: 413,
    code: "request.too_large",
  },
];

const OTHERS: readonly Case[] = [
  { ...bad("a reason of 501 characters", { reason: "x".repeat(501) }, "/reason"), target: CANCEL },
  { ...bad("a reason that is no text", { reason: 7 }, "/reason"), target: CANCEL },
  { ...bad("an unknown field of a cancel", { why: "x" }, "/why"), target: CANCEL },
  {
    title: "a cancel that is no JSON",
    target: CANCEL,
    sending: { raw: "x", headers: json },
    status: 400,
    code: "request.malformed_json",
  },
  {
    title: "a cancel of a request that was never made",
    target: CANCEL,
    sending: {},
    status: 404,
    code: "land.unknown",
  },
  { title: "a request that was never made", method: "GET", target: `${LAND}/1`, status: 404, code: "land.unknown" },
  {
    title: "the history of a request that was never made",
    method: "GET",
    target: `${LAND}/1/history`,
    status: 404,
    code: "land.unknown",
  },
  ...["0", "01", "-1", "1.5", "x", "1e3", "1234567890123", "%E0%A4%A"].map((n) => ({
    title: `the number ${n}`,
    method: "GET",
    target: `${LAND}/${n}`,
    status: 400,
    code: "request.invalid",
    at: ["n"],
  })),
  ...["limit=0", "limit=-1", "limit=201", "limit=x", "limit=", "limit=1.5", "limit=1,2"].map((query) => ({
    title: `a listing with ${query}`,
    method: "GET",
    target: `${LAND}?${query}`,
    status: 400,
    code: "request.invalid",
    at: ["limit"],
  })),
  ...["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000+01:00", "0", "now"].map((since) => ({
    title: `a listing since ${since}`,
    method: "GET",
    target: `${LAND}?since=${encodeURIComponent(since)}`,
    status: 400,
    code: "request.invalid",
    at: ["since"],
  })),
  {
    title: "an empty window",
    method: "GET",
    target: `${LAND}?since=2026-01-01T00:00:00.000Z&until=2026-01-01T00:00:00.000Z`,
    status: 400,
    code: "request.invalid",
    at: ["until"],
  },
  {
    title: "a listing by a malformed change",
    method: "GET",
    target: `${LAND}?change=x`,
    status: 400,
    code: "request.invalid",
    at: ["change"],
  },
  {
    title: "an unknown parameter",
    method: "GET",
    target: `${LAND}?state=landed`,
    status: 400,
    code: "request.invalid",
    at: ["state"],
  },
  {
    title: "an empty page token",
    method: "GET",
    target: `${LAND}?page=`,
    status: 400,
    code: "request.invalid",
    at: ["page"],
  },
];

/** Every call of the API, and the query parameters that it takes. */
const CALLS: readonly { readonly method: string; readonly target: string; readonly takes: string }[] = [
  { method: "POST", target: LAND, takes: "dryRun, wait" },
  { method: "POST", target: "/v1/queues/main/preflights", takes: "wait" },
  { method: "GET", target: `/v1/queues/main/trials/${"a".repeat(32)}`, takes: "wait" },
  { method: "GET", target: "/v1/me", takes: "no parameters" },
  { method: "GET", target: LAND, takes: "since, until, change, status, author, caller, limit, page" },
  { method: "GET", target: `${LAND}/1`, takes: "wait" },
  { method: "GET", target: `${LAND}/1/history`, takes: "wait, known" },
  { method: "GET", target: `${LAND}/1/why`, takes: "no parameters" },
  { method: "POST", target: CANCEL, takes: "no parameters" },
  { method: "GET", target: "/v1/queues", takes: "no parameters" },
  { method: "GET", target: "/v1/queues/main", takes: "no parameters" },
  { method: "POST", target: "/v1/queues/main/pause", takes: "no parameters" },
  { method: "POST", target: "/v1/queues/main/drain", takes: "no parameters" },
  { method: "POST", target: "/v1/queues/main/resume", takes: "no parameters" },
  { method: "GET", target: "/v1/ping", takes: "no parameters" },
];

/** A body that is right for every call with one. */
const sendingTo = (target: string): Sending => (target === LAND ? { body: { changes: [change("a")] } } : { body: {} });

const PARAMETERS: readonly Case[] = CALLS.flatMap(({ method, target }) =>
  [
    ["state=landed", "state"],
    ["Limit=5", "Limit"],
    ["limit%20=5", "limit "],
    ["%E0%A4%A=1", "%E0%A4%A"],
    ["__proto__=1", "__proto__"],
    ["=1", '""'],
    ["dry-run", "dry-run"],
  ].map(([query = "", at = ""]) => ({
    title: `${method} ${target}?${query}`,
    method,
    target: `${target}?${query}`,
    ...(method === "POST" ? { sending: sendingTo(target) } : {}),
    status: 400,
    code: "request.invalid",
    at: [at],
  })),
);

const VALUES: readonly Case[] = (
  [
    ["limit", "limit"],
    ["limit=5&limit=6", "limit"],
    ["limit=5&li%6Dit=5", "limit"],
    ["limit=0x10", "limit"],
    ["limit=1e1", "limit"],
    ["limit=%2B5", "limit"],
    ["limit=+5", "limit"],
    ["limit=%205", "limit"],
    ["limit=%EF%BC%95", "limit"],
    ["limit=NaN", "limit"],
    ["change", "change"],
    [`change=${change("a")}&change=${change("b")}`, "change"],
    ["change=%FF", "change"],
    ["change=%E0%A4%A", "change"],
    ["change=%", "change"],
    ["page=%ff", "page"],
    ["since", "since"],
    ["since=2026-01-01T00:00:00.000Z&since=2026-01-01T00:00:00.000Z", "since"],
    ["until=2026-13-01T00:00:00.000Z", "until"],
  ] as const
).map(([query, at]) => ({
  title: `a listing with ${query}`,
  method: "GET",
  target: `${LAND}?${query}`,
  status: 400,
  code: "request.invalid",
  at: [at],
}));

const json8 = (raw: string | Uint8Array, title: string, target = CANCEL): Case => ({
  title,
  target,
  sending: { raw, base64: true, headers: json },
  status: 400,
  code: "request.malformed_json",
});

const BODIES: readonly Case[] = [
  json8('{"reason":"a","reason":"b"}', "a field that is named twice"),
  json8('{"reason":"a","re\\u0061son":"b"}', "a field that is named twice, in two spellings"),
  json8('{"x":[{"a":{},"b":"}{\\"","a":1}]}', "a field that is named twice, deep inside"),
  json8(`{"changes":["${change("a")}"],"changes":["${change("b")}"]}`, "a Land with two lists of changes", LAND),
  json8(new Uint8Array([0x7b, 0x22, 0x72, 0xc0, 0xaf, 0x22, 0x7d]), "bytes that UTF-8 does not know"),
  json8(
    new Uint8Array([...Buffer.from('{"reason":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
    "half a surrogate pair",
  ),
  json8(Buffer.from('\ufeff{"reason":"a"}', "utf16le"), "UTF-16"),
  json8("{reason: 'a'}", "JavaScript"),
  json8('{"reason":NaN}', "a number that JSON does not know"),
  json8('{"reason":"a"} {"reason":"b"}', "two documents"),
  json8("[".repeat(200_000), "200,000 open brackets"),
  {
    title: "100,000 lists within lists",
    target: CANCEL,
    sending: { raw: "[".repeat(100_000) + "]".repeat(100_000), headers: json },
    status: 400,
    code: "request.invalid",
    at: [""],
  },
];

const TYPES: readonly Case[] = CALLS.filter(({ method }) => method === "POST").flatMap(({ target }) =>
  [
    undefined,
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; application/json",
    "application/json, text/plain",
    "application/jsonp",
    "application/json; charset=utf-16",
    "",
  ].map((type) => ({
    title: `POST ${target} without a body, and as ${type}`,
    target,
    sending: { raw: "", ...(type === undefined ? {} : { headers: { "content-type": type } }) },
    status: 415,
    code: "request.unsupported_media_type",
  })),
);

const UNKNOWN_QUEUES: readonly Case[] = [
  "absent",
  "Main",
  "main%2Fx",
  "-x",
  "a".repeat(101),
  "%00",
  "%E0%A4%A",
].flatMap((name) => {
  const of = { status: 404, code: "queue.unknown" };
  const path = `/v1/queues/${name}/requests`;
  return [
    { title: `a land in queue ${name}`, target: path, sending: { body: { changes: [change("a")] } }, ...of },
    { title: `a listing of queue ${name}`, method: "GET", target: path, ...of },
    { title: `a request of queue ${name}`, method: "GET", target: `${path}/1`, ...of },
    { title: `a history of queue ${name}`, method: "GET", target: `${path}/1/history`, ...of },
    { title: `a cancel in queue ${name}`, target: `${path}/1/cancel`, sending: {}, ...of },
  ];
});

const READS = new Set(["Get", "Query", "BatchGet"]);

describe("bad input gets its problem document, and changes nothing", () => {
  it.each([...LANDS, ...OTHERS, ...PARAMETERS, ...VALUES, ...BODIES, ...TYPES, ...UNKNOWN_QUEUES])(
    "$title: $status $code",
    async ({ method = "POST", target = LAND, sending, ...expected }) => {
      const made = await gateway.costOf(async () => {
        const { status, headers, body } = await gateway.call(method, target, sending);
        const problem = Problem.strict().parse(body);
        expect([status, problem.status, problem.code]).toEqual([expected.status, expected.status, expected.code]);
        expect(headers["content-type"]).toBe("application/problem+json");
        expect(headers["x-request-id"]).toBe("call-1");
        expect(problem.type).toBe(`urn:submitqueue:problem:${expected.code}`);
        expect(problem.instance).toBe(target.split("?")[0]);
        expect(problem.detail.length).toBeGreaterThan(5);
        if (expected.at !== undefined) expect(problem.errors?.map(({ at }) => at)).toEqual(expected.at);
      });
      expect(made.filter((call) => !READS.has(call))).toEqual([]);
    },
  );

  it.each(CALLS)("$method $target says that it takes $takes", async ({ method, target, takes }) => {
    const { body } = await gateway.call(method, `${target}?nonsense=1`, method === "POST" ? sendingTo(target) : {});
    expect(body.detail).toContain(`this call takes ${takes}`);
  });

  it("a POST of the wrong type is told what to send", async () => {
    const { body } = await gateway.call("POST", "/v1/queues/main/pause", { raw: "", headers: {} });
    expect(body.detail).toContain("content-type: application/json");
  });

  it.each([LAND, CANCEL, "/v1/queues/main/resume"])(
    "20,000 unknown fields to %s get a short answer",
    async (target) => {
      const raw = `{${Array.from({ length: 20_000 }, (_, i) => `"${i}":1`).join()}}`;
      const { status, body } = await gateway.call("POST", target, { raw, headers: json });
      expect(status).toBe(400);
      expect(body.errors).toHaveLength(50);
      expect(JSON.stringify(body).length).toBeLessThan(20_000);
      expect(body.detail).toMatch(/and [0-9]+ more$/);
    },
  );

  it("afterwards no queue holds a request, and the orchestrator was sent nothing", async () => {
    expect((await gateway.get("/v1/queues/main")).body).toMatchObject({ mode: "open" });
    for (const queue of ["main", "other", "promoting"])
      expect((await gateway.get(`/v1/queues/${queue}/requests`)).body).toEqual({ requests: [] });
    expect(gateway.sent()).toEqual([]);
    expect((await gateway.land([change("a")])).body.sqid).toBe("main/1");
  });
});

describe("input at its limit is taken", () => {
  it.each<[string, () => Promise<{ status: number }>]>([
    ["fifty changes", () => gateway.land(fifty)],
    ["a URI of 1024 characters", () => gateway.land([`${change("a")}?`.padEnd(1_024, "p")])],
    [
      "an idempotency key of 200 characters",
      () => gateway.land([change("k")], {}, { "idempotency-key": "k".repeat(200) }),
    ],
    ["PROMOTE of one change", () => gateway.land([change("p")], { strategy: "PROMOTE" })],
    [
      "a content type with its charset",
      () => gateway.cancel(1, { body: {}, headers: { "content-type": 'Application/JSON; Charset="UTF-8"' } }),
    ],
    ["a POST without a body", () => gateway.cancel(1)],
    ["a reason of 500 characters", () => gateway.cancel(1, { body: { reason: "é".repeat(500) } })],
  ])("%s", async (_title, send) => {
    expect((await send()).status).toBe(202);
  });

  it.each(["1", "200"])("a page of %s", async (limit) => {
    expect((await gateway.get(`${LAND}?limit=${limit}`)).status).toBe(200);
  });
});
