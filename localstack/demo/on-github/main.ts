import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { openStateDirectory } from "../../embedded/state-directory.ts";
import { pageOf } from "../../fakes/github/page.ts";
import type { RepositoryState } from "../../fakes/github/state.ts";
import { type DemoGitHub, REPOSITORY, SECRET, startGitHub } from "../github.ts";
import { proveTrunk, renderTrunk } from "../proof.ts";
import { type Played, shownOf, surprisesOf, trunkSurprises } from "./assess.ts";
import { PULLS } from "./plan.ts";
import { play } from "./play.ts";
import { makeShop } from "./shop.ts";

const QUEUE = "main";
/** Far more than it takes: a queue that makes no progress must not hang the demo. */
const TIME_LIMIT_MS = 420_000;

export interface GitHubDemo {
  /** Of the demo's repository and state: made anew by each run. */
  readonly state: string;
  readonly json: boolean;
  readonly say: (line: string) => void;
  readonly interrupted: AbortSignal;
}

/** Lands pull requests of a GitHub on this machine by comments and a label. True when GitHub shows what it should of each. */
export async function demoOnGitHub({ state: path, json, say, interrupted }: GitHubDemo): Promise<boolean> {
  const state = openStateDirectory(path);
  const [home, stateDirectory] = [join(state.root, "demo-github"), join(state.root, "demo-github-runtime")];
  for (const old of [home, stateDirectory]) await rm(old, { recursive: true, force: true });
  const shop = await makeShop(home);
  // GitHub's clock runs ahead by a little with each step of the play.
  let ahead = 0;
  const github = await startGitHub(shop, () => Date.now() + ahead);
  const { hub } = github;
  const repository = hub.repository(REPOSITORY);
  repository.collaborators.set("ann", "write");
  repository.deletesBranches = true;
  repository.issues.set(100, { number: 100, title: "People ask for Sencha", state: "open" });
  say(`A GitHub on this machine, with its pull requests: ${github.url}/${REPOSITORY}/pulls`);
  const port = await freePort();
  const { startRuntime } = await import("../../embedded/runtime.ts");
  const queues = queuesFor(github, shop.remote, `http://127.0.0.1:${port}`);
  const runtime = await startRuntime({ queues, stateDirectory, port, quiet: true, schedulesEveryMs: 1_000 });
  try {
    hub.webhooks.config.url = `${runtime.url}/github/webhook`;
    say(`A queue on this machine: ${runtime.url}/q/${QUEUE}\n`);
    const timeUp = AbortSignal.timeout(TIME_LIMIT_MS);
    const began = performance.now();
    const news = newsOf((line) => say(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${line}`));
    const played = await play({
      github: hub,
      repository,
      shop,
      plans: PULLS,
      signal: AbortSignal.any([timeUp, interrupted]),
      tick: () => {
        ahead += 2_000;
      },
      show: (all) => {
        for (const one of all) news(one, shownOf(repository, one));
      },
    });
    if (timeUp.aborted) process.stderr.write(`The time is up: ${TIME_LIMIT_MS / 1_000} s have passed.\n`);
    if (interrupted.aborted) return false;
    const trunk = await proveTrunk(shop);
    const requests = PULLS.filter(({ ask, expected }) => ask !== undefined && expected === "landed").length;
    const wrong = [
      ...played.flatMap((one) => surprisesOf(repository, one)),
      ...trunkSurprises(trunk, requests),
      ...(await leftovers(repository, played)),
    ];
    const page = join(state.root, "github.html");
    await writeFile(page, pageOf(repository));
    if (json) process.stdout.write(`${JSON.stringify({ ...documentOf(repository, played, wrong), trunk }, null, 2)}\n`);
    say(`\n${renderTrunk(trunk)}\n`);
    say(`What GitHub shows of each pull request, its check and its comments: ${page}`);
    if (wrong.length === 0) say(`\n${summaryOf(played)} The check passes at all ${requests} commit points.`);
    else process.stderr.write(`\n${wrong.join("\n")}\n`);
    return wrong.length === 0;
  } finally {
    await runtime.stop();
    await github.stop();
    state.release();
  }
}

const queuesFor = (github: DemoGitHub, remote: string, page: string): QueuesConfig =>
  QueuesConfig.parse({
    github: { secret: SECRET, api: github.url, repositories: { [REPOSITORY]: [QUEUE] }, page },
    queues: [
      {
        name: QUEUE,
        repository: { remote },
        buildRunner: { ...github.buildRunner, pollSeconds: 1, timeoutSeconds: 180 },
        squashMessage: "pull-request",
        conflictAnalyzer: { type: "paths", by: "directory" },
        budget: 10,
      },
    ],
  });

/** The links in comments name the port, so it has to be known before the queue is. */
async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
  });
  return promise;
}

/** Says what the check of a pull request shows, whenever that has changed. */
function newsOf(say: (line: string) => void): (one: Played, shown: ReturnType<typeof shownOf>) => void {
  const told = new Map<number, string>();
  return ({ plan }, { number, title, check, state }) => {
    if (check?.title === undefined || check.title === null) return;
    const is = state === "open" ? check.title : `${check.title}, ${state === "merged" ? "merged" : "closed"}`;
    if (told.get(number) === is) return;
    const how =
      told.has(number) || plan.ask === undefined
        ? ""
        : "comment" in plan.ask
          ? `  ← ${plan.ask.comment}`
          : `  ← label ${plan.ask.label}`;
    told.set(number, is);
    say(`#${String(number).padEnd(3)} ${title.padEnd(30)} ${is}${how}`);
  };
}

function summaryOf(played: readonly Played[]): string {
  const count = (expected: string) => played.filter(({ plan }) => plan.expected === expected).length;
  return `${count("landed")} of ${played.length} pull requests landed, three of them as one stack. One was refused because its check fails, one because it conflicts with another, and one was cancelled by a push.`;
}

/** What the landings should have tidied up: the issue that a pull request closes, and the head branches. */
async function leftovers({ issues, git }: RepositoryState, played: readonly Played[]): Promise<readonly string[]> {
  const open = [...issues.values()].filter(({ state }) => state === "open");
  const refs = await git.refs("refs/heads/");
  const branches = played.filter(({ plan }) => plan.expected === "landed" && refs.has(`refs/heads/${plan.branch}`));
  return [
    ...open.map(({ number }) => `Issue #${number} should be closed.`),
    ...branches.map(({ plan }) => `The branch ${plan.branch} should be deleted.`),
  ];
}

const documentOf = (
  repository: Parameters<typeof shownOf>[0],
  played: readonly Played[],
  wrong: readonly string[],
) => ({
  pulls: played.map((one) => {
    const { kept, ends, ...shown } = shownOf(repository, one);
    return { ...shown, expected: one.plan.expected, comments: [...kept, ...ends].map(({ body }) => body) };
  }),
  wrong,
});
