import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { runCommandLine } from "../../../client/cli/program.ts";
import { untilPasses } from "../../support/wait.ts";

const SHA = "a".repeat(40);
const COMMITTER = {
  ...{ GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@example.invalid" },
  ...{ GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@example.invalid" },
};
const CHANGE = `git://localhost/shop/refs%2Fheads%2Fx/${SHA}`;
const AT = "2026-11-25T10:00:00.000Z";

const NO_ENDS = { landed: 0, refused: 0, cancelled: 0 };
const queue = (name: string) => ({
  budget: 4,
  counts: { waiting: 0, building: 0, landing: 0 },
  ended: { lastHour: NO_ENDS, lastDay: NO_ENDS },
  timeToLand: { count: 0 },
  buildsRunning: 0,
  load: { receivedLastHour: 0 },
  name,
  repository: `/srv/${name}.git`,
  branch: "main",
  strategy: "REBASE",
  mode: "open",
});
const request = (number: number, status: string, more = {}) => ({
  sqid: `shop/${number}`,
  queue: "shop",
  number,
  status,
  ended: status !== "accepted",
  changes: [CHANGE],
  strategy: "REBASE",
  priority: 0,
  receivedAt: AT,
  updatedAt: AT,
  metadata: {},
  ...more,
});
const why = {
  sqid: "shop/1",
  status: "landed",
  ended: true,
  since: AT,
  builds: [],
  sentence: "Landed as commit 0123.",
};
const entry = (id: string, more: object) => ({ id, at: AT, metadata: {}, ...more });
/** The SDK keeps what it finds for the other files of this process, which log in with the same. */
const loggedIn = () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "a secret key");
};
const problem = (status: number, code: string) => ({ type: "t", title: "t", status, code, detail: `about ${code}` });

