import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createCheckRun } from "../../localstack/fakes/github/checks.ts";
import { type Course, FakeCi, type Job, passes } from "../../localstack/fakes/github/ci.ts";
import { type FakeGitHub, startFakeGitHub } from "../../localstack/fakes/github/index.ts";
import { postStatus } from "../../localstack/fakes/github/statuses.ts";
import { git } from "../../localstack/sandbox/git.ts";
import { startTopology, type Topology } from "../support/topology.ts";
import { until } from "../support/wait.ts";
import { withoutTimeLimits } from "../support/without-time-limits.ts";

const JOBS: readonly Job[] = [
  { name: "unit", reports: "check" },
  { name: "ci/lint", reports: "status" },
];

let topology: Topology;
let github: FakeGitHub;
let ci: FakeCi;
/** Where the embedded runtime takes GitHub's webhook. */
let receiver: string;
/** The commits that the trunks begin with. */
const starts = new Set<string>();
/** The states of workflows that were entered. */
const states = new Set<string>();

const at = (queue: string) => topology.at(queue);
const failure = (...lines: string[]): Course => ({ kind: "ends", conclusion: "failure", lines });

/** By what the commit holds: `hangs`, `fails`, `flakes`, `stopped` and `ignored` are files. */
async function courseOf(
  job: Job,
  { sha, repository, attempt }: { sha: string; repository: { git: { path: string } }; attempt: number },
): Promise<Course> {
  // At once: the build of a trunk has the limits of its queue, which are short where a limit is the subject.
  if (starts.has(sha)) return passes;
  const files = (await git(repository.git.path, ["ls-tree", "--name-only", sha])).split("\n");
  if (job.name !== "unit") return passes;
  if (files.includes("hangs")) return { kind: "hangs" };
  if (files.includes("ignored")) return { kind: "never" };
  if (files.includes("fails")) return failure("expected 1, was 2");
  // By a person, on GitHub's page.
  if (files.includes("stopped") && attempt === 1) return { kind: "ends", conclusion: "cancelled" };
  return files.includes("flakes") && attempt === 1 ? failure("it works on the second try") : passes;
}

const queue = (name: string, { buildRunner = {}, ...more }: { buildRunner?: object; retries?: number } = {}) => ({
  buildRunner: {
    type: "github-checks",
    repository: `acme/${name}`,
    api: github.url,
    credentialsSecret: "github/app",
    pollSeconds: 1,
    timeoutSeconds: 600,
    infrastructureRetries: 0,
    ...buildRunner,
  },
  ...more,
});

