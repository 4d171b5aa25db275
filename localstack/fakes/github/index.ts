import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { foreignIn } from "../../embedded/loopback.ts";
import { KEPT_CONNECTIONS } from "../../kept-connections.ts";
import { Api } from "./api.ts";
import { appBody, appRoutes } from "./apps.ts";
import { BareRepository } from "./bare-repository.ts";
import { branchRoutes } from "./branch-rules.ts";
import { ACTIONS_APP, checkRoutes } from "./checks.ts";
import { Described } from "./description/described.ts";
import { Faults, type RateLimit } from "./faults.ts";
import { answerGit } from "./git-http.ts";
import { Identities } from "./identity.ts";
import { issueCommentRoutes } from "./issue-comments.ts";
import { issueRoutes } from "./issues.ts";
import { labelRoutes } from "./labels.ts";
import { Manifests } from "./manifests.ts";
import { pageAt } from "./page.ts";
import { pullBody } from "./pull-body.ts";
import { followPush, pullRequestRoutes } from "./pull-requests.ts";
import type { PullRequest } from "./records.ts";
import { pushed, refRoutes } from "./refs.ts";
import type { Refusal } from "./refusal.ts";
import { repositoryRoutes } from "./repositories.ts";
import { reviewRoutes } from "./reviews.ts";
import { RouteTable } from "./route-table.ts";
import type { Routes } from "./routes.ts";
import { stackRoutes } from "./stacks.ts";
import { type Hub, newRepository, type RepositoryState, repositoryOf, userOf } from "./state.ts";
import { statusRoutes } from "./statuses.ts";
import { Webhooks } from "./webhooks.ts";
import { workflowRunRoutes } from "./workflow-runs.ts";

export interface FakeGitHubOptions {
  /** Where repositories are made. */
  readonly directory: string;
  /** By `owner/name`, the path of the bare repository. An array makes them below `directory`. */
  readonly repositories: readonly string[] | Readonly<Record<string, string>>;
  /** 0 takes any port that is free. */
  readonly port?: number;
  readonly now?: () => number;
}

type Listener = (event: string, payload: object, repository: RepositoryState) => void;

/** Starts a GitHub on loopback: REST API, git over HTTP, webhooks, one App. */
export async function startFakeGitHub(options: FakeGitHubOptions): Promise<FakeGitHub> {
  const github = new FakeGitHub(options);
  await github.start();
  return github;
}

/**
 * Speaks as much of GitHub as the queue needs. What code there is, is in real bare repositories. Each request, answer and webhook is
 * checked against GitHub's own description; `violations` lists what contradicts it, and `stop` throws when there is any.
 */
export class FakeGitHub implements Hub {
  readonly now: () => number;
  readonly identities: Identities;
  readonly webhooks: Webhooks;
  readonly repositories = new Map<string, RepositoryState>();
  /** The calls of the REST API, oldest first: `post /repos/{owner}/{repo}/git/refs`. */
  readonly calls: string[] = [];
  readonly violations: string[] = [];
  /** False: an installation whose GraphQL API can't be reached. */
  hasGraphql = true;
  readonly #options: FakeGitHubOptions;
  readonly #described = Described.shared();
  readonly #server: Server;
  readonly #listeners = new Set<Listener>();
  readonly #manifests: Manifests;
  readonly #faults = new Faults();
  readonly #routes = new RouteTable(this.#described);
  readonly #api: Api;
  readonly #syncing = new Map<RepositoryState, Promise<void>>();
  #ids = 1_000;

