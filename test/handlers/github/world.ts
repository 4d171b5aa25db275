import { createHmac } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { pino } from "pino";
import { Client } from "../../../client/client.ts";
import type { PullRef, PullsStore } from "../../../functions/adapters/dynamodb/pulls-store.ts";
import { gitHubClient } from "../../../functions/adapters/github/client.ts";
import { reviewedQueues } from "../../../functions/adapters/github/reviewed-queues.ts";
import type { LandBody } from "../../../functions/contracts/api/land-call.ts";
import type { RequestSummary, Why } from "../../../functions/contracts/api/request-views.ts";
import { movedRef } from "../../../functions/contracts/build-refs.ts";
import { CodedError } from "../../../functions/contracts/errors.ts";
import { type PullMessage, PullRow } from "../../../functions/contracts/github.ts";
import { deliveryOf } from "../../../functions/contracts/github-delivery.ts";
import type { GitSha } from "../../../functions/contracts/ids.ts";
import type { Status } from "../../../functions/contracts/log-event.ts";
import { GitHubAppConfig, type QueueConfig, QueuesConfig } from "../../../functions/contracts/queues.ts";
import { type Reason, reasonOf } from "../../../functions/contracts/reasons.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { handle } from "../../../functions/handlers/github/commands.lambda.ts";
import { gitHubIn, obstacles, queuesOf, type Service, targetsOf } from "../../../functions/handlers/github/service.ts";
import { type FakeGitHub, startFakeGitHub } from "../../../localstack/fakes/github/index.ts";
import { addComment } from "../../../localstack/fakes/github/issue-comments.ts";
import { changeLabel } from "../../../localstack/fakes/github/labels.ts";
import { changePull, openPull } from "../../../localstack/fakes/github/pull-requests.ts";
import type { PullRequest } from "../../../localstack/fakes/github/records.ts";
import { GitFiles } from "../../support/git-files.ts";
import { withoutTimeLimits } from "../../support/without-time-limits.ts";

export const REPOSITORY = "acme/shop";

