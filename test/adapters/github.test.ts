import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type GitHubClient, gitHubClient } from "../../functions/adapters/github/client.ts";
import { credentialsFrom, type GitHubCredentials } from "../../functions/adapters/github/credentials.ts";
import { redeliver } from "../../functions/adapters/github/deliveries.ts";
import { retryAtOf } from "../../functions/adapters/github/errors.ts";
import { pullRequests } from "../../functions/adapters/github/pull-requests.ts";
import { repositoryToken } from "../../functions/adapters/github/repository-token.ts";
import { gitHubOf } from "../../functions/contracts/code-host.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { type FakeGitHub, startFakeGitHub } from "../../localstack/fakes/github/index.ts";
import { Refusal } from "../../localstack/fakes/github/refusal.ts";
import { aQueue } from "./build-runner/tasks.ts";

const NOW = 1_800_000_000_000;
const R = { owner: "acme", repo: "shop" };

let github: FakeGitHub;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "submitqueue-test-"));
  github = await startFakeGitHub({ directory, repositories: ["acme/shop", "acme/other"], now: () => NOW });
});
afterAll(async () => {
  await github.stop();
  await rm(directory, { recursive: true, force: true });
});

const app = (): Extract<GitHubCredentials, { kind: "app" }> => {
  const { id, privateKey } = github.identities.app;
  return { kind: "app", appId: id, privateKey };
};
const client = (credentials: GitHubCredentials = app()) =>
  gitHubClient({ api: github.url, ...R, credentials, now: () => epochMs(NOW) });
const look = (of = client()) => of.call("GET /repos/{owner}/{repo}", R);

describe("the client of GitHub", () => {
  it("asks for a token of the one repository, once, and for another when GitHub takes the token back", async () => {
    const one = client();
    await look(one);
    github.calls.length = 0;
    await look(one);
    expect(github.calls).toEqual(["get /repos/{owner}/{repo}"]);
    await expect(one.call("GET /repos/{owner}/{repo}", { ...R, repo: "other" })).rejects.toMatchObject({ status: 404 });
    github.identities.revokeAll();
    expect((await look(one)).data.full_name).toBe("acme/shop");
    expect(await one.permissions()).toMatchObject({ contents: "write" });
  });

  it.each([
    [{ "retry-after": "30" }, "You have exceeded a secondary rate limit", NOW + 30_000],
    [
      { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(NOW / 1_000 + 900) },
      "API rate limit exceeded",
      NOW + 900_000,
    ],
    [{}, "You have exceeded a secondary rate limit", NOW + 60_000],
    [{ "retry-after": "99999999999999999" }, "You have exceeded a secondary rate limit", NOW + 86_400_000],
  ])("says when to come back after a limit with the headers %j", async (headers, message, retryAt) => {
    for (const status of [403, 429]) {
      github.refuseNext(new Refusal(status, message, { headers: headers as Record<string, string> }));
      const error = await look().catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "github.limited", message: expect.stringContaining(message) });
      expect(retryAtOf(error)).toBe(retryAt);
    }
  });

  it("tells an outage from credentials that are refused, and names the permission that is missing", async () => {
    const one = client();
    await look(one);
    github.refuseNext(new Refusal(503, "Unavailable"));
    await expect(look(one)).rejects.toMatchObject({ code: "github.unavailable" });
    github.refuseNext(
      new Refusal(403, "Resource not accessible", { headers: { "x-accepted-github-permissions": "checks=read" } }),
    );
    await expect(look(one)).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("grant them checks=read"),
    });
    await expect(look(client({ kind: "token", token: "ghp_unknown" }))).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("Bad credentials"),
    });
    const stopped = await startFakeGitHub({ directory, repositories: {} });
    const { url } = stopped;
    await stopped.stop();
    const away = gitHubClient({
      api: url,
      ...R,
      credentials: { kind: "token", token: "x" },
      now: () => epochMs(NOW),
    });
    await expect(look(away)).rejects.toMatchObject({ code: "github.unavailable" });
  });
});