  constructor(options: FakeGitHubOptions) {
    this.#options = options;
    this.now = options.now ?? Date.now;
    // JWTs and tokens are made and kept by clients that go by the real time.
    this.identities = new Identities(Date.now);
    this.webhooks = new Webhooks({
      described: this.#described,
      now: this.now,
      nextId: () => this.nextId(),
      installationId: () => this.identities.app.installationId,
      secret: this.identities.app.webhookSecret,
      subscribed: () => this.identities.subscribed,
      violated: (problems) => this.violations.push(...problems),
    });
    this.#manifests = new Manifests(this.identities, this.webhooks.config, this.now);
    const { repositories } = options;
    const paths = Array.isArray(repositories)
      ? repositories.map((name: string): [string, string] => [name, join(options.directory, `${name}.git`)])
      : Object.entries(repositories);
    for (const [fullName, path] of paths) this.#keep(fullName, path);
    this.#api = new Api(this, { described: this.#described, routes: this.#routes, faults: this.#faults });
    this.#server = createServer(KEPT_CONNECTIONS, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        this.violations.push(
          `the fake failed at ${request.method} ${request.url}: ${error instanceof Error ? error.stack : error}`,
        );
        response.destroy();
      });
    });
    this.add(appRoutes(this.identities, () => this.url, this.repositories));
    this.add(this.webhooks.routes);
    this.add(this.#manifests.routes);
    this.add(repositoryRoutes(this, this.repositories));
    this.add(refRoutes(this, (repository, by) => this.sync(repository.fullName, by)));
    this.add(branchRoutes(this));
    this.add(checkRoutes(this, (as) => (as.kind === "actions" ? ACTIONS_APP : this.identities.app.id)));
    this.add(statusRoutes(this));
    this.add(workflowRunRoutes(this));
    this.add(pullRequestRoutes(this));
    this.add(stackRoutes(this));
    this.add(reviewRoutes(this));
    this.add(labelRoutes(this));
    this.add(issueCommentRoutes(this));
    this.add(issueRoutes(this));
  }

  /** Adds the routes of a resource. Throws for an operation that GitHub's description does not have. */
  add(routes: Routes): void {
    this.#routes.add(routes);
  }

  /** Takes a bare repository in, made when there is none at the path. */
  async adopt(fullName: string, path: string): Promise<RepositoryState> {
    const repository = this.#keep(fullName, path);
    await repository.git.open();
    return repository;
  }

  async start(): Promise<void> {
    await Promise.all([...this.repositories.values()].map(({ git }) => git.open()));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject).listen(this.#options.port ?? 0, "127.0.0.1", resolve);
    await promise;
  }

  /** Throws when anything contradicted GitHub's description. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
    await this.webhooks.idle();
    await Promise.all([...this.repositories.values()].map(({ git }) => git.close()));
    if (this.violations.length > 0)
      throw new Error(`GitHub's description does not allow:\n${this.violations.join("\n")}`);
  }

  /** The address of the REST API, and of git: `<url>/<owner>/<name>.git`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  repository(fullName: string): RepositoryState {
    const found = this.repositories.get(fullName);
    if (found === undefined) throw new Error(`the fake GitHub has no repository ${fullName}`);
    return found;
  }

  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  appOf(id: number): object {
    return appBody(this.identities, id);
  }

  pullBody(repository: RepositoryState, pull: PullRequest): object {
    return pullBody(this, repository, pull);
  }

  /** Called with every event, whether or not a webhook is configured. */
  onEvent(listener: Listener): void {
    this.#listeners.add(listener);
  }

  emit(repository: RepositoryState, event: string, payload: object, sender = "someone"): void {
    const about = { repository: repositoryOf(repository, this.url), sender: userOf(sender), ...payload };
    const whole = this.webhooks.send(event, about, repository.id);
    for (const listener of this.#listeners) listener(event, whole, repository);
  }

  /** The next call of the operation, or of any, meets a rate limit: the primary until `retryAfterSeconds` have passed, or the secondary. */
  limitNext(limit: RateLimit = {}): void {
    this.#faults.limit(limit, this.now());
  }

  /** The line breaks at the nth call from now on: before it is carried out, or after. No later call gets through. Undefined mends the line. */
  cut(cut: { readonly at: number; readonly moment: "before" | "after" } | undefined): void {
    this.#faults.cut(cut && { ...cut, at: this.calls.length + cut.at });
  }

  /** The next call of the operation, or of any, does its work, and is answered 502. */
  loseAnswerOfNext(operation?: string): void {
    this.#faults.loseAnswer(operation);
  }

  /** The next call of the operation, or of any, is answered with this. */
  refuseNext(refusal: Refusal, operation?: string): void {
    this.#faults.refuse(refusal, operation);
  }

  /** Looks for refs that have changed by any means, and tells of them. Git over HTTP and the REST API do so by themselves. */
  async sync(fullName: string, by = "someone"): Promise<void> {
    const repository = this.repository(fullName);
    const before = this.#syncing.get(repository) ?? Promise.resolve();
    const work = before.then(async () => {
      for (const change of await repository.git.changes()) {
        const pusher = repository.pushers.get(change.ref) ?? by;
        await pushed(this, repository, change, pusher);
        await followPush(this, repository, change, pusher);
      }
    });
    this.#syncing.set(repository, work);
    await work;
  }

  #keep(fullName: string, path: string): RepositoryState {
    const repository = newRepository(this.nextId(), fullName, new BareRepository(path));
    this.repositories.set(fullName, repository);
    return repository;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const foreign = foreignIn(request.headers);
    if (foreign !== undefined) return void response.writeHead(403).end(foreign.why);
    const target = request.url ?? "/";
    const [, fullName = "", path = ""] = /^\/([^/]+\/[^/]+?)\.git(\/.*)$/.exec(target) ?? [];
    if (path !== "") return answerGit(this, { request, response, fullName, path });
    const { pathname, searchParams } = new URL(target, this.url);
    const page = request.method === "GET" ? pageAt(pathname, this.repositories) : undefined;
    if (page !== undefined) return void response.writeHead(200, PAGE_HEADERS).end(page);
    if (request.method === "POST" && this.#manifests.isPage(pathname))
      return this.#manifests.answer(request, response, searchParams.get("state"));
    return this.#answerCall(request, response);
  }

  async #answerCall(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const number = this.calls.length + 1;
    if (this.#faults.isCut("before", number)) return void response.destroy();
    const { status, body, headers } = await this.#api.answer(request);
    if (this.#faults.isCut("after", number)) return void response.destroy();
    response.setHeader("date", new Date(this.now()).toUTCString());
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }
}

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
};