/** The gateway, as far as the github service calls it: requests by number, their states set by the test. */
export class FakeGateway {
  readonly requests: {
    body: LandBody;
    key: string;
    status: Status;
    reason?: Reason;
    cancel?: string;
    /** True while it lands, whether or not its status says so yet: then it can't be cancelled. */
    isLanding?: boolean;
    cancelTooLate?: string;
    builds: Why["builds"];
    commit?: string;
    /** When it was received, and changed last. */
    at: number;
    on: string[];
    blocker?: Why["blocker"];
    sentence?: string;
  }[] = [];
  /** Answers the next call of a Land so. */
  refuseLand: { status: number; code: string; detail: string } | undefined;
  /** Calls of this kind do their work, and their answer is lost, this often. */
  loseAnswers = 0;
  /** The numbers of the requests that were told to look again at what they wait for. */
  readonly rechecked: number[] = [];
  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    const answer = this.#answer(
      request.method,
      pathname,
      request.headers.get("idempotency-key") ?? "",
      await request.text(),
    );
    if (request.method === "POST" && this.loseAnswers > 0) {
      this.loseAnswers -= 1;
      return Response.json({ message: "Service Unavailable" }, { status: 503 });
    }
    return answer;
  };

  #answer(method: string, path: string, key: string, text: string): Response {
    if (method === "POST" && path.endsWith("/requests")) {
      if (this.refuseLand !== undefined) {
        const { status, code, detail } = this.refuseLand;
        return Response.json({ type: "x", title: "no", status, code, detail }, { status });
      }
      let index = this.requests.findIndex((one) => one.key === key);
      if (index < 0)
        index =
          this.requests.push({ body: JSON.parse(text), key, status: "accepted", builds: [], on: [], at: this.now() }) -
          1;
      return Response.json(this.#summary(index), { status: 202 });
    }
    const [, number = "", what = ""] = /\/requests\/(\d+)(\/\w+)?$/.exec(path) ?? [];
    const found = this.requests[Number(number) - 1];
    if (found === undefined)
      return Response.json(
        { type: "x", title: "no", status: 404, code: "land.unknown", detail: "none" },
        { status: 404 },
      );
    if (what === "/cancel" && found.isLanding === true) found.cancelTooLate ??= JSON.parse(text || "{}").reason;
    else if (what === "/cancel" && !this.#ended(found.status)) {
      found.cancel ??= JSON.parse(text || "{}").reason;
      found.status = "cancelled";
      found.reason = reasonOf("cancelled.by_caller", found.cancel ?? "no reason");
    }
    if (what === "/recheck") this.rechecked.push(Number(number));
    if (what === "/why") return Response.json(this.#why(Number(number) - 1));
    return Response.json(this.#summary(Number(number) - 1));
  }

  #ended = (status: Status) => ["landed", "error", "cancelled"].includes(status);

  #summary(index: number): RequestSummary {
    const { body, status, reason, commit, at: changed } = this.requests[index] as (typeof this.requests)[number];
    const at = new Date(changed).toISOString();
    return {
      sqid: `main/${index + 1}` as RequestSummary["sqid"],
      queue: "main" as RequestSummary["queue"],
      number: (index + 1) as RequestSummary["number"],
      status,
      ended: this.#ended(status),
      ...(reason === undefined ? {} : { reason }),
      changes: body.changes,
      strategy: body.strategy ?? "REBASE",
      priority: body.priority ?? 0,
      receivedAt: at,
      updatedAt: at,
      metadata: commit === undefined ? {} : { commit },
    } as RequestSummary;
  }

  #why(index: number): Why {
    const { status, reason, builds, on, blocker, sentence } = this.requests[index] as (typeof this.requests)[number];
    return {
      sqid: `main/${index + 1}` as Why["sqid"],
      status,
      ended: this.#ended(status),
      on: on as Why["on"],
      since: new Date(this.now()).toISOString(),
      builds,
      ...(blocker === undefined ? {} : { blocker }),
      sentence: sentence ?? reason?.message ?? `It is ${status}.`,
    };
  }
}

/** The table of pull requests, in memory. */
export class MemoryStore implements PullsStore {
  readonly rows = new Map<string, PullRow>();
  readonly places = new Map<string, { repository: string; pulls: readonly number[] }>();
  readonly heads = new Map<string, ReadonlySet<number>>();
  readonly spent: number[] = [];
  /** How much new content there may be in a minute. */
  perMinute = 1_000;

  get = async ({ repository, pull }: PullRef) => {
    const row = this.rows.get(`${repository}#${pull}`);
    return row && PullRow.parse(structuredClone(row));
  };
  put = async (row: PullRow) => {
    const key = `${row.repository}#${row.pull}`;
    if ((this.rows.get(key)?.version ?? 0) !== row.version) throw new CodedError("store.version_conflict", "meanwhile");
    const next = PullRow.parse(structuredClone({ ...row, version: row.version + 1 }));
    this.rows.set(key, next);
    return next;
  };
  place: PullsStore["place"] = async (sqid, repository, members) => {
    this.places.set(sqid, { repository, pulls: members.map(({ pull }) => pull) });
    for (const { pull, head } of members) this.heads.set(head, new Set([...(this.heads.get(head) ?? []), pull]));
  };
  pullsAt: PullsStore["pullsAt"] = async (_repository, head) => [...(this.heads.get(head) ?? [])];
  placeOf = async (sqid: string) => this.places.get(sqid);
  open = async () =>
    [...this.rows.values()].filter(({ open }) => open).map(({ repository, pull }) => ({ repository, pull }));
  spend = async (_repository: string, now: number) => {
    if (this.spent.filter((at) => at > now - 60_000).length >= this.perMinute)
      throw new CodedError("github.limited", "used up", { detail: { retryAt: epochMs(now + 60_000) } });
    this.spent.push(now);
  };
}

/** A fake GitHub with one repository, shared by many tests: branches and pull requests of their own tell them apart. */
/** A commit as which requests land. */
export const COMMIT = "c0ffee".padEnd(40, "0");