beforeAll(async () => {
  withoutTimeLimits();
  github = await startFakeGitHub({ directory: "", repositories: {} });
  ci = new FakeCi(github, { jobs: JOBS, courseOf });
  const { id: appId, privateKey, webhookSecret } = github.identities.app;
  vi.stubEnv("SUBMITQUEUE_SECRET_GITHUB_APP", JSON.stringify({ appId, privateKey, webhookSecret }));
  const queues = {
    lands: queue("lands"),
    hangs: queue("hangs"),
    never: queue("never", { buildRunner: { startWithinSeconds: 2 } }),
    slow: queue("slow", { buildRunner: { timeoutSeconds: 15 } }),
    stopped: queue("stopped", { buildRunner: { infrastructureRetries: 1 } }),
    flakes: queue("flakes", { retries: 1 }),
    // A poll comes too late for the test: what this queue sees, GitHub has told.
    told: queue("told", { buildRunner: { pollSeconds: 300 } }),
    unseen: queue("unseen"),
  };
  const transition = (_workflow: string, state: string) => void states.add(state);
  topology = await startTopology(queues, undefined, {
    observer: { invocation: () => () => {}, call: () => {}, transition },
  });
  for (const name of Object.keys(queues)) starts.add(at(name).remote.start);
  receiver = topology.runtime.functionUrls.get("orchestrator/build-workflow/report-github") ?? "";
  github.webhooks.config.url = receiver;
  // The first branch that is to be made, of any build.
  github.limitNext({ operation: "post /repos/{owner}/{repo}/git/refs", retryAfterSeconds: 1 });
  for (const name of Object.keys(queues)) {
    const repository = await github.adopt(`acme/${name}`, at(name).remote.path);
    repository.ruleset.set("main", [{ context: "unit", appId: 15_368 }]);
    repository.protection.set("main", [{ context: "ci/lint" }]);
    if (name === "unseen") continue;
    // What CI said of the trunk, before there was a queue.
    const { start: sha } = at(name).remote;
    createCheckRun(github, repository, { sha, appId: 15_368, words: { name: "unit", conclusion: "success" } });
    await postStatus(github, repository, { sha, state: "success", context: "ci/lint", creator: "ci" });
  }
});
afterAll(async () => {
  await topology.stop();
  await ci.stop();
  await github.stop();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const branches = (name: string) => github.repository(`acme/${name}`).git.refs("refs/heads/submitqueue/");

describe.concurrent("a queue that waits for the checks of GitHub", () => {
  it("lands what its checks passed, and refuses what one of them failed, with what the check says", async () => {
    const { lane, remote } = at("lands");
    const requests = [
      await lane.land(await remote.change("good", { good: "1\n" })),
      await lane.land(await remote.change("bad", { fails: "1\n" })),
    ];
    const [good, bad] = await Promise.all(requests.map(({ sqid }) => lane.end(sqid)));
    expect([good?.status, bad?.status]).toEqual(["landed", "error"]);
    expect(bad?.reason).toMatchObject({
      code: "build.failed",
      message: "The check unit (github-actions) ended with failure.\ncheck.sh:1 expected 1, was 2",
    });
    const trunk = await remote.trunk();
    expect(trunk.map(({ subject }) => subject)).toEqual(["good 1"]);
    // What landed is the commit that the checks are on. They run on it twice when the other change fails first: then the trunk is built.
    const ran = ci.ran.filter(({ sha }) => sha === trunk[0]?.sha).map(({ job }) => job);
    expect(new Set(ran)).toEqual(new Set(["unit", "ci/lint"]));
    expect(JSON.stringify(await lane.history(good?.sqid ?? ""))).toContain(
      `/acme/lands/commit/${trunk[0]?.sha}/checks`,
    );
    await until(async () => (await branches("lands")).size === 0, 50);
  });

  it("stops the run of Actions of a request that is cancelled, and deletes its branch", async () => {
    const { lane, remote } = at("hangs");
    const { sqid } = await lane.land(await remote.change("hangs", { hangs: "1\n" }));
    await lane.reaches(sqid, "building");
    await lane.cancel(sqid);
    expect(await lane.end(sqid)).toMatchObject({ status: "cancelled" });
    const { workflowRuns } = github.repository("acme/hangs");
    await until(() => workflowRuns[0]?.conclusion === "cancelled");
    await until(async () => (await branches("hangs")).size === 0, 50);
    expect(workflowRuns).toHaveLength(1);
  });

  it("ends a request whose check starts and never ends: the branch goes, and the run of Actions is cancelled", async () => {
    const { lane, remote } = at("slow");
    const ended = await lane.landed(await remote.change("hangs", { hangs: "1\n" }));
    expect(ended).toMatchObject({ status: "error", reason: { code: "build.timed_out" } });
    expect(ended.reason?.message).toMatch(/did not finish within 15 seconds/);
    const { workflowRuns } = github.repository("acme/slow");
    await until(() => workflowRuns[0]?.conclusion === "cancelled");
    await until(async () => (await branches("slow")).size === 0, 50);
    // The trunk is built too, to see that it is not at fault.
    expect(workflowRuns.filter(({ conclusion }) => conclusion === "cancelled")).toHaveLength(1);
  });

  it("builds again what was cancelled on GitHub, and not by the queue", async () => {
    const { lane, remote } = at("stopped");
    expect(await lane.landed(await remote.change("stopped", { stopped: "1\n" }))).toMatchObject({ status: "landed" });
    const ran = ci.ran.filter(({ job, branch }) => job === "unit" && branch.startsWith("submitqueue/stopped/"));
    expect(ran).toHaveLength(2);
  });

  it("lands what passed as soon as GitHub's webhook tells of it", async () => {
    const { lane, remote } = at("told");
    expect(await lane.landed(await remote.change("news", { news: "1\n" }))).toMatchObject({ status: "landed" });
    const { deliveries } = github.webhooks;
    await github.webhooks.idle();
    expect(deliveries.filter(({ event, statusCode }) => event === "status" && statusCode === 204)).not.toEqual([]);
    expect(deliveries.filter(({ statusCode }) => statusCode !== 204)).toEqual([]);
  });

  it("takes a delivery by the signature of its bytes, and no other", async () => {
    const { webhookSecret } = github.identities.app;
    const body = '{ "zen" :  "Gr\u00fc\u00dfe, \u2603" }';
    const signed = (text: string) => `sha256=${createHmac("sha256", webhookSecret).update(text).digest("hex")}`;
    const deliver = async (sent: string, signature: string) => {
      const headers = {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-hub-signature-256": signature,
      };
      return (await fetch(receiver, { method: "POST", headers, body: sent })).status;
    };
    expect(await deliver(body, signed(body))).toBe(204);
    // The same value, written in another way.
    expect(await deliver(JSON.stringify(JSON.parse(body)), signed(body))).toBe(401);
    expect(await deliver(body, `sha256=${"0".repeat(64)}`)).toBe(401);
    expect(await deliver(body, "")).toBe(401);
  });

  it("ends a request of which a check never starts: infrastructure, with the likely causes", async () => {
    const { lane, remote } = at("never");
    const ended = await lane.landed(await remote.change("docs", { ignored: "1\n" }));
    expect(ended).toMatchObject({
      status: "error",
      reason: {
        code: "build.infrastructure",
        message: expect.stringMatching(
          /Nothing was reported for the check unit \(of the App 15368\) within 2 seconds\. Likely causes: .*submitqueue\/\*\*/,
        ),
      },
    });
  });

  it("lands a change whose check fails the first time and passes the second, though both are of one commit", async () => {
    const { lane, remote } = at("flakes");
    expect(await lane.landed(await remote.change("flaky", { flakes: "1\n" }))).toMatchObject({ status: "landed" });
    const ofQueue = ci.ran.filter(({ job, branch }) => job === "unit" && branch.startsWith("submitqueue/flakes/"));
    // The trunk itself is built, too: no build of this new queue has passed on it.
    const ran = ofQueue.filter(({ sha }) => sha !== remote.start);
    expect(ran).toHaveLength(2);
    expect(new Set(ran.map(({ sha }) => sha)).size).toBe(1);
    expect(new Set(ran.map(({ branch }) => branch)).size).toBe(2);
  });

  it("refuses a request at once when a check that the queue would wait for was never seen, and says what to do", async () => {
    const { lane, remote } = at("unseen");
    const ended = await lane.landed(await remote.change("good", { good: "1\n" }));
    expect(ended).toMatchObject({ status: "error", reason: { code: "queue.cannot_build" } });
    expect(ended.reason?.message).toMatch(
      /The queue would wait for the check unit .*git push origin origin\/main:refs\/heads\/submitqueue\/unseen\/try.* the check ci\/lint/,
    );
    expect(await lane.trail(ended.sqid)).not.toContain("building");
  });
});

it("a build that met a rate limit of GitHub was put off until the limit was over", () => {
  expect([...states]).toContain("Later");
});