describe("an App that is taken off a repository while its client is in use", () => {
  it("is the configuration's fault: no pull request is told to be gone", async () => {
    const one = client();
    await look(one);
    github.identities.installation = "uninstalled";
    onTestFinished(() => {
      github.identities.installation = "installed";
    });
    const { get, withHead, permissionOf } = pullRequests(one);
    for (const ask of [() => get(1), () => withHead("x"), () => permissionOf("ann"), () => one.token()])
      await expect(ask()).rejects.toMatchObject({
        code: "config.invalid",
        message: expect.stringContaining("is not installed on acme/shop"),
      });
  });

  it("and is installed again, is found under its new installation", async () => {
    const one = client();
    await look(one);
    const { app: identity } = github.identities;
    const { installationId } = identity;
    Object.assign(identity, { installationId: installationId + 1 });
    onTestFinished(() => void Object.assign(identity, { installationId }));
    github.identities.revokeAll();
    expect((await look(one)).data.full_name).toBe("acme/shop");
  });
});

it("a pull request is not gone because GitHub does not show its repository any more", async () => {
  const credentials = { kind: "token", token: github.identities.userToken("ann") } as const;
  const at = { api: github.url, credentials, now: () => epochMs(NOW) };
  expect(await pullRequests(gitHubClient({ ...at, ...R })).get(4_711)).toBeUndefined();
  await expect(pullRequests(gitHubClient({ ...at, owner: "acme", repo: "hidden" })).get(1)).rejects.toMatchObject({
    code: "config.invalid",
    message: expect.stringContaining("GitHub has no repository acme/hidden"),
  });
});

it("a page in the place of an answer is an outage: a proxy has answered, and not GitHub", async () => {
  const proxy = createServer((_call, answer) =>
    answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>Please log in</html>"),
  );
  onTestFinished(() => void proxy.close());
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const api = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  for (const credentials of [app(), { kind: "token", token: "x" } as const])
    await expect(look(gitHubClient({ api, ...R, credentials, now: () => epochMs(NOW) }))).rejects.toMatchObject({
      code: "github.unavailable",
    });
});

it("pull requests of a branch are found though the configuration spells the repository otherwise", async () => {
  const head = { ref: "fix", sha: "a".repeat(40), repo: { full_name: "acme/shop" } };
  const data = [{ number: 7, title: "Fix", state: "open", base: { ref: "main" }, head }];
  const github = pullRequests({ call: async () => ({ data }), owner: "Acme", repo: "Shop" } as unknown as GitHubClient);
  expect(await github.withHead("fix")).toMatchObject([{ number: 7 }]);
});

describe("credentials", () => {
  it("are a token, or a GitHub App as JSON", () => {
    expect(credentialsFrom(" ghs_4711_abc.def-ghi\n", "s")).toEqual({ kind: "token", token: "ghs_4711_abc.def-ghi" });
    expect(credentialsFrom('{"appId": 4711, "privateKey": "a\\\\nb", "x": 1}', "s")).toEqual({
      kind: "app",
      appId: 4_711,
      privateKey: "a\nb",
    });
  });

  it.each(["", "two words", "{", '{"appId": 1}', "[]"])(
    "of a secret that holds %j are refused, without the secret's text",
    (text) => {
      expect(() => credentialsFrom(text, "github/app")).toThrow(/^secret github\/app (is neither|does not hold)/);
    },
  );

  it("of a GitHub App are good for git: its installation's token, which is asked for once", async () => {
    const { kind: _, ...written } = app();
    const secrets = async () => JSON.stringify(written);
    const queue = aQueue({
      repository: { remote: "/x/shop.git", tokenSecret: "github/app" },
      buildRunner: { type: "github-checks", repository: "acme/shop", api: github.url },
    });
    const token = await repositoryToken(secrets, queue);
    expect(
      github.identities.identify(`Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`),
    ).toMatchObject({ kind: "installation", repositories: ["shop"] });
    expect(await repositoryToken(secrets, queue)).toBe(token);
    expect(await repositoryToken(async () => "plain", queue)).toBe("plain");
    expect(await repositoryToken(async () => undefined, queue)).toBeUndefined();
    await expect(repositoryToken(secrets, aQueue())).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("is not on GitHub"),
    });
  });
});