export class GitHubWorld {
  readonly github: FakeGitHub;
  readonly clock: { at: number };
  readonly queues: QueuesConfig;
  readonly #files: GitFiles;
  #branches = 0;
  #issues = 5_000;
  #commits = 0;
  readonly #limitAgain = withoutTimeLimits();

  private constructor(github: FakeGitHub, clock: { at: number }) {
    this.github = github;
    this.clock = clock;
    this.#files = new GitFiles(this.repository.git.path);
    this.queues = QueuesConfig.parse({
      github: { api: github.url, repositories: { [REPOSITORY]: ["main", "docs"] }, page: "https://queue.example" },
      queues: ["main", "docs"].map((name) => ({
        name,
        repository: { remote: "https://github.com/acme/shop.git" },
        buildRunner: { type: "fake" },
        changeProvider: { type: "github", waitFor: ["review", "checks"] },
      })),
    });
    this.repository.collaborators.set("ann", "write").set("rob", "read");
  }

  static async start(): Promise<GitHubWorld> {
    const clock = { at: Date.UTC(2026, 10, 26, 9, 0, 0) };
    const directory = mkdtempSync(join(tmpdir(), "github-"));
    const github = await startFakeGitHub({ directory, repositories: [REPOSITORY], now: () => clock.at });
    const world = new GitHubWorld(github, clock);
    world.#files.setRef("refs/heads/main", world.#commit("begin", undefined));
    await github.sync(REPOSITORY);
    return world;
  }

  /** A commit that no ref leads to, with the files of `of`, or of its parent. */
  #commit(message: string, parent: string | undefined, of = parent): GitSha {
    const tree = of === undefined ? this.#files.edited(undefined, {}) : this.#files.treeOf(of);
    const who = `Demo <demo@example.invalid> ${Math.floor(this.clock.at / 1_000) + ++this.#commits} +0000`;
    const parents = parent === undefined ? [] : [`parent ${parent}`];
    const lines = [`tree ${tree}`, ...parents, `author ${who}`, `committer ${who}`, "", message, ""];
    return this.#files.store("commit", Buffer.from(lines.join("\n")));
  }

  async stop(): Promise<void> {
    this.#limitAgain();
    await this.github.stop();
  }

  get repository() {
    return this.github.repository(REPOSITORY);
  }

  /** A commit on a branch, pushed by a user. */
  async push(branch: string, message: string, by = "ann"): Promise<string> {
    const parent = this.#files.ref(`refs/heads/${branch}`) ?? this.#files.ref("refs/heads/main");
    const sha = this.#commit(message, parent);
    this.#files.setRef(`refs/heads/${branch}`, sha);
    await this.github.sync(REPOSITORY, by);
    return sha;
  }

  /** What runway does first where heads are moved: a commit that lands, the record of the move, and the branch at that commit. */
  async moveHead({ headBranch, head }: PullRequest): Promise<string> {
    const to = this.#commit(`${headBranch} lands`, this.#files.ref("refs/heads/main"), head);
    this.#files.setRef(movedRef(to), head);
    this.#files.setRef(`refs/heads/${headBranch}`, to);
    await this.github.sync(REPOSITORY, "submitqueue[bot]");
    return to;
  }

  /** What runway does then: pushes the trunk, and deletes the record. */
  pushTrunk(to: string): void {
    this.#files.setRef("refs/heads/main", to);
    this.#files.deleteRef(movedRef(to as GitSha));
  }

  async pull({ by = "ann", base = "main", draft = false } = {}): Promise<PullRequest> {
    const branch = `change-${++this.#branches}`;
    this.#files.setRef(`refs/heads/${branch}`, this.#files.ref(`refs/heads/${base}`) ?? "");
    await this.push(branch, `Change ${this.#branches}`, by);
    const pull = await openPull(this.github, this.repository, {
      title: `Change ${this.#branches}`,
      head: branch,
      base,
      draft,
      by,
    });
    this.clock.at += 2_000;
    return pull;
  }

  comment(pull: PullRequest, body: string, by = "ann") {
    return addComment(this.github, this.repository, pull, body, by);
  }
  label(pull: PullRequest, action: "labeled" | "unlabeled", label = "land", by = "ann") {
    changeLabel(this.github, this.repository, pull, { label, action, by });
  }
  change(pull: PullRequest, change: Parameters<typeof changePull>[3], by = "ann") {
    changePull(this.github, this.repository, pull, change, by);
  }

  /** The number of a new issue, which is open. */
  issue(): number {
    const number = ++this.#issues;
    this.repository.issues.set(number, { number, title: "An issue", state: "open" });
    return number;
  }
  isIssueOpen(number: number): boolean {
    return this.repository.issues.get(number)?.state === "open";
  }
  /** Whether the head branch of the pull request is there. */
  async hasBranch({ headBranch }: PullRequest): Promise<boolean> {
    return (await this.repository.git.refs("refs/heads/")).has(`refs/heads/${headBranch}`);
  }
  commentsOf({ number }: PullRequest) {
    return this.repository.comments.filter(({ issue }) => issue === number);
  }
  checksOf({ head }: PullRequest) {
    return this.repository.checkRuns.filter(({ sha, name }) => sha === head && name === "Submitqueue");
  }
}

