import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { keepSafe } from "../../../client/cli/github.ts";
import { runCommandLine } from "../../../client/cli/program.ts";
import { awsSecret, laptopSecret, laptopSecretFile } from "../../../client/github/app-secret.ts";
import { gitHubAt } from "../../../client/github/host.ts";
import { APP_EVENTS, APP_PERMISSIONS } from "../../../functions/contracts/github-app.ts";
import { answerSecret } from "../../../localstack/embedded/secrets.ts";
import { type FakeGitHub, startFakeGitHub } from "../../../localstack/fakes/github/index.ts";
import { writeBranch } from "../../../localstack/sandbox/write-branch.ts";
import { untilPasses } from "../../support/wait.ts";

/** Of GitHub's repository. */
let root: string;
/** Of the laptop: one for each test. */
let home: string;
let github: FakeGitHub;
/** What GitHub's webhooks are answered. */
let answered = 202;
const receiver = createServer((_, response) => void response.writeHead(answered).end());
let hook = "";
const environment = () => ({ XDG_CONFIG_HOME: home, HOME: home });

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "github-app-"));
  github = await startFakeGitHub({ directory: root, repositories: ["acme/shop"] });
  const by = "Ann <ann@example.invalid>";
  const commits = [{ message: "Begin\n", files: { "README.md": "A shop\n" } }];
  await writeBranch(github.repository("acme/shop").git.path, {
    ref: "refs/heads/main",
    by,
    at: 1_800_000_000,
    commits,
  });
  await github.sync("acme/shop");
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/github/webhook`;
});
afterAll(async () => {
  receiver.close();
  await github.stop();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "github-laptop-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** The laptop has the keys of an App. */
function keepSecret(secret: object): void {
  const file = laptopSecretFile(environment(), "submitqueue/github");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(secret));
}

function start(...args: string[]) {
  let [out, err] = ["", ""];
  const interrupted = new AbortController();
  const done = runCommandLine(args, {
    terminal: {
      out: (text) => (out += text),
      err: (text) => (err += text),
      isTTY: false,
      colours: false,
      columns: 200,
      rows: 40,
    },
    environment: environment(),
    interrupted: interrupted.signal,
  });
  return { done, interrupt: () => interrupted.abort(), out: () => out, err: () => err, all: () => out + err };
}

const flags = (...more: string[]) => ["--github", github.url, "--store", "laptop", ...more];
const creating = (...more: string[]) => start("github", "create-app", ...flags("--webhook", hook, ...more));

/** What a browser does with the address: opens the page, sends the form, and answers where GitHub sends the browser on. */
async function press(run: ReturnType<typeof start>) {
  const address = await untilPasses(() => {
    const found = /http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}/.exec(run.err())?.[0];
    if (found === undefined) throw new Error("no address yet");
    return found;
  });
  const html = await (await fetch(address)).text();
  const plain = (text = "") => text.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
  const action = plain(/action="([^"]+)"/.exec(html)?.[1]);
  const manifest = plain(/name="manifest" value="([^"]+)"/.exec(html)?.[1]);
  const { headers } = await fetch(action, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ manifest }),
  });
  return { address, manifest: JSON.parse(manifest), back: headers.get("location") ?? "" };
}

describe("submitqueue github create-app", () => {
  it("creates the App by its manifest, keeps its keys where the runtime finds them, and shows neither", async () => {
    const run = creating("--organization", "acme", "--name", "Shop queue", "--actions");
    const { address, manifest, back } = await press(run);
    expect(manifest).toMatchObject({
      name: "Shop queue",
      hook_attributes: { url: hook },
      default_permissions: { ...APP_PERMISSIONS, actions: "write" },
      default_events: APP_EVENTS,
    });
    const stranger = new URL(back);
    stranger.searchParams.set("state", "guessed");
    expect((await fetch(stranger)).status).toBe(403);
    expect((await fetch(new URL("/", address))).status).toBe(403);
    expect(await (await fetch(back)).text()).toContain("Shop queue is there");
    expect(await run.done).toBe(0);
    const file = laptopSecretFile(environment(), "submitqueue/github");
    const { app } = github.identities;
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      appId: app.id,
      privateKey: app.privateKey,
      webhookSecret: app.webhookSecret,
    });
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(answerSecret("GetSecretValue", { SecretId: "submitqueue/github" }, environment())).toMatchObject({
      SecretString: readFileSync(file, "utf8"),
    });
    expect(run.all()).not.toContain(app.webhookSecret);
    expect(run.all()).not.toContain("PRIVATE KEY");
    expect(run.out()).toContain(`/apps/${app.slug}/installations/new`);
  });

  it("overwrites no other App's secret, unless it is told to", async () => {
    keepSecret({ appId: 1 });
    const refused = creating();
    expect(await refused.done).toBe(2);
    expect(refused.err()).toContain("--replace");
    const run = creating("--replace", "--name", "Second");
    await fetch((await press(run)).back);
    expect(await run.done).toBe(0);
    const kept = readFileSync(laptopSecretFile(environment(), "submitqueue/github"), "utf8");
    expect(JSON.parse(kept)).toMatchObject({ appId: github.identities.app.id });
  });

  it("says when GitHub does not take the code", async () => {
    const run = creating();
    const { back } = await press(run);
    const spoilt = new URL(back);
    spoilt.searchParams.set("code", "0123");
    expect((await fetch(spoilt)).status).toBe(502);
    expect(await run.done).toBe(1);
    expect(run.err()).toContain("did not take the code (404)");
  });

  it("ends when it is interrupted", async () => {
    const run = creating();
    await untilPasses(() => expect(run.err()).toContain("http://127.0.0.1"));
    run.interrupt();
    expect(await run.done).toBe(130);
  });
});

it.each([
  ["https://github.com", "https://api.github.com"],
  ["https://acme.ghe.com/", "https://api.acme.ghe.com"],
  ["https://git.acme.example", "https://git.acme.example/api/v3"],
])("%s has its API at %s", (web, api) => {
  expect(gitHubAt(web).api).toBe(api);
});

describe("submitqueue github doctor", () => {
  const repository = () => github.repository("acme/shop");
  const doctor = async (...more: string[]) => {
    const run = start("--json", "github", "doctor", ...flags("--repository", "acme/shop", ...more));
    const code = await run.done;
    const findings = JSON.parse(run.out()) as { check: string; state: string; says: string }[];
    return { code, findings, of: (check: string) => findings.find((one) => one.check === check) };
  };
  /** An App that is set up fine, with one delivery. */
  beforeEach(async () => {
    const { app } = github.identities;
    keepSecret({ appId: app.id, privateKey: app.privateKey, webhookSecret: app.webhookSecret });
    github.identities.installation = "installed";
    github.identities.granted = APP_PERMISSIONS;
    github.identities.subscribed = [...APP_EVENTS];
    repository().mayBypass = true;
    repository().protection.clear();
    repository().ruleset.clear();
    repository().ruleset.set("main", [{ context: "tests" }]);
    answered = 202;
    github.webhooks.lost = false;
    github.webhooks.config.url = hook;
    github.webhooks.config.secret = app.webhookSecret;
    github.emit(repository(), "pull_request.opened", {});
    await github.webhooks.idle();
    github.violations.length = 0;
  });

  it("finds an App that is set up fine, by a delivery that GitHub sends again", async () => {
    const { code, findings, of } = await doctor();
    expect(findings.map(({ check, state }) => [check, state])).toEqual(
      [
        "secret",
        "app",
        "permissions",
        "events",
        "webhook",
        "acme/shop",
        "acme/shop main: push",
        "acme/shop main: checks",
        "delivery",
      ].map((check) => [check, "ok"]),
    );
    expect(of("acme/shop main: checks")?.says).toBe("required: tests");
    expect(code).toBe(0);
  });

  it.each<[string, () => void, string, RegExp]>([
    [
      "a permission that is missing",
      () => (github.identities.granted = { ...APP_PERMISSIONS, contents: "read" }),
      "permissions",
      /grant contents: write/,
    ],
    [
      "an event that is missing",
      () => (github.identities.subscribed = APP_EVENTS.filter((event) => event !== "issue_comment")),
      "events",
      /subscribe the App to issue_comment/,
    ],
    [
      "a repository without the App",
      () => (github.identities.installation = "uninstalled"),
      "acme/shop",
      /not installed/,
    ],
    ["a suspended installation", () => (github.identities.installation = "suspended"), "acme/shop", /suspended/],
    [
      "a ruleset that the App may not bypass",
      () => (repository().mayBypass = false),
      "acme/shop main: push",
      /bypass the ruleset trunk/,
    ],
    [
      "the queue's own check among the required ones",
      () => repository().ruleset.set("main", [{ context: "Submitqueue" }]),
      "acme/shop main: checks",
      /merging by hand is impossible/,
    ],
    ["a receiver with another webhook secret", () => (answered = 401), "delivery", /webhook secret/],
    ["a receiver that is not there", () => (github.webhooks.lost = true), "delivery", /nothing answered/],
  ])("tells of %s, and what to do", async (_what, break_, check, says) => {
    break_();
    const { code, of } = await doctor();
    expect(of(check)).toMatchObject({ state: "problem", says: expect.stringMatching(says) });
    expect(code).toBe(1);
  });

  it("does not pass a check that it can't make: classic protection hides its lists", async () => {
    repository().protection.set("main", []);
    const { code, of } = await doctor();
    expect([code, of("acme/shop main: push")?.state]).toEqual([1, "skipped"]);
  });

  it("tells of a secret that is not there, and skips what needs it", async () => {
    const { findings } = await doctor("--secret", "nowhere");
    expect(findings.map(({ state }) => state)).toEqual(["problem", ...Array(6).fill("skipped")]);
    expect(findings[0]?.says).toContain("create-app");
  });
});

describe("the App's secret in AWS Secrets Manager", () => {
  /** Secrets Manager, as far as the command calls it. */
  function secretsManager(fails?: string) {
    const secrets = new Map<string, string>();
    const client = {
      send: async ({
        constructor: { name },
        input,
      }: {
        constructor: { name: string };
        input: Record<string, string>;
      }) => {
        const id = input["SecretId"] ?? input["Name"] ?? "";
        if (name === fails) throw Object.assign(new Error("no"), { name: "AccessDeniedException" });
        if (name === "CreateSecretCommand" || name === "PutSecretValueCommand")
          secrets.set(id, input["SecretString"] ?? "");
        else if (!secrets.has(id)) throw Object.assign(new Error("none"), { name: "ResourceNotFoundException" });
        return { SecretString: secrets.get(id) };
      },
    } as unknown as SecretsManagerClient;
    return { secrets, secret: awsSecret("submitqueue/github", async () => client) };
  }

  it("is made, read, and replaced", async () => {
    const { secret } = secretsManager();
    expect([await secret.isThere(), await secret.read()]).toEqual([false, undefined]);
    await secret.write("one");
    expect([await secret.isThere(), await secret.read()]).toEqual([true, "one"]);
    await secret.write("two");
    expect(await secret.read()).toBe("two");
  });

  it("that can't be written is kept in a file of this machine, and the command says so", async () => {
    const { secret } = secretsManager("CreateSecretCommand");
    const rescue = laptopSecret(environment(), "submitqueue/github.7");
    const app = {
      id: 7,
      name: "a",
      slug: "a",
      html_url: "https://github.com/apps/a",
      pem: "PEM",
      webhook_secret: "hook",
    };
    const says: string[] = [];
    expect(await keepSafe(app, secret, rescue, (text) => says.push(text))).toBe(rescue.place);
    expect(JSON.parse((await rescue.read()) ?? "")).toEqual({ appId: 7, privateKey: "PEM", webhookSecret: "hook" });
    expect(says.join("")).toContain(rescue.place);
    expect(says.join("")).not.toMatch(/PEM|hook/);
  });
});
