import { createHmac, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createAppAuth } from "@octokit/auth-app";
import { request } from "@octokit/request";
import { execa } from "execa";
import { describe, expect, it, onTestFinished } from "vitest";
import { type FakeGitHub, startFakeGitHub } from "../../../localstack/fakes/github/index.ts";
import { openPull } from "../../../localstack/fakes/github/pull-requests.ts";
import { writeBranch } from "../../../localstack/sandbox/write-branch.ts";
import { scratch } from "../../adapters/build-runner/tasks.ts";
import { withoutTimeLimits } from "../../support/without-time-limits.ts";

const R = { owner: "acme", repo: "shop" };
const NULL = "0".repeat(40);

async function world() {
  const directory = await scratch();
  const github = await startFakeGitHub({ directory, repositories: ["acme/shop"] });
  onTestFinished(withoutTimeLimits());
  onTestFinished(() => github.stop());
  const { git } = github.repository("acme/shop");
  const write = (ref: string, files: Record<string, string>, from?: string) =>
    writeBranch(git.path, {
      ref,
      by: "A <a@example.invalid>",
      at: 1_800_000_000,
      commits: [{ message: "one\n", files }],
      ...(from === undefined ? {} : { from }),
    });
  const main = await write("refs/heads/main", { a: "1\n" });
  await github.sync("acme/shop");
  const { app } = github.identities;
  const auth = createAppAuth({
    appId: app.id,
    privateKey: app.privateKey,
    request: request.defaults({ baseUrl: github.url }),
  });
  const api = request.defaults({ baseUrl: github.url });
  const installed = async (options = {}) => {
    const { token } = await auth({ type: "installation", installationId: app.installationId, ...options });
    return api.defaults({ headers: { authorization: `token ${token}` } });
  };
  const asApp = async () => {
    const { token } = await auth({ type: "app" });
    return request.defaults({ baseUrl: github.url, headers: { authorization: `bearer ${token}` } });
  };
  return { directory, github, git, main, write, app, api, installed, asApp };
}

