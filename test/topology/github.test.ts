import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runCommandLine } from "../../client/cli/program.ts";
import { Client } from "../../client/client.ts";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { type Runtime, startRuntime } from "../../localstack/embedded/runtime.ts";
import { secretVariable } from "../../localstack/embedded/secrets.ts";
import { synthesizeHere as synthesize } from "../../localstack/embedded/synthesize.ts";
import { type FakeGitHub, startFakeGitHub } from "../../localstack/fakes/github/index.ts";
import { addComment } from "../../localstack/fakes/github/issue-comments.ts";
import { changeLabel } from "../../localstack/fakes/github/labels.ts";
import { changePull, openPull } from "../../localstack/fakes/github/pull-requests.ts";
import type { PullRequest, Review } from "../../localstack/fakes/github/records.ts";
import { addReview } from "../../localstack/fakes/github/reviews.ts";
import { writeBranch } from "../../localstack/sandbox/write-branch.ts";
import { jittery } from "../support/jitter.ts";
import { LIMIT_MS } from "../support/limit.ts";
import { untilPasses } from "../support/wait.ts";
import { withoutTimeLimits } from "../support/without-time-limits.ts";
import { aRemote, type Remote } from "./remote.ts";

const SHOP = "acme/shop";
let home: string;
let github: FakeGitHub;
let runtime: Runtime;
let remote: Remote;
/** GitHub's clock runs ahead a little with each step, so that no two steps share a second. */
let skew = 0;

