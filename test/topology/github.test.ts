import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { type Runtime, startRuntime } from "../../localstack/embedded/runtime.ts";
import { secretVariable } from "../../localstack/embedded/secrets.ts";
import { type FakeGitHub, startFakeGitHub } from "../../localstack/fakes/github/index.ts";
import { addComment } from "../../localstack/fakes/github/issue-comments.ts";
import { changeLabel, openPull } from "../../localstack/fakes/github/pull-requests.ts";
import type { PullRequest } from "../../localstack/fakes/github/records.ts";
import { writeBranch } from "../../localstack/sandbox/write-branch.ts";
import { aRemote, type Remote } from "./remote.ts";

vi.setConfig({ testTimeout: 120_000 });

const SHOP = "acme/shop";
let home: string;
let github: FakeGitHub;
let runtime: Runtime;
let remote: Remote;
/** GitHub's clock runs ahead a little with each step, so that no two steps share a second. */
let skew = 0;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "submitqueue-github-"));
  remote = await aRemote(home, "shop", { "README.md": "A shop\n" });
  github = await startFakeGitHub({
    directory: home,
    repositories: { [SHOP]: remote.path },
    now: () => Date.now() + skew,
  });
  const { app } = github.identities;
  const secret = { appId: app.id, privateKey: app.privateKey, webhookSecret: app.webhookSecret };
  vi.stubEnv(secretVariable("submitqueue/github"), JSON.stringify(secret));
  github.repository(SHOP).collaborators.set("ann", "write");
  const queues = QueuesConfig.parse({
    github: { api: github.url, repositories: { [SHOP]: ["main"] } },
    queues: [
      {
        name: "main",
        repository: { remote: remote.path },
        buildRunner: { type: "command", command: "test ! -e fails.txt", pollSeconds: 1 },
      },
    ],
  });
  runtime = await startRuntime({ queues, stateDirectory: join(home, "state"), quiet: true, schedulesEveryMs: 2_000 });
  github.webhooks.config.url = `${runtime.url}/github/webhook`;
});
afterAll(async () => {
  await runtime?.stop();
  await github?.stop();
  await rm(home, { recursive: true, force: true, maxRetries: 10 });
  vi.unstubAllEnvs();
});

const repository = () => github.repository(SHOP);

async function commit(branch: string, files: Record<string, string>, from: string): Promise<void> {
  const commits = [{ message: `Change ${branch}\n`, files }];
  const at = Date.UTC(2026, 0, 6) / 1_000;
  await writeBranch(remote.path, { ref: `refs/heads/${branch}`, from, by: "Ann <ann@example.invalid>", at, commits });
}

async function pull(branch: string, files: Record<string, string>, base?: string): Promise<PullRequest> {
  await commit(branch, files, base ?? remote.start);
  await github.sync(SHOP, "ann");
  const opened = await openPull(github, repository(), {
    title: `Change ${branch}`,
    head: branch,
    base: base ?? "main",
    by: "ann",
  });
  skew += 2_000;
  return opened;
}

const comment = (of: PullRequest, body: string) => addComment(github, repository(), of, body, "ann");
const ours = ({ number }: PullRequest) =>
  repository().comments.filter(({ issue, by }) => issue === number && by === "submitqueue[bot]");
/** Without what was told of ends. */
const sticky = (pull: PullRequest) => ours(pull).filter(({ body }) => !body.includes("submitqueue:end"));
const check = (head: string) => repository().checkRuns.find(({ sha, name }) => sha === head && name === "Submitqueue");
/** Resolves once it holds. Runway pushes to the repository itself, so GitHub has to be told to look. */
async function until(what: string, holds: () => boolean): Promise<void> {
  await vi.waitFor(
    async () => {
      await github.sync(SHOP, "submitqueue[bot]");
      if (holds()) return;
      const said = repository().comments.map(({ issue, by, body }) => `#${issue} ${by}: ${body}`);
      throw new Error(`${what}: not yet\n${said.join("\n---\n")}`);
    },
    { timeout: 100_000, interval: 200 },
  );
}

describe.concurrent("the GitHub App", () => {
  it("lands a pull request by a comment, with check run and one comment, and closes it", async () => {
    const cart = await pull("cart", { "cart.txt": "1\n" });
    const asked = comment(cart, "/land");
    await until("cart lands", () => check(cart.head)?.conclusion === "success" && cart.state === "closed");
    expect([...asked.reactions.values()].map(({ content }) => content)).toEqual(["eyes", "rocket"]);
    expect(sticky(cart)).toHaveLength(1);
    expect(sticky(cart)[0]?.body).toMatch(/\*\*Landed as [0-9a-f]{40}\*\*/);
    expect((await remote.trunk()).map(({ subject }) => subject)).toContain("Change cart");
  });

  it("lands a pull request by a label, and takes the label off", async () => {
    const price = await pull("price", { "price.txt": "1\n" });
    changeLabel(github, repository(), price, "land", "labeled", "ann");
    await until("price lands", () => check(price.head)?.conclusion === "success" && !price.labels.has("land"));
    expect((await remote.trunk()).map(({ subject }) => subject)).toContain("Change price");
  });

  it("lands what a webhook that was lost asked for: GitHub delivers it again when asked", async () => {
    const late = await pull("late", { "late.txt": "1\n" });
    github.webhooks.lost = true;
    comment(late, "/land");
    await github.webhooks.idle();
    github.webhooks.lost = false;
    await until("late lands", () => check(late.head)?.conclusion === "success");
  });
});