/** Takes webhooks until the test ends. */
async function receiver(github: FakeGitHub, status = () => 200) {
  const taken: { headers: Record<string, unknown>; body: string }[] = [];
  const server = createServer(async (call, answer) => {
    taken.push({ headers: call.headers, body: await text(call) });
    answer.writeHead(status()).end();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  onTestFinished(() => void server.close());
  github.webhooks.config.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return taken;
}

describe("the fake GitHub", () => {
  it("knows the App by a JWT of its key, and gives its installation a token", async () => {
    const { asApp, api, app, installed } = await world();
    const call = await asApp();
    expect((await call("GET /app")).data).toMatchObject({ id: app.id, slug: "submitqueue" });
    expect((await call("GET /repos/{owner}/{repo}/installation", R)).data.id).toBe(app.installationId);
    const { data } = await (await installed())("GET /installation/repositories");
    expect(data.repositories.map(({ full_name }) => full_name)).toEqual(["acme/shop"]);
    await expect(api("GET /repos/{owner}/{repo}", R)).rejects.toMatchObject({ status: 401 });
    const unknown = api.defaults({ headers: { authorization: "token ghs_unknown" } });
    await expect(unknown("GET /repos/{owner}/{repo}", R)).rejects.toMatchObject({ status: 401 });
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    const { token } = await createAppAuth({ appId: app.id, privateKey })({ type: "app" });
    await expect(api("GET /app", { headers: { authorization: `bearer ${token}` } })).rejects.toMatchObject({
      status: 401,
    });
  });

  it("enforces what a token may do, and lets only Apps make check runs", async () => {
    const { installed, main, github, api } = await world();
    const reader = await installed({ permissions: { contents: "read" } });
    await expect(
      reader("POST /repos/{owner}/{repo}/git/refs", { ...R, ref: "refs/heads/x", sha: main }),
    ).rejects.toMatchObject({ status: 403 });
    const user = api.defaults({ headers: { authorization: `token ${github.identities.userToken("ann")}` } });
    await user("POST /repos/{owner}/{repo}/git/refs", { ...R, ref: "refs/heads/x", sha: main });
    const check = { name: "unit", head_sha: main };
    await expect(user("POST /repos/{owner}/{repo}/check-runs", { ...R, ...check })).rejects.toMatchObject({
      status: 403,
    });
    const run = (await (await installed())("POST /repos/{owner}/{repo}/check-runs", { ...R, ...check })).data;
    expect(run).toMatchObject({ name: "unit", status: "queued", app: { slug: "submitqueue" } });
    const nowhere = { name: "unit", head_sha: "ab".repeat(20) };
    await expect(
      (await installed())("POST /repos/{owner}/{repo}/check-runs", { ...R, ...nowhere }),
    ).rejects.toMatchObject({
      status: 422,
    });
  });

  it("is a git server: what is pushed with a token is there, and told as a push", async () => {
    const { directory, github, git, app, main } = await world();
    const taken = await receiver(github);
    const { token } = github.identities.issue();
    const remote = github.url.replace("http://", `http://x-access-token:${token}@`);
    const run = (...args: string[]) =>
      execa("git", args, { cwd: directory, env: { GIT_TERMINAL_PROMPT: "0", HOME: directory }, reject: false });
    expect((await run("clone", "--quiet", `${remote}/acme/shop.git`, "clone")).exitCode).toBe(0);
    const pushed = await run(
      "-C",
      "clone",
      "push",
      "--quiet",
      "origin",
      "HEAD:refs/heads/topic",
      "HEAD:refs/submitqueue/paths/x",
    );
    expect(pushed).toMatchObject({ exitCode: 0 });
    expect(await git.refs("refs/submitqueue")).toEqual(new Map([["refs/submitqueue/paths/x", main]]));
    await github.webhooks.idle();
    expect(taken.map(({ headers }) => headers["x-github-event"]).sort()).toEqual(["create", "push"]);
    const push = taken.find(({ headers }) => headers["x-github-event"] === "push");
    const mac = createHmac("sha256", app.webhookSecret)
      .update(push?.body ?? "")
      .digest("hex");
    expect(push?.headers["x-hub-signature-256"]).toBe(`sha256=${mac}`);
    expect(push?.headers["x-github-delivery"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(push?.body ?? "")).toMatchObject({
      ref: "refs/heads/topic",
      before: NULL,
      after: main,
      created: true,
      repository: { full_name: "acme/shop" },
      installation: { id: app.installationId },
    });
    const refused = await run("clone", "--quiet", `${github.url}/acme/shop.git`, "other");
    expect(refused.stderr).toMatch(/could not read Username|Authentication failed/);
  });

  it("makes, moves and deletes branches, and refuses what GitHub refuses", async () => {
    const { installed, main, write, git } = await world();
    const call = await installed();
    const ref = "refs/heads/submitqueue/shop/k";
    const made = { ref, sha: main };
    await call("POST /repos/{owner}/{repo}/git/refs", { ...R, ...made });
    await expect(call("POST /repos/{owner}/{repo}/git/refs", { ...R, ...made })).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining("Reference already exists"),
    });
    await expect(
      call("POST /repos/{owner}/{repo}/git/refs", { ...R, ref: "refs/heads/y", sha: "ab".repeat(20) }),
    ).rejects.toMatchObject({ status: 422 });
    expect(
      (await call("GET /repos/{owner}/{repo}/git/ref/{ref}", { ...R, ref: "heads/submitqueue/shop/k" })).data.object
        .sha,
    ).toBe(main);
    const other = await write("refs/other/x", { b: "1\n" });
    await expect(
      call("PATCH /repos/{owner}/{repo}/git/refs/{ref}", { ...R, ref: "heads/submitqueue/shop/k", sha: other }),
    ).rejects.toMatchObject({ status: 422 });
    await call("PATCH /repos/{owner}/{repo}/git/refs/{ref}", {
      ...R,
      ref: "heads/submitqueue/shop/k",
      sha: other,
      force: true,
    });
    expect((await git.refs(ref)).get(ref)).toBe(other);
    await call("DELETE /repos/{owner}/{repo}/git/refs/{ref}", { ...R, ref: "heads/submitqueue/shop/k" });
    await expect(
      call("DELETE /repos/{owner}/{repo}/git/refs/{ref}", { ...R, ref: "heads/submitqueue/shop/k" }),
    ).rejects.toMatchObject({ status: 422 });
    await expect(
      call("GET /repos/{owner}/{repo}/git/ref/{ref}", { ...R, ref: "heads/submitqueue/shop/k" }),
    ).rejects.toMatchObject({ status: 404 });
  });

  it("marks a pull request as merged by a later push of its base, and only closes it by the push that moves its head", async () => {
    const { directory, github, write, main } = await world();
    const { token } = github.identities.issue();
    expect(token).toMatch(/^ghs_4711_[\w-]{80,}\.[\w-]{400,}\.[\w-]{300,}$/);
    const remote = `${github.url.replace("http://", `http://x-access-token:${token}@`)}/acme/shop.git`;
    const [one, two] = [
      await write("refs/other/1", { b: "1\n" }, main),
      await write("refs/other/2", { c: "1\n" }, main),
    ];
    const repository = github.repository("acme/shop");
    const pulls = [];
    for (const head of ["one", "two"]) {
      await write(`refs/heads/${head}`, { [head]: "old\n" }, main);
      await github.sync("acme/shop");
      pulls.push(await openPull(github, repository, { title: head, head, base: "main", by: "ann" }));
    }
    const push = (...refspecs: string[]) =>
      execa("git", ["push", "--quiet", remote, ...refspecs], { cwd: repository.git.path, env: { HOME: directory } });
    await push(`+${one}:refs/heads/one`, `+${one}:refs/heads/main`);
    await push(`+${two}:refs/heads/two`);
    await push(`+${two}:refs/heads/main`);
    expect(pulls.map(({ state, mergedAt }) => [state, mergedAt !== null])).toEqual([
      ["closed", false],
      ["closed", true],
    ]);
  });

  it("takes no blank comment and none of more than 65,536 characters, and knows labels by their letters", async () => {
    const { installed, github, write, main } = await world();
    await write("refs/heads/topic", { b: "1\n" }, main);
    await github.sync("acme/shop");
    await openPull(github, github.repository("acme/shop"), { title: "t", head: "topic", base: "main", by: "ann" });
    const call = await installed();
    const issue = { ...R, issue_number: 1 };
    const comment = (body: string) =>
      call("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", { ...issue, body });
    for (const body of [" ", "x".repeat(65_537)]) await expect(comment(body)).rejects.toMatchObject({ status: 422 });
    const { data } = await comment("x".repeat(65_536));
    await expect(
      call("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", { ...R, comment_id: data.id, body: "" }),
    ).rejects.toMatchObject({ status: 422 });
    const label = (name: string) =>
      call("POST /repos/{owner}/{repo}/issues/{issue_number}/labels", { ...issue, labels: [name] });
    await label("Land");
    expect((await label("land")).data.map(({ name }) => name)).toEqual(["Land"]);
    await call("DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}", { ...issue, name: "LAND" });
  });

  it("keeps check runs and statuses, of which the last of a name counts", async () => {
    const { installed, main, github, api } = await world();
    const taken = await receiver(github);
    const call = await installed();
    const first = (
      await call("POST /repos/{owner}/{repo}/check-runs", { ...R, name: "unit", head_sha: main, status: "in_progress" })
    ).data;
    const annotation = { path: "a", start_line: 1, end_line: 1, annotation_level: "failure" as const, message: "no" };
    const output = { title: "t", summary: "s", annotations: [annotation] };
    await call("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", {
      ...R,
      check_run_id: first.id,
      conclusion: "failure",
      output,
    });
    await call("POST /repos/{owner}/{repo}/check-runs", { ...R, name: "unit", head_sha: main, conclusion: "success" });
    const listed = async (filter: "latest" | "all") =>
      (
        await call("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", { ...R, ref: main, filter })
      ).data.check_runs.map(({ conclusion }) => conclusion);
    expect([await listed("latest"), await listed("all")]).toEqual([["success"], ["success", "failure"]]);
    expect(
      (await call("GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", { ...R, check_run_id: first.id }))
        .data,
    ).toMatchObject([annotation]);
    const user = api.defaults({ headers: { authorization: `token ${github.identities.userToken("ci")}` } });
    for (const state of ["pending", "success"] as const)
      await user("POST /repos/{owner}/{repo}/statuses/{sha}", { ...R, sha: main, state, context: "ci/lint" });
    expect((await call("GET /repos/{owner}/{repo}/commits/{ref}/status", { ...R, ref: main })).data).toMatchObject({
      state: "success",
      total_count: 1,
    });
    expect((await call("GET /repos/{owner}/{repo}/commits/{ref}/statuses", { ...R, ref: main })).data).toHaveLength(2);
    await github.webhooks.idle();
    const names = taken.map(({ headers, body }) =>
      `${headers["x-github-event"]} ${JSON.parse(body).action ?? ""}`.trim(),
    );
    // Deliveries are under way at once.
    expect(names.toSorted()).toEqual([
      ...["check_run completed", "check_run completed", "check_run created", "check_run created"],
      ...["check_suite completed", "check_suite completed", "status", "status"],
    ]);
  });

  it("says what a branch requires, by rulesets and by classic protection", async () => {
    const { installed, github } = await world();
    const repository = github.repository("acme/shop");
    repository.ruleset.set("main", [{ context: "unit", appId: 15_368 }]);
    repository.protection.set("main", [{ context: "ci/lint" }]);
    const call = await installed();
    const { data: rules } = await call("GET /repos/{owner}/{repo}/rules/branches/{branch}", { ...R, branch: "main" });
    expect(rules).toMatchObject([
      {
        type: "required_status_checks",
        parameters: { required_status_checks: [{ context: "unit", integration_id: 15_368 }] },
      },
    ]);
    const { data: branch } = await call("GET /repos/{owner}/{repo}/branches/{branch}", { ...R, branch: "main" });
    expect(branch.protection.required_status_checks).toMatchObject({ contexts: ["ci/lint"] });
  });

  it("keeps deliveries, retries none, and sends one again when the App asks", async () => {
    const { asApp, main, installed, github } = await world();
    let status = 500;
    const taken = await receiver(github, () => status);
    await (await installed())("POST /repos/{owner}/{repo}/git/refs", { ...R, ref: "refs/heads/x", sha: main });
    await github.webhooks.idle();
    expect(taken).toHaveLength(2);
    const call = await asApp();
    const failed = (await call("GET /app/hook/deliveries")).data.find(({ event }) => event === "push");
    expect(failed).toMatchObject({ status_code: 500, redelivery: false });
    status = 200;
    await call("POST /app/hook/deliveries/{delivery_id}/attempts", { delivery_id: Number(failed?.id) });
    await github.webhooks.idle();
    const [again] = (await call("GET /app/hook/deliveries")).data;
    expect(again).toMatchObject({ guid: failed?.guid, status_code: 200, redelivery: true });
    expect(taken[2]?.headers["x-github-delivery"]).toBe(failed?.guid);
  });

  it("limits how often it is called, and says when to come back", async () => {
    const { installed, github } = await world();
    const call = await installed();
    github.limitNext({ retryAfterSeconds: 7 });
    await expect(call("GET /repos/{owner}/{repo}", R)).rejects.toMatchObject({
      status: 403,
      response: { headers: { "retry-after": "7" } },
    });
    github.limitNext({ kind: "primary" });
    await expect(call("GET /repos/{owner}/{repo}", R)).rejects.toMatchObject({
      response: { headers: { "x-ratelimit-remaining": "0" } },
    });
    expect((await call("GET /repos/{owner}/{repo}", R)).status).toBe(200);
  });

  it("fails the test when a call, an answer or a payload contradicts GitHub's description", async () => {
    const directory = await scratch();
    const github = await startFakeGitHub({ directory, repositories: ["acme/shop"] });
    const headers = { authorization: `token ${github.identities.userToken("ann")}` };
    const api = request.defaults({ baseUrl: github.url, headers });
    await expect(
      api("POST /repos/{owner}/{repo}/git/refs", { ...R, ref: "refs/heads/x" } as never),
    ).rejects.toMatchObject({
      status: 422,
    });
    await expect(api("GET /repos/acme/shop/nothing" as never)).rejects.toMatchObject({ status: 404 });
    github.emit(github.repository("acme/shop"), "check_run.completed", { check_run: { id: "one" } });
    await expect(github.stop()).rejects.toThrow(
      /required property 'sha'[\s\S]*nothing is nothing that[\s\S]*check_run\.completed: \/check_run\/id must be integer/,
    );
  });

  it("shows a person what the links of checks, pull requests and comments lead to", async () => {
    const { github, installed, main } = await world();
    const repository = github.repository("acme/shop");
    await repository.git.update("refs/heads/cart", main);
    const pull = await openPull(github, repository, { title: "A <cart>", head: "cart", base: "main", by: "ann" });
    const call = await installed();
    const output = { title: "2 failed", summary: "**red**", text: "cart <1>" };
    const made = { ...R, head_sha: main, name: "unit", conclusion: "failure" as const, output };
    const { data: run } = await call("POST /repos/{owner}/{repo}/check-runs", made);
    const { data: shown } = await call("GET /repos/{owner}/{repo}/pulls/{pull_number}", {
      ...R,
      pull_number: pull.number,
    });
    const said = { ...R, issue_number: pull.number, body: "hello" };
    const { data: comment } = await call("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", said);
    const page = async (address: string | null) => (await fetch(address ?? "")).text();
    expect(run.details_url).toBe(run.html_url);
    const html = await page(run.html_url);
    for (const part of ["unit", "2 failed", "<b>red</b>", "cart &#60;1&#62;", `#${pull.number}</a>`])
      expect(html).toContain(part);
    for (const address of [shown.html_url, comment.html_url]) expect(await page(address)).toContain("A &#60;cart&#62;");
    const elsewhere = { ...made, name: "ours", details_url: "https://queue.example/q/main/1" };
    const { data: other } = await call("POST /repos/{owner}/{repo}/check-runs", elsewhere);
    expect(await page(other.html_url)).toContain('<a href="https://queue.example/q/main/1">ours</a>');
  });

  it("makes an App of a manifest: the page sends the browser on with a code, which is converted once", async () => {
    const { github, api, app: before } = await world();
    const manifest = {
      name: "Acme queue",
      url: "https://queue.example",
      hook_attributes: { url: "https://queue.example/github/webhook" },
      redirect_url: "http://127.0.0.1:4000/created",
      default_permissions: { contents: "write", checks: "write" },
      default_events: ["issue_comment"],
    };
    const create = (body: object, page = "/settings/apps/new?state=s3cret") =>
      fetch(`${github.url}${page}`, {
        method: "POST",
        body: new URLSearchParams({ manifest: JSON.stringify(body) }),
        redirect: "manual",
      });
    expect((await create({ ...manifest, name: "" })).status).toBe(422);
    const sent = new URL((await create(manifest)).headers.get("location") ?? "");
    expect(sent.href).toMatch(/^http:\/\/127\.0\.0\.1:4000\/created\?code=[0-9a-f]{40}&state=s3cret$/);
    const code = sent.searchParams.get("code") ?? "";
    const { data } = await api("POST /app-manifests/{code}/conversions", { code });
    expect(data).toMatchObject({ slug: "acme-queue", name: "Acme queue", events: ["issue_comment"] });
    expect(data.id).not.toBe(before.id);
    await expect(api("POST /app-manifests/{code}/conversions", { code })).rejects.toMatchObject({ status: 404 });
    const auth = createAppAuth({ appId: data.id, privateKey: data.pem, request: api });
    const { token } = await auth({ type: "app" });
    const asApp = api.defaults({ headers: { authorization: `bearer ${token}` } });
    expect((await asApp("GET /app/hook/config")).data.url).toBe("https://queue.example/github/webhook");
    await expect(asApp("GET /repos/{owner}/{repo}/installation", R)).rejects.toMatchObject({ status: 404 });
    github.identities.installation = "installed";
    const installation = (await asApp("GET /repos/{owner}/{repo}/installation", R)).data;
    expect(installation.permissions).toEqual({ metadata: "read", contents: "write", checks: "write" });
    github.webhooks.config.url = "";
  });

  it("knows no token of an App that was uninstalled, and lets no suspended one do anything", async () => {
    const { github, installed, asApp } = await world();
    const call = await installed();
    github.identities.installation = "suspended";
    await expect(call("GET /repos/{owner}/{repo}", R)).rejects.toMatchObject({ status: 403 });
    github.identities.installation = "uninstalled";
    await expect(call("GET /repos/{owner}/{repo}", R)).rejects.toMatchObject({ status: 401 });
    await expect((await asApp())("GET /repos/{owner}/{repo}/installation", R)).rejects.toMatchObject({ status: 404 });
    await expect(installed({ refresh: true })).rejects.toMatchObject({ status: 404 });
  });
});