beforeAll(async () => {
  withoutTimeLimits();
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
  github.repository(SHOP).collaborators.set("ann", "write").set("bob", "write");
  // The branch of the second queue asks for a review.
  await github.repository(SHOP).git.update("refs/heads/release", remote.start);
  github.repository(SHOP).reviewRules.set("release", { by: "classic", approvals: 1 });
  const queueOn = (name: string, branch: string) => ({
    name,
    repository: { remote: remote.path, branch },
    buildRunner: { type: "command", command: "test ! -e fails.txt", pollSeconds: 1 },
  });
  const queues = QueuesConfig.parse({
    github: { api: github.url, repositories: { [SHOP]: ["main", "reviewed"] } },
    queues: [queueOn("main", "main"), { ...queueOn("reviewed", "release"), markMerged: "moveHead" }],
  });
  runtime = await startRuntime({
    synthesize,
    ...jittery(),
    queues,
    stateDirectory: join(home, "state"),
    quiet: true,
    schedulesEveryMs: 2_000,
  });
  github.webhooks.config.url = `${runtime.url}/github/webhook`;
  // Where git finds the repository behind the addresses of its pull requests.
  vi.stubEnv("GIT_CONFIG_COUNT", "1");
  vi.stubEnv("GIT_CONFIG_KEY_0", `url.${remote.path}.insteadOf`);
  vi.stubEnv("GIT_CONFIG_VALUE_0", `https://127.0.0.1/${SHOP}.git`);
});
afterAll(async () => {
  await runtime?.stop();
  await github?.stop();
  await rm(home, { recursive: true, force: true, maxRetries: 10 });
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const repository = () => github.repository(SHOP);

async function commit(branch: string, files: Record<string, string>, from: string): Promise<void> {
  const commits = [{ message: `Change ${branch}\n`, files }];
  const at = Date.UTC(2026, 0, 6) / 1_000;
  await writeBranch(remote.path, { ref: `refs/heads/${branch}`, from, by: "Ann <ann@example.invalid>", at, commits });
}

async function pull(branch: string, files: Record<string, string>, base?: string): Promise<PullRequest> {
  await commit(branch, files, base === undefined || base === "release" ? remote.start : base);
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

/** The messages of the commits of `release`. */
const released = async () => {
  const { git } = repository();
  return Promise.all((await git.log("release")).map(async (sha) => (await git.commit(sha)).message));
};

/** The command line, on the queue that lands on `release`. */
async function commandLine(...args: string[]) {
  let said = "";
  const write = (text: string) => (said += text);
  const terminal = { out: write, err: write, isTTY: false, colours: false, columns: 200, rows: 40 };
  const flags = ["--url", runtime.url ?? "", "--queue", "reviewed"];
  const interrupted = AbortSignal.timeout(LIMIT_MS);
  const environment = { HOME: home, XDG_CONFIG_HOME: home };
  const exitCode = await runCommandLine([...flags, ...args], { terminal, environment, interrupted });
  return { exitCode, all: () => said };
}

const comment = (of: PullRequest, body: string) => addComment(github, repository(), of, body, "ann");
const review = (of: PullRequest, state: Review["state"]) => addReview(github, repository(), of, state, "bob");
const ours = ({ number }: PullRequest) =>
  repository().comments.filter(({ issue, by }) => issue === number && by === "submitqueue[bot]");
/** Without what was told of ends. */
const sticky = (pull: PullRequest) => ours(pull).filter(({ body }) => !body.includes("submitqueue:end"));
const check = (head: string) => repository().checkRuns.find(({ sha, name }) => sha === head && name === "Submitqueue");
/** Resolves once it holds. Runway pushes to the repository itself, so GitHub has to be told to look. */
async function until(what: string, holds: () => boolean): Promise<void> {
  await untilPasses(async () => {
    await github.sync(SHOP, "submitqueue[bot]");
    if (holds()) return;
    const said = repository().comments.map(({ issue, by, body }) => `#${issue} ${by}: ${body}`);
    throw new Error(`${what}: not yet\n${said.join("\n---\n")}`);
  }, 200);
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
    changeLabel(github, repository(), price, { label: "land", action: "labeled", by: "ann" });
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

  it("lets a pull request wait for its review, says so, and lands it by itself once it is approved", async () => {
    const careful = await pull("careful", { "careful.txt": "1\n" }, "release");
    comment(careful, "/land reviewed");
    await until("it waits", () =>
      /Waiting for a review: #\d+ is not approved yet/.test(sticky(careful)[0]?.body ?? ""),
    );
    expect(check(careful.head)).toMatchObject({ status: "queued", title: "Waiting, not in the queue yet" });
    review(careful, "APPROVED");
    await until("careful lands", () => check(careful.head)?.conclusion === "success" && careful.state === "closed");
    expect(sticky(careful)).toHaveLength(1);
    expect(await released()).toContain("Change careful");
    // GitHub has done that by itself: the head branch was moved, or had nothing to be rewritten.
    expect(careful.mergedAt).not.toBeNull();
  });

  it("tells the user who asked that a reviewer wants changes, and lands nothing", async () => {
    const hasty = await pull("hasty", { "hasty.txt": "1\n" }, "release");
    comment(hasty, "/land reviewed");
    await until("it waits", () => /Waiting for a review/.test(sticky(hasty)[0]?.body ?? ""));
    review(hasty, "CHANGES_REQUESTED");
    await until("its end is told", () => ours(hasty).length === 2);
    expect(ours(hasty)[1]?.body).toMatch(
      /@ann, .* did not land \(`change.changes_requested`[\s\S]*@bob asked for changes/,
    );
    expect(hasty.state).toBe("open");
  });

  it("refuses a draft, and lands the pull request once it is ready", async () => {
    const rough = await pull("rough", { "rough.txt": "1\n" });
    rough.isDraft = true;
    comment(rough, "/land");
    await until("it is refused", () => ours(rough).some(({ body }) => body.includes("is a draft")));
    changePull(github, repository(), rough, { draft: false }, "ann");
    skew += 2_000;
    comment(rough, "/land");
    await until("rough lands", () => check(rough.head)?.conclusion === "success");
  });

  it("lands a pull request by the command line, at its head, once it has the review that the dry run asks for", async () => {
    const typed = await pull("typed", { "typed.txt": "1\n" }, "release");
    const { head } = typed;
    const address = `https://127.0.0.1/${SHOP}/pull/${typed.number}`;
    const tried = await commandLine("land", "--pr", address, "--dry-run");
    expect(tried.all()).toContain(`Waiting for a review: #${typed.number} is not approved yet`);
    review(typed, "APPROVED");
    const landed = await commandLine("--json", "land", "--pr", address, "--wait");
    expect([landed.all(), landed.exitCode]).toEqual([expect.stringContaining('"landed"'), 0]);
    expect(landed.all()).toContain(`github://127.0.0.1/${SHOP}/pull/${typed.number}/${head}`);
    expect(await released()).toContain("Change typed");
    await until("typed is merged", () => typed.mergedAt !== null);
  });

  it("lets a change URI wait just so, until it is cancelled; once one has landed, tells so and closes the pull request", async () => {
    const quiet = await pull("quiet", { "quiet.txt": "1\n" }, "release");
    const queue = new Client({ url: runtime.url ?? "" }).queue("reviewed");
    const { sqid } = await queue.land([`github://127.0.0.1/${SHOP}/pull/${quiet.number}/${quiet.head}`]);
    await untilPasses(async () => {
      const why = await queue.why(sqid);
      expect(why).toMatchObject({ status: "validating", blocker: "review" });
      expect(why.sentence).toMatch(/^Waiting for a review: #\d+ is not approved yet\. The request enters the queue/);
    }, 500);
    await queue.cancel(sqid, "not today");
    await untilPasses(async () => expect((await queue.request(sqid)).status).toBe("cancelled"), 200);
    expect(ours(quiet)).toEqual([]);
    expect(check(quiet.head)).toBeUndefined();
    // A protected head branch is not moved, and two commits that are squashed can't have landed as they are: GitHub marks nothing as merged.
    repository().protection.set("quiet", []);
    const { head } = quiet;
    await commit("quiet", { "quiet.txt": "2\n" }, head);
    await until("the push is seen", () => quiet.head !== head);
    review(quiet, "APPROVED");
    const again = await queue.land([`github://127.0.0.1/${SHOP}/pull/${quiet.number}/${quiet.head}`], {
      strategy: "SQUASH_REBASE",
    });
    await until("quiet is closed", () => quiet.state === "closed");
    expect(ours(quiet).map(({ body }) => body)).toEqual([
      expect.stringMatching(`Landed as [0-9a-f]{40} on \`release\` \\(request \`${again.sqid}\`\\)`),
    ]);
    expect([quiet.mergedAt, [...quiet.labels]]).toEqual([null, ["landed"]]);
  });
});