describe("where GitHub has a repository", () => {
  it.each([
    ["https://github.com/acme/shop.git", { api: "https://api.github.com", owner: "acme", repo: "shop" }],
    ["ssh://git@github.com/acme/shop", { api: "https://api.github.com", owner: "acme", repo: "shop" }],
    [
      "https://git.acme.com:8443/team/shop.git/",
      { api: "https://git.acme.com:8443/api/v3", owner: "team", repo: "shop" },
    ],
    ["ssh://git@git.acme.com:2222/team/shop.git", { api: "https://git.acme.com/api/v3", owner: "team", repo: "shop" }],
    ["https://acme.ghe.com/team/shop", { api: "https://api.acme.ghe.com", owner: "team", repo: "shop" }],
    ["https://gitlab.com/a/b/c.git", undefined],
    ["/srv/shop.git", undefined],
  ])("of the remote %s", (remote, host) => {
    expect(gitHubOf(remote)).toEqual(host);
  });
});

describe("deliveries that did not arrive", () => {
  const AGAIN = "post /app/hook/deliveries/{delivery_id}/attempts";
  const again = () => redeliver({ api: github.url, app: app(), since: epochMs(NOW - 3_600_000), now: epochMs(NOW) });
  /** Deliveries one a second, the last one now; every second of them was lost. */
  const delivered = (count: number) =>
    github.webhooks.deliveries.splice(
      0,
      Number.POSITIVE_INFINITY,
      ...Array.from({ length: count }, (_, n) => ({
        id: 1_000 + n,
        guid: `delivery-${n}`,
        event: "push",
        action: null,
        redelivery: false,
        deliveredAt: NOW - (count - 1 - n) * 1_000,
        repositoryId: null,
        payload: {},
        status: n % 2 === 0 ? "OK" : "Invalid HTTP Response: 503",
        statusCode: n % 2 === 0 ? 202 : 503,
        durationMs: 1,
        response: null,
      })),
    );

  it("are asked for again, of each page of the list, once", async () => {
    delivered(250);
    github.calls.length = 0;
    expect(await again()).toBe(125);
    await github.webhooks.idle();
    expect(github.calls.filter((call) => call === "get /app/hook/deliveries")).toHaveLength(3);
    expect(
      new Set(github.webhooks.deliveries.filter(({ redelivery }) => redelivery).map(({ guid }) => guid)).size,
    ).toBe(125);
  });

  it("are asked for beside one that GitHub lists in a form that is not known", async () => {
    delivered(6);
    Object.assign(github.webhooks.deliveries[1] ?? {}, { statusCode: "throttled" });
    expect(await again()).toBe(2);
    await github.webhooks.idle();
    expect(github.violations.splice(0)).toHaveLength(1);
  });

  it("are asked for also when GitHub does not have one of them any more, or fails at one", async () => {
    for (const [refusal, outcome] of [
      [new Refusal(404, "Not Found"), 2],
      [new Refusal(422, "Cannot be redelivered"), 2],
      [new Refusal(502, "Bad Gateway"), "github.unavailable"],
    ] as const) {
      delivered(6);
      github.calls.length = 0;
      github.refuseNext(refusal, AGAIN);
      expect(await again().catch(({ code }) => code)).toBe(outcome);
      expect(github.calls.filter((call) => call === AGAIN)).toHaveLength(3);
    }
    await github.webhooks.idle();
  });
});