describe("the command line", () => {
  /** Answers by method and path, or functions that make them when they are asked for. */
  let routes: Record<string, unknown> = {};
  const ping = () => ({ service: "gateway", version: "1.2.3", time: new Date().toISOString() });
  let seen: { method: string; url: string; authorization?: string | undefined; body: string }[] = [];
  const server = createServer(async (call, response) => {
    const { method = "", url = "", headers } = call;
    seen.push({ method, url, authorization: headers.authorization, body: await text(call) });
    const found = routes[`${method} ${url.split("?", 1)[0]}`] ?? problem(404, "route.unknown");
    const answer: unknown = typeof found === "function" ? found() : found;
    const status = (answer as { code?: string; status: number }).code ? (answer as { status: number }).status : 200;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  let url = "";
  const home = mkdtempSync(join(tmpdir(), "command-line-"));
  beforeAll(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    rmSync(home, { recursive: true });
  });
  beforeEach(() => {
    seen = [];
    routes = {
      "GET /v1/queues": { queues: [queue("shop")] },
      "GET /v1/queues/shop": queue("shop"),
      "GET /v1/ping": ping,
      "POST /v1/queues/shop/requests": request(7, "accepted"),
      "GET /v1/queues/shop/requests": { requests: [request(2, "landed"), request(1, "error")] },
      "GET /v1/queues/shop/requests/1": request(1, "landed", { metadata: { commit: "0123" } }),
      "GET /v1/queues/shop/requests/1/why": why,
      "GET /v1/queues/shop/requests/1/history": {
        sqid: "shop/1",
        events: [
          entry("shop/1/accepted", { kind: "status", status: "accepted" }),
          entry("shop/1/landed", { kind: "status", status: "landed", metadata: { commit: "0123456789abcdef" } }),
        ],
      },
      "GET /v1/queues/shop/requests/3": request(3, "error", {
        reason: { code: "build.failed", message: "The build failed." },
      }),
      "GET /v1/queues/shop/requests/3/history": { sqid: "shop/3", events: [] },
      "GET /v1/queues/shop/requests/3/why": { ...why, sqid: "shop/3", sentence: "The build failed." },
      "POST /v1/queues/shop/pause": { ...queue("shop"), mode: "paused", note: "release day" },
    };
  });

  const run = async (
    args: readonly string[],
    environment: Record<string, string> = {},
    columns = 80,
    more: object = {},
  ) => {
    const [out, err]: [string[], string[]] = [[], []];
    const terminal = {
      out: (said: string) => void out.push(said),
      err: (said: string) => void err.push(said),
      isTTY: false,
      colours: false,
      columns,
      rows: 24,
    };
    const surroundings = {
      terminal,
      environment: { HOME: home, SUBMITQUEUE_URL: url, ...environment },
      interrupted: new AbortController().signal,
      ...more,
    };
    return { code: await runCommandLine(args, surroundings), out: out.join(""), err: err.join("") };
  };

  it("lands change URIs in the only queue, with the token of the environment", async () => {
    const { code, out } = await run(["land", CHANGE, "--priority", "3"], { SUBMITQUEUE_TOKEN: "secret" });
    expect({ code, out }).toEqual({ code: 0, out: "shop/7 is accepted. See: submitqueue status shop/7\n" });
    expect(JSON.parse(seen.at(-1)?.body ?? "")).toEqual({ changes: [CHANGE], priority: 3 });
    expect(seen.at(-1)?.authorization).toBe("Bearer secret");
  });

  it("tries a land without landing, asks again until it is answered, and says by its exit code whether it would merge", async () => {
    const [id, step] = ["a".repeat(32), { changes: [CHANGE], strategy: "REBASE" }];
    const trial = { id, queue: "shop", askedAt: AT, expiresAt: AT, ...step };
    routes["POST /v1/queues/shop/requests"] = { ...trial, state: "waiting", sentence: "Not yet." };
    const touches = { files: 2, additions: 10, deletions: 1, paths: ["a", "b"] };
    routes[`GET /v1/queues/shop/trials/${id}`] = {
      ...trial,
      state: "answered",
      sentence: "They merge.",
      mergeable: true,
      touches,
    };
    const { code, out } = await run(["land", CHANGE, "--dry-run"]);
    expect({ code, out }).toEqual({
      code: 0,
      out: "lands     yes\nwhy       They merge.\ntouches   2 files, +10 -1\n",
    });
    expect(seen.slice(-2).map((call) => call.url)).toEqual([
      "/v1/queues/shop/requests?dryRun=true&wait=25",
      `/v1/queues/shop/trials/${id}?wait=25`,
    ]);
    const reason = { code: "merge.conflict", message: "It does not apply." };
    const refused = {
      ...trial,
      state: "answered",
      sentence: reason.message,
      mergeable: false,
      reason,
      conflicts: ["a", "b"],
    };
    routes["POST /v1/queues/shop/requests"] = refused;
    expect(await run(["land", CHANGE, "--dry-run"])).toMatchObject({
      code: 1,
      out: "lands     no\nwhy       It does not apply.\ncode      merge.conflict\nconflicts a\n          b\n",
    });
    const json = await run(["land", CHANGE, "--dry-run", "--json"]);
    expect(JSON.parse(json.out)).toEqual(refused);
    expect((await run(["land", CHANGE, "--dry-run", "--wait"])).code).toBe(2);
  });

  it("asks which queue is meant when there are several", async () => {
    routes["GET /v1/queues"] = { queues: [queue("shop"), queue("docs")] };
    expect(await run(["land", CHANGE])).toMatchObject({ code: 2, err: expect.stringContaining("shop, docs") });
    expect((await run(["land", CHANGE, "--queue", "shop"])).code).toBe(0);
  });

  it("waits for news of a request by the API's own waiting, and asks no more often than there is news", async () => {
    const entries = ["accepted", "validated", "landed"].map((status) =>
      entry(`shop/1/${status}`, { kind: "status", status }),
    );
    let told = 0;
    Object.defineProperty(routes, "GET /v1/queues/shop/requests/1/history", {
      get: () => ({ sqid: "shop/1", events: entries.slice(0, ++told) }),
    });
    expect((await run(["watch", "1"])).code).toBe(0);
    const { pathname } = new URL(url);
    const calls = seen
      .map((call) => call.url.slice(pathname.length - 1))
      .filter((path) => path.includes("/requests/1"));
    expect(calls).toEqual([
      ...[0, 1, 2].map((known) => `/v1/queues/shop/requests/1/history?wait=25&known=${known}`),
      "/v1/queues/shop/requests/1",
    ]);
  });

  it("follows a request to its end, and says by its exit code whether it landed", async () => {
    const landed = await run(["watch", "shop/1"]);
    expect(landed.code).toBe(0);
    expect(landed.out.split("\n").slice(0, 3)).toEqual([
      "10:00:00  Asked to land",
      "10:00:00  Landed as 0123456789ab",
      "shop/1 has landed as 0123",
    ]);
    const refused = await run(["watch", "shop/3"]);
    expect(refused).toMatchObject({ code: 1, out: "shop/3 was not landed: The build failed.\n" });
  });

  it("watches several requests with a line per change, and says by its exit code that a request did not land", async () => {
    const { code, out, err } = await run(["watch", "1", "shop/3", "1"]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(out.replaceAll(/^\d\d:\d\d:\d\d {2}/gm, "").split("\n")).toEqual([
      "shop/1  landed  as 0123",
      "shop/3  error  build.failed  The build failed.",
      "",
    ]);
    const lines = (await run(["watch", "1", "3", "--json"])).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).status)).toEqual(["landed", "error"]);
  });

  it("prints one document, or a line per event, under --json", async () => {
    expect(JSON.parse((await run(["status", "1", "--json"])).out)).toMatchObject({
      sqid: "shop/1",
      why: { ended: true },
    });
    const lines = (await run(["--json", "watch", "1"])).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).status)).toEqual(["accepted", "landed", "landed"]);
    expect(JSON.parse((await run(["list", "--json"])).out)).toHaveLength(2);
    expect(JSON.parse((await run(["queues", "--json"])).out)).toMatchObject([{ name: "shop" }]);
  });

  it.each([
    [["status", "9"], 1, { code: "route.unknown", sentence: "about route.unknown" }],
    [["queue", "show", "paid"], 1, { code: "route.unknown" }],
    [["status", "x"], 2, { code: "usage", sentence: expect.stringContaining("x is no request") }],
    [["land", "--wit"], 2, { code: "usage", sentence: expect.stringMatching(/^unknown option '--wit'/) }],
    [["queue"], 2, { code: "usage", sentence: "Name a command: --help lists them." }],
    [["lend"], 2, { code: "usage", sentence: expect.stringMatching(/^unknown command 'lend'/) }],
    [["list", "--limit", "x"], 2, { code: "usage" }],
    [["queues", "--url", "http://127.0.0.1:1"], 3, { code: "unreachable" }],
    [["config", "set", "url", "x"], 2, { code: "usage" }],
  ])("prints the error of %j as one JSON document under --json", async (args, code, error) => {
    const answer = await run([...args, "--json"]);
    expect(answer.code).toBe(code);
    expect(JSON.parse(answer.out)).toEqual({ error: expect.objectContaining({ next: expect.any(String), ...error }) });
    expect(answer.out.trim()).not.toContain("\n");
    expect(answer.err).not.toBe("");
  });

  it("prints a kept setting under --json, but no token", async () => {
    const set = async (...args: string[]) => JSON.parse((await run(["config", ...args, "--json"])).out);
    expect(await set("set", "queue", "shop")).toMatchObject({ name: "queue", value: "shop" });
    expect(await set("set", "token", "secret")).toMatchObject({ name: "token", value: "(not shown)" });
    for (const name of ["queue", "token"]) expect(await set("unset", name)).toMatchObject({ name });
  });

  it.each([80, 120])("lists requests in a table of at most %i columns", async (columns) => {
    const { code, out } = await run(["list"], {}, columns);
    expect(code).toBe(0);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(columns);
    expect(out).toMatch(/^REQUEST +STATUS +AGE +CHANGES\nshop\/2 +landed .*shop x aaaaaaaa\nshop\/1 +error /);
  });

  it.each([80, 120])("lists titles where the log knows them, in at most %i columns", async (columns) => {
    const titled = request(2, "landed", { metadata: { title: "Pay by invoice, and tell the customer about it" } });
    routes["GET /v1/queues/shop/requests"] = { requests: [titled, request(1, "error")] };
    const { out } = await run(["list"], {}, columns);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(columns);
    expect(out).toMatch(/^REQUEST +STATUS +AGE +TITLE +CHANGES\nshop\/2 +landed .* Pay by invoice.* shop x/);
  });

  it("lists by status, author and caller", async () => {
    expect((await run(["list", "--status", "active", "--author", "a@b.c", "--caller", "anna"])).code).toBe(0);
    expect(seen.at(-1)?.url).toMatch(/status=active&author=a%40b\.c&caller=anna/);
  });

  it("raises a priority, with a reason", async () => {
    routes["PATCH /v1/queues/shop/requests/2"] = request(2, "speculating", { ended: false, priority: 5 });
    expect(await run(["priority", "2", "5", "--reason", "a fix"])).toMatchObject({
      code: 0,
      out: "shop/2 now has priority 5\n",
    });
    expect(JSON.parse(seen.at(-1)?.body ?? "")).toEqual({ priority: 5, reason: "a fix" });
    expect((await run(["priority", "2", "high"])).code).toBe(2);
  });

  it.each([80, 120])("shows the trends of a queue in %i columns, with reasons and flaky tests", async (columns) => {
    const tally = {
      ...{ landed: 40, refused: 5, cancelled: 1, p50Seconds: 700, p95Seconds: 1_900 },
      ...{ builds: 61, buildMinutes: 512.5, passed: 50, failed: 8, retried: 2, flaky: 1 },
      reasons: { "merge.conflict": 1, "build.failed": 4 },
    };
    const none = { ...{ landed: 0, refused: 0, cancelled: 0, builds: 0, buildMinutes: 0 }, reasons: {} };
    const quiet = { ...none, passed: 0, failed: 0, retried: 0, flaky: 0 };
    routes["GET /v1/queues/shop/trends"] = {
      ...{ queue: "shop", by: "day", total: tally },
      buckets: [
        { start: "2026-11-24T00:00:00.000Z", ...quiet },
        { start: AT, ...tally },
      ],
      flakes: [{ name: "cart › adds up", builds: 3, requests: 2, lastSeen: AT }],
    };
    const { code, out } = await run(["queue", "trends", "shop"], {}, columns);
    expect(code).toBe(0);
    expect(seen.at(-1)?.url).toContain("by=day");
    const [head = "", day = "", all = "", ...rest] = out.split("\n");
    for (const line of [head, day, all]) expect(line.length).toBeLessThanOrEqual(80);
    expect(day).toMatch(/^2026-11-25 +40 +5 +1 +11m +31m +61 +83% +2%$/);
    expect(all).toMatch(/^all +40/);
    expect(rest.join("\n")).toMatch(
      /^refused +build\.failed: 4\n +merge\.conflict: 1\nflaky +cart › adds up: failed 3 builds/,
    );
    expect((await run(["queue", "trends", "shop", "--by", "year"])).code).toBe(2);
  });

  it("changes how a queue runs, with a reason", async () => {
    const { code, out } = await run(["queue", "pause", "--reason", "release day"]);
    expect(code).toBe(0);
    expect(out).toContain("paused: release day");
    expect(JSON.parse(seen.at(-1)?.body ?? "")).toEqual({ note: "release day" });
  });

  it.each([
    [["list", "--queue", "nope"], problem(404, "queue.unknown"), 1],
    [["list", "--queue", "nope"], problem(400, "request.invalid"), 2],
    [["list", "--queue", "nope"], problem(401, "auth.missing"), 4],
    [["list", "--queue", "nope"], problem(403, "auth.denied"), 4],
  ])("ends %j with the code of the refusal %j", async (args, refusal, code) => {
    routes["GET /v1/queues/nope/requests"] = refusal;
    expect(await run(args)).toEqual({ code, out: "", err: `${refusal.code}: about ${refusal.code}\n` });
  });

  it("says of a request and of a path that are not there where to look", async () => {
    routes["GET /v1/queues/shop/requests/9"] = problem(404, "land.unknown");
    expect((await run(["why", "9", "--queue", "shop"])).err).toMatch(/doctor/);
    routes["GET /v1/queues/shop/requests/9/why"] = problem(404, "land.unknown");
    expect((await run(["why", "9", "--queue", "shop"])).err).toMatch(/about land.unknown 'submitqueue list' shows/);
  });

  it("says that a port is taken", async () => {
    const { port } = server.address() as AddressInfo;
    expect(await run(["ui", "--port", String(port)])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--port"),
    });
  });

  it("says that a port is taken before a GitHub App is created", async () => {
    const { port } = server.address() as AddressInfo;
    const flags = ["--webhook", "https://queue.example/github/webhook", "--store", "laptop", "--port", String(port)];
    expect(await run(["github", "create-app", ...flags])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`Port ${port} of 127.0.0.1 is taken`),
    });
  });

  it("asks once which queue is meant, however many requests are watched", async () => {
    await run(["watch", "1", "3", "--json"]);
    expect(seen.filter((call) => call.url === "/v1/queues")).toHaveLength(1);
  });

  it("serves the page with signed calls where the settings say so, at any address", async () => {
    const done = new AbortController();
    const environment = { SUBMITQUEUE_AUTH: "iam" };
    vi.stubEnv("AWS_REGION", "eu-west-1");
    loggedIn();
    const { promise: address, resolve } = Promise.withResolvers<string>();
    const terminal = { out: (said: string) => resolve(JSON.parse(said).address), err: () => {}, columns: 80 };
    const ended = run(["ui", "--json"], environment, 80, { terminal, interrupted: done.signal });
    const opened = await fetch(await address, { redirect: "manual" });
    const cookie = opened.headers.get("set-cookie")?.split(";")[0] ?? "";
    await fetch(new URL("/v1/ping", await address), { headers: { cookie } });
    done.abort();
    await ended;
    expect(seen.at(-1)?.authorization).toContain("Credential=AKIDEXAMPLE/");
    expect(seen.at(-1)?.authorization).toContain("/eu-west-1/execute-api/");
  });

  it.each([80, 120])("has help that fits a terminal of %i columns, for each command", async (columns) => {
    const commands = ["", "land", "watch", "doctor", "ui", "mcp", "queue", "config", "list", "completion", "github"];
    for (const command of commands) {
      const { code, out } = await run([...command.split(" ").filter(Boolean), "--help"], {}, columns);
      expect(code, command).toBe(0);
      // A path is not broken.
      const lines = out.split("\n").filter((line) => !line.includes(home));
      for (const line of lines) expect(line.length, `${command}: ${line}`).toBeLessThanOrEqual(columns);
    }
  });

  it("tells its version, which is that of the package", async () => {
    const { version } = JSON.parse(readFileSync("client/package.json", "utf8"));
    expect(await run(["--version"])).toMatchObject({ code: 0, out: `${version}\n` });
  });

  it("ends with 3 when there is no API, and says what to look at", async () => {
    const { code, err } = await run(["queues"], { SUBMITQUEUE_URL: "http://127.0.0.1:1" });
    expect(code).toBe(3);
    expect(err).toContain("submitqueue doctor");
  });

  it.each([
    [["lst"], "Did you mean list?"],
    [["list", "--limit", "0"], "a whole number from 1"],
    [["status"], "missing required argument"],
    [["status", "x"], "x is no request"],
    [["status", "main/0"], "main/0 is no request"],
    [["status", "1e3"], "1e3 is no request"],
    [["status", "0x10"], "0x10 is no request"],
    [["land", "git://x"], "is no change URI"],
    [["land", "https://github.com/acme/shop"], "is no change URI"],
    [["list", "--queue", "Not A Queue"], "is not the name of a queue"],
    [["list", "--url", "nonsense"], "--url"],
    [["config", "set", "colour", "red"], "url, token, queue, auth"],
    [["config", "set", "url", "red"], "url must be"],
    [["config", "set", "token", ""], "token must be a token: visible ASCII"],
    [["list", "--token", "two words"], "token must be a token: visible ASCII"],
    [["list", "--queue", ""], "queue must be the name of a queue"],
  ])("refuses %j with 2 and says why", async (args, said) => {
    const { code, err, out } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(said);
  });

  it("keeps settings in a file, and shows where each comes from", async () => {
    expect((await run(["config", "set", "queue", "shop"])).code).toBe(0);
    expect((await run(["config", "set", "token", "secret"])).code).toBe(0);
    const { out } = await run(["config", "show"], {}, 200);
    expect(out).toContain("SUBMITQUEUE_URL");
    expect(out).toMatch(/queue +shop +.*config\.yaml/);
    expect(out).not.toContain("secret");
    for (const name of ["queue", "token"]) await run(["config", "unset", name]);
    expect((await run(["config", "show"], {}, 200)).out).not.toContain("config.yaml");
  });

  describe("doctor", () => {
    const rights = { land: true, cancelOthers: true, priority: true, operate: true };
    const me = { kind: "jwt", name: "ada", groups: ["sre"], queues: [{ name: "shop", rights }] };
    const preflight = { id: "a".repeat(32), queue: "shop", askedAt: AT, expiresAt: AT };
    const check = (kind: string, name: string) => ({ kind, sentence: `About the check ${name}.` });
    const tokenUntil = (seconds: number) => {
      const claims = { sub: "ada", exp: Math.floor(Date.now() / 1_000) + seconds };
      return `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;
    };
    const examined = async (environment: Record<string, string> = {}) => {
      const { code, out } = await run(["doctor", "--json"], environment);
      const found: { check: string; state: string; says: string }[] = JSON.parse(out);
      return { code, found, of: (name: string) => found.filter((finding) => finding.check === name) };
    };
    beforeEach(() => {
      routes["GET /v1/me"] = me;
      routes["POST /v1/queues/shop/preflights"] = {
        ...preflight,
        state: "answered",
        sentence: "The queue can build.",
        canBuild: true,
        findings: [check("ok", "test")],
      };
      routes["GET /v1/queues/shop"] = { ...queue("shop"), load: { receivedLastHour: 6, buildMinutes: 10 } };
    });

    it("finds entries of the queue that a newer release wrote", async () => {
      routes["GET /v1/queues/shop"] = { ...queue("shop"), unreadable: 2 };
      const { code, of } = await examined();
      expect(code).toBe(1);
      expect(of("queue")).toMatchObject([
        { state: "ok" },
        { state: "problem", says: expect.stringMatching(/^2 of its/) },
      ]);
    });

    it("looks whether the repository has the branch, and has no problem with a repository that can't be read from here", async () => {
      const remote = join(home, "shop.git");
      const inRemote = (...args: string[]) =>
        spawnSync("git", ["-C", remote, ...args], {
          encoding: "utf8",
          env: { ...process.env, ...COMMITTER },
        }).stdout.trim();
      spawnSync("git", ["init", "--quiet", "--bare", "--template=", remote]);
      routes["GET /v1/queues/shop"] = { ...queue("shop"), repository: remote };
      const lacking = await examined();
      expect(lacking.code).toBe(1);
      expect(lacking.of("branch")).toEqual([
        {
          check: "branch",
          state: "problem",
          says: `${remote} has no branch main: create it, or name another in queues.yaml`,
        },
      ]);
      const commit = inRemote("commit-tree", "-m", "x", inRemote("hash-object", "-w", "-t", "tree", "/dev/null"));
      inRemote("update-ref", "refs/heads/main", commit);
      expect((await examined()).of("branch")).toEqual([
        { check: "branch", state: "ok", says: `main is at ${commit.slice(0, 12)}` },
      ]);
      routes["GET /v1/queues/shop"] = { ...queue("shop"), repository: join(home, "none.git") };
      const unread = await examined();
      expect(unread.code).toBe(0);
      expect(unread.of("branch")).toMatchObject([{ state: "warning" }]);
    });

    it("finds nothing wrong: who the caller is, the rights, the checks that builds wait for, the budget", async () => {
      const { code, out } = await run(["doctor"]);
      expect(code).toBe(0);
      expect(out.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
        expect.stringMatching(/^✔ git git version /),
        "✔ token none is set: calls say nothing of who makes them",
        expect.stringMatching(/^✔ api .* answers, version 1\.2\.3$/),
        "✔ clock agrees with the API's",
        "✔ caller you are ada, in the groups sre",
        "✔ queue shop is open",
        "✔ rights you may land; cancel requests of others; set priorities; pause, drain and resume",
        "! branch not known: /srv/shop.git can't be read from here, as git ls-remote says",
        "✔ builds About the check test.",
        "✔ budget 4 at once suffices: 6 changes in the last hour, builds of 10 minutes",
        "",
      ]);
    });

    it("warns of a paused queue, of what could not be found out, of a budget that is too small and of a token that runs out", async () => {
      routes["GET /v1/queues/shop"] = {
        ...queue("shop"),
        mode: "paused",
        note: "release day",
        load: { receivedLastHour: 20, buildMinutes: 12 },
      };
      routes["POST /v1/queues/shop/preflights"] = { ...preflight, state: "failed", sentence: "GitHub was away." };
      const { code, of } = await examined({ SUBMITQUEUE_TOKEN: tokenUntil(60) });
      expect(code).toBe(0);
      expect(of("queue")).toMatchObject([{ state: "warning", says: expect.stringContaining("paused: release day") }]);
      expect(of("builds")).toMatchObject([{ state: "warning", says: "GitHub was away." }]);
      expect(of("budget")).toMatchObject([
        { state: "warning", says: expect.stringMatching(/need about 8.*Raise budget/) },
      ]);
      expect(of("token")).toMatchObject([
        { state: "warning", says: expect.stringContaining("SUBMITQUEUE_TOKEN: runs out") },
      ]);
    });

    it("has a problem with a clock, a token that ran out, a check that never reports, and a caller who may not land", async () => {
      routes["GET /v1/ping"] = { service: "gateway", version: "1.2.3", time: AT };
      routes["GET /v1/me"] = { ...me, queues: [{ name: "shop", rights: { ...rights, land: false, operate: false } }] };
      routes["POST /v1/queues/shop/preflights"] = {
        ...preflight,
        state: "answered",
        sentence: "No.",
        canBuild: false,
        findings: [check("ok", "test"), check("problem", "lint"), check("unknown", "e2e")],
      };
      const { code, of } = await examined({ SUBMITQUEUE_TOKEN: tokenUntil(-60) });
      expect(code).toBe(1);
      expect(of("clock")).toMatchObject([{ state: "problem" }]);
      expect(of("token")).toMatchObject([{ state: "problem", says: expect.stringContaining("Get a new one") }]);
      expect(of("rights")).toMatchObject([{ state: "problem", says: expect.stringContaining("access.land") }]);
      expect(of("builds").map(({ state }) => state)).toEqual(["ok", "problem", "warning"]);
    });

    it("goes on where a call can't even be made, and takes a token for good whose end no date can name", async () => {
      vi.stubEnv("AWS_REGION", "");
      vi.stubEnv("AWS_DEFAULT_REGION", "");
      loggedIn();
      const unsigned = await examined({ SUBMITQUEUE_AUTH: "iam" });
      expect(unsigned.code).toBe(1);
      expect(unsigned.of("api")).toMatchObject([{ state: "problem", says: expect.stringContaining("AWS_REGION") }]);
      const { of } = await examined({ SUBMITQUEUE_TOKEN: tokenUntil(1e20) });
      expect(of("token")).toEqual([{ check: "token", state: "ok", says: "from SUBMITQUEUE_TOKEN" }]);
    });

    it("says what to do when the API refuses the caller, has no such queue, or is not there", async () => {
      routes["GET /v1/ping"] = problem(401, "caller.unauthenticated");
      const refused = await examined();
      expect(refused.code).toBe(1);
      expect(refused.of("api")).toMatchObject([
        { state: "problem", says: expect.stringContaining("SUBMITQUEUE_TOKEN") },
      ]);
      expect(refused.of("queue")).toMatchObject([{ state: "skipped" }]);
      const alone = await examined({ SUBMITQUEUE_URL: "http://127.0.0.1:1" });
      expect(alone.of("api")).toMatchObject([
        { state: "problem", says: expect.stringContaining("from SUBMITQUEUE_URL") },
      ]);
      expect(new Set(alone.found.slice(3).map(({ state }) => state))).toEqual(new Set(["skipped"]));
      routes["GET /v1/ping"] = ping;
      const elsewhere = await examined({ SUBMITQUEUE_QUEUE: "nope" });
      expect(elsewhere.code).toBe(1);
      expect(elsewhere.of("queue")).toMatchObject([{ state: "problem" }]);
      expect(elsewhere.of("builds")).toMatchObject([{ state: "skipped" }]);
    });
  });

  it("offers queues and request numbers to a shell, and nothing when the API does not answer", async () => {
    const said = vi.spyOn(console, "log").mockImplementation(() => {});
    const offered = async (words: readonly string[], environment = {}) => {
      said.mockClear();
      expect((await run(["complete", "--", ...words], environment)).code).toBe(0);
      return said.mock.calls.map(([line]) => String(line));
    };
    expect(await offered(["status", ""])).toEqual(expect.arrayContaining(["2\tlanded", "1\terror"]));
    expect(await offered(["queue", "show", ""])).toEqual(expect.arrayContaining(["shop\tmain, open"]));
    expect(await offered(["list", "--queue", ""])).toEqual(expect.arrayContaining(["shop\tmain, open"]));
    const gone = { SUBMITQUEUE_URL: "http://127.0.0.1:1" };
    expect(await offered(["status", ""], gone)).not.toContain("2\tlanded");
    const listing = [
      "for-each-ref",
      "--count=1",
      "--sort=-committerdate",
      "--format=%(refname:lstrip=2)",
      "refs/heads",
    ];
    const branch = spawnSync("git", listing, { encoding: "utf8" }).stdout.trim();
    expect((await offered(["land", ""], gone))[0]?.split("\t")[0]).toBe(branch === "" ? ":4" : branch);
    expect(await offered(["land", "--strategy", ""], gone)).toContain("PROMOTE\t");
    said.mockRestore();
  });

  it("completes in a bash without the package bash-completion", async () => {
    const script = (await run(["completion", "bash"])).out;
    const words = "_get_comp_words_by_ref -n : cur prev words cword";
    const typed = `COMP_WORDS=(submitqueue land on); COMP_CWORD=2\n${words}\necho $cur $prev $cword \${words[1]}`;
    const { stdout } = spawnSync("bash", ["--norc", "-c", `${script}\n${typed}`], { encoding: "utf8" });
    expect(stdout).toBe("on land 2 land\n");
  });

  it("hands the flags of simulate to the simulator, and exports the history of the queue", async () => {
    const given: unknown[] = [];
    const simulator = {
      simulate: async (flags: readonly string[]) => given.push(flags) + 2,
      history: async function* (queue: { readonly name: string }, window: object) {
        yield { queue: queue.name, ...window };
      },
    };
    expect(await run(["simulate", "--replay", "x", "--json"], {}, 80, { simulator })).toMatchObject({ code: 3 });
    expect(given).toEqual([["--replay", "x", "--json"]]);
    const exported = await run(["export", "--since", AT], {}, 80, { simulator });
    expect(exported).toMatchObject({ code: 0, out: `${JSON.stringify({ queue: "shop", since: AT })}\n` });
    expect((await run(["simulate"])).code).toBe(2);
  });

  it("shows the tests that failed and passed on retry", async () => {
    const flake = { name: "cart › adds up", builds: 3, requests: 2, lastSeen: AT };
    const flakes = [
      flake,
      ...Array.from({ length: 11 }, (_, n) => ({ ...flake, name: `t${n}`, builds: 1, requests: 1 })),
    ];
    routes["GET /v1/queues/shop"] = { ...queue("shop"), flakes };
    const { out } = await run(["queue", "show"]);
    expect(out).toMatch(/^flaky {5}cart › adds up: failed 3 builds of 2 requests and passed on retry, last .* ago$/m);
    expect(out).toMatch(/^ {10}t0: failed 1 build of 1 request /m);
    expect(out).toMatch(/^ {10}and 2 more: --json names them$/m);
  });

  it("shows that the branch of a queue is red: since when, at which commit, by whom, and what failed", async () => {
    const commit = "c0ffee".padEnd(40, "0");
    const red = { since: AT, commit, author: "Ann", reason: { code: "build.failed", message: "unit failed\nat a" } };
    routes["GET /v1/queues/shop"] = { ...queue("shop"), red };
    const { out } = await run(["queue", "show"]);
    expect(out).toMatch(/^mode {6}open, trunk red$/m);
    expect(out).toMatch(/^trunk red for .* at c0ffee000000 by Ann: unit failed$/m);
  });

  it("watches a queue until nothing is in flight, and shows its requests", async () => {
    const ends = { landed: 2, refused: 1, cancelled: 0 };
    const inFlight = (number: number) => ({
      ...request(number, "speculating"),
      title: "Add a button",
      sentence: "Waiting for a free build slot.",
      blocker: "budget",
      estimateSeconds: 90,
      builds: [],
    });
    const now = (requests: unknown[], recent: unknown[]) => ({
      ...queue("shop"),
      budget: 4,
      buildsRunning: 3,
      counts: { waiting: requests.length, building: 0, landing: 0 },
      ended: { lastHour: ends, lastDay: ends },
      timeToLand: { count: 2, medianSeconds: 240, p95Seconds: 600 },
      requests,
      more: false,
      recent,
    });
    routes["GET /v1/queues/shop"] = now([inFlight(7)], []);
    const shown = await run(["queue", "show"]);
    expect(shown.out).toContain("in queue  1 waiting, 0 building, 0 landing\n");
    expect(shown.out).toContain("builds    3 of 4 run\nlast hour 2 landed, 1 refused, 0 cancelled\n");
    expect(shown.out).toContain("to land   median 4m, P95 10m\n");
    const watching = run(["watch"]);
    await untilPasses(() =>
      expect(seen.filter(({ url: path }) => path === "/v1/queues/shop").length).toBeGreaterThan(1),
    );
    routes["GET /v1/queues/shop"] = now([], [{ sqid: "shop/7", status: "landed", endedAt: AT, commit: "c0ffee" }]);
    const { code, out } = await watching;
    expect(code).toBe(0);
    expect(out.replaceAll(/^\d\d:\d\d:\d\d {2}/gm, "").split("\n")).toEqual([
      "shop/7  speculating  no free slot",
      "shop/7  landed  as c0ffee",
      "",
    ]);
    routes["GET /v1/queues/shop"] = queue("shop");
    expect(await run(["watch"])).toMatchObject({ code: 2, err: expect.stringContaining("name requests to watch") });
  });
});