/** The github service on a fake GitHub and a fake gateway. Deliveries wait in `inbox` until the test hands them over. */
export function serviceOn(
  world: GitHubWorld,
  config: Partial<GitHubAppConfig> = {},
  markMerged: QueueConfig["markMerged"] = "close",
) {
  const queues = world.queues.queues.map((queue) => ({ ...queue, markMerged }));
  const { github, clock } = world;
  const store = new MemoryStore();
  const gateway = new FakeGateway(() => clock.at);
  const app = GitHubAppConfig.parse({ ...world.queues.github, ...config });
  const { app: identity } = github.identities;
  const client = gitHubClient({
    api: github.url,
    owner: "acme",
    repo: "shop",
    credentials: { kind: "app", appId: identity.id, privateKey: identity.privateKey },
    now: () => epochMs(clock.at),
  });
  const service: Service = {
    app,
    queuesOf: (repository) => queuesOf(app, queues, repository),
    targetsOf: (repository) => targetsOf(app, queues, repository),
    store,
    gateway: new Client({ url: "http://gateway.invalid", fetch: gateway.fetch, retries: 0 }),
    github: async () => gitHubIn(client),
    obstacle: obstacles(
      app,
      reviewedQueues({
        secrets: {
          send: async () => ({ SecretString: JSON.stringify({ appId: identity.id, privateKey: identity.privateKey }) }),
        } as unknown as SecretsManagerClient,
        now: () => epochMs(clock.at),
      }),
    ),
    now: () => epochMs(clock.at),
    log: pino({ level: "silent" }),
  };
  const inbox: PullMessage[] = [];
  let ids = 0;
  github.onEvent((event, payload) => {
    const [name = ""] = event.split(".");
    const delivery = deliveryOf(`d-${++ids}-${clock.at}`, name, payload, Date.parse);
    if (delivery === undefined) return;
    if ("pull" in delivery) inbox.push(delivery);
    else for (const pull of store.heads.get(delivery.head) ?? []) inbox.push({ ...delivery, pull });
  });
  const run = (message: PullMessage) => handle(service, message);
  return {
    service,
    store,
    gateway,
    inbox,
    run,
    /** Hands over what was delivered, in order, until nothing is left. */
    settle: async () => {
      for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) await run(message);
    },
    look: (pull: PullRequest, verify = false) => lookWith(service, pull, verify),
    lookWith,
  };

  function lookWith(on: Service, pull: PullRequest, verify = false) {
    return handle(on, { v: 1, kind: "look", repository: REPOSITORY, pull: pull.number, id: `look-${++ids}`, verify });
  }
}

export const signatureOf = (secret: string, body: string): string =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
