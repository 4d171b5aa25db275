import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { foreignIn } from "../../embedded/loopback.ts";
import { KEPT_CONNECTIONS } from "../../kept-connections.ts";
import { appBody, appRoutes } from "./apps.ts";
import { BareRepository } from "./bare-repository.ts";
import { ACTIONS_APP, checkRoutes } from "./checks.ts";
import { Described } from "./description/described.ts";
import { serveGit } from "./git-http.ts";
import { answerGraphql } from "./graphql.ts";
import { Identities, type Identity, mayDo } from "./identity.ts";
import { issueCommentRoutes } from "./issue-comments.ts";
import { issueRoutes } from "./issues.ts";
import { Manifests } from "./manifests.ts";
import { pageOf, runPageOf, workflowRunPageOf } from "./page.ts";
import { followPush, pullBody, pullRequestRoutes } from "./pull-requests.ts";
import type { PullRequest } from "./records.ts";
import { pushed, refRoutes } from "./refs.ts";
import { notFound, Refusal } from "./refusal.ts";
import { repositoryRoutes } from "./repositories.ts";
import { reviewRoutes } from "./reviews.ts";
import { type Answer, patternOf, type Route, type Routes } from "./routes.ts";
import { type Hub, type RepositoryState, repositoryOf, userOf } from "./state.ts";
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

const GRAPHQL = "post /graphql";

interface CompiledRoute {
  readonly operation: string;
  readonly method: string;
  readonly pattern: RegExp;
  readonly route: Route;
}

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
  readonly #limits: { readonly operation: string | undefined; readonly refusal: Refusal }[] = [];
  readonly #lost: { readonly operation: string | undefined }[] = [];
  readonly #syncing = new Map<RepositoryState, Promise<void>>();
  #routes: readonly CompiledRoute[] = [];
  #ids = 1_000;
  #cut: { readonly at: number; readonly moment: "before" | "after" } | undefined;

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
    for (const [fullName, path] of paths) this.repositories.set(fullName, this.#repository(fullName, path));
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
    this.add(checkRoutes(this, (as) => (as.kind === "actions" ? ACTIONS_APP : this.identities.app.id)));
    this.add(statusRoutes(this));
    this.add(workflowRunRoutes(this));
    this.add(pullRequestRoutes(this));
    this.add(reviewRoutes(this));
    this.add(issueCommentRoutes(this));
    this.add(issueRoutes(this));
  }

  /** Adds the routes of a resource. Throws for an operation that GitHub's description does not have. */
  add(routes: Routes): void {
    const compiled = Object.entries(routes).map(([operation, route]) => {
      if (!this.#described.has(operation)) throw new Error(`GitHub has no ${operation}: name it in description/cut.ts`);
      const [method = "", path = ""] = operation.split(" ");
      return { operation, method: method.toUpperCase(), pattern: patternOf(path), route };
    });
    // The longer path first: `commits/{ref}/status` is no commit of the name `x/status`.
    this.#routes = [...this.#routes, ...compiled].sort((one, other) => other.operation.length - one.operation.length);
  }

  /** Takes a bare repository in, made when there is none at the path. */
  async adopt(fullName: string, path: string): Promise<RepositoryState> {
    const repository = this.#repository(fullName, path);
    this.repositories.set(fullName, repository);
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
  limitNext({
    operation,
    retryAfterSeconds = 60,
    kind = "secondary",
  }: {
    operation?: string;
    retryAfterSeconds?: number;
    kind?: "primary" | "secondary";
  } = {}): void {
    const headers: Record<string, string> =
      kind === "secondary"
        ? { "retry-after": String(retryAfterSeconds) }
        : {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": String(Math.ceil(this.now() / 1_000) + retryAfterSeconds),
          };
    const message =
      kind === "secondary" ? "You have exceeded a secondary rate limit." : "API rate limit exceeded for installation.";
    this.refuseNext(new Refusal(403, message, { headers }), operation);
  }

  /**
   * The line breaks at the nth call from now on: before it is carried out, or after. No call gets through from then on. Undefined mends it.
   */
  cut(cut: { readonly at: number; readonly moment: "before" | "after" } | undefined): void {
    this.#cut = cut === undefined ? undefined : { ...cut, at: this.calls.length + cut.at };
  }

  /** The next call of the operation, or of any, does its work, and is answered 502. */
  loseAnswerOfNext(operation?: string): void {
    this.#lost.push({ operation });
  }

  /** The next call of the operation, or of any, is answered with this. */
  refuseNext(refusal: Refusal, operation?: string): void {
    this.#limits.push({ operation, refusal });
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

  #repository(fullName: string, path: string): RepositoryState {
    const [owner = "", name = ""] = fullName.split("/");
    return {
      id: this.nextId(),
      owner,
      name,
      fullName,
      defaultBranch: "main",
      git: new BareRepository(path),
      checkSuites: [],
      checkRuns: [],
      statuses: [],
      workflowRuns: [],
      pulls: [],
      comments: [],
      issues: new Map(),
      labels: new Map(),
      deletesBranches: false,
      collaborators: new Map(),
      activity: [],
      pushers: new Map(),
      ruleset: new Map(),
      reviewRules: new Map(),
      stacks: [],
      mayBypass: true,
      protection: new Map(),
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const foreign = foreignIn(request.headers);
    if (foreign !== undefined) return void response.writeHead(403).end(foreign.why);
    const path = request.url ?? "/";
    const [, fullName = "", rest = ""] = /^\/([^/]+\/[^/]+?)\.git(\/.*)$/.exec(path) ?? [];
    if (rest !== "") return this.#git(request, response, fullName, rest);
    const page = new URL(path, this.url);
    const html = request.method === "GET" ? this.#page(page.pathname) : undefined;
    if (html !== undefined) {
      const headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      };
      return void response.writeHead(200, headers).end(html);
    }
    if (request.method === "POST" && this.#manifests.isPage(page.pathname))
      return this.#create(request, response, page.searchParams.get("state"));
    if (this.#isCut("before", this.calls.length + 1)) return void response.destroy();
    const number = this.calls.length + 1;
    const { status, body, headers } = await this.#rest(request);
    if (this.#isCut("after", number)) return void response.destroy();
    response.setHeader("date", new Date(this.now()).toUTCString());
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  /** What a browser is shown of a repository. Undefined for any other path. */
  #page(path: string): string | undefined {
    const [, name = "", what, id = ""] =
      /^\/([^/]+\/[^/]+)\/(pulls|pull\/\d+|runs|actions\/runs)(?:\/(\d+))?$/.exec(path) ?? [];
    const repository = this.repositories.get(name);
    if (repository === undefined) return undefined;
    if (what === "runs") return runPageOf(repository, id);
    return what === "actions/runs" ? workflowRunPageOf(repository, id) : pageOf(repository);
  }

  /** The page that takes an App manifest. */
  async #create(request: IncomingMessage, response: ServerResponse, state: string | null): Promise<void> {
    try {
      const form = new URLSearchParams(await text(request));
      response.writeHead(302, { location: this.#manifests.create(form, state) }).end();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.status, { "content-type": "text/plain; charset=utf-8" }).end(error.message);
    }
  }

  async #git(request: IncomingMessage, response: ServerResponse, fullName: string, path: string): Promise<void> {
    const repository = this.repositories.get(fullName);
    const writes = path.includes("git-receive-pack");
    try {
      const as = this.identities.identify(request.headers.authorization);
      if (repository === undefined || !sees(as, repository)) throw notFound();
      if (!mayDo(as, writes ? "contents:write" : "contents:read"))
        throw new Refusal(403, "Write access to repository not granted.");
      const user = as.kind === "user" ? as.login : "submitqueue[bot]";
      await serveGit({ request, response, repository: repository.git.path, path, user });
      if (writes && request.method === "POST") await this.sync(fullName, user);
      response.end();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const challenge: Record<string, string> =
        error.status === 401 ? { "www-authenticate": 'Basic realm="GitHub"' } : {};
      response.writeHead(error.status, challenge).end(error.message);
    }
  }

  async #rest(request: IncomingMessage): Promise<{ status: number; body?: unknown; headers: Record<string, string> }> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    if (request.method === "POST" && pathname === "/graphql") return this.#graphql(request);
    const found = this.#match(request.method ?? "GET", pathname);
    if (found === undefined) {
      this.violations.push(`${request.method} ${pathname} is nothing that the fake GitHub has`);
      return { status: 404, body: notFound().body, headers: {} };
    }
    const { operation, route, params } = found;
    this.calls.push(operation);
    const sent = await text(request);
    const headers: Record<string, string> = {
      "x-github-request-id": String(this.nextId()),
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": "4999",
    };
    let answer: Answer;
    try {
      answer = await this.#called({
        operation,
        route,
        params,
        query: searchParams,
        body: sent === "" ? undefined : JSON.parse(sent),
        request,
        headers,
      });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      Object.assign(headers, error.headers);
      answer = { status: error.status, body: error.body };
    }
    if (answer.status < 400 && this.#isLost(operation))
      return { status: 502, body: new Refusal(502, "Bad Gateway").body, headers };
    const body = this.#described.completeAnswer(operation, answer.status, answer.body);
    this.violations.push(...this.#described.problemsOfAnswer(operation, answer.status, body));
    return { status: answer.status, body, headers: { ...headers, ...answer.headers } };
  }

  /** Answered 200 also for an error of the query; GitHub has no such path where `hasGraphql` is false. */
  async #graphql(request: IncomingMessage) {
    this.calls.push(GRAPHQL);
    const headers = { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999" };
    const sent = await text(request);
    try {
      const as = this.identities.identify(request.headers.authorization);
      this.#refuseWhatIsDue(GRAPHQL);
      if (!this.hasGraphql) throw notFound();
      const body = await answerGraphql(this.repositories, as, JSON.parse(sent));
      const wrong = (body.errors ?? []).filter((error) => !("type" in error));
      this.violations.push(...wrong.map((error) => `GraphQL: ${JSON.stringify(error)}`));
      return { status: 200, body, headers };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: error.body, headers: { ...headers, ...error.headers } };
    }
  }

  #isLost(operation: string): boolean {
    const due = this.#lost.findIndex((lost) => lost.operation === undefined || lost.operation === operation);
    if (due >= 0) this.#lost.splice(due, 1);
    return due >= 0;
  }

  /** Throws the refusal that a test has asked for. */
  #refuseWhatIsDue(operation: string): void {
    const due = this.#limits.findIndex((limit) => limit.operation === undefined || limit.operation === operation);
    if (due >= 0) throw this.#limits.splice(due, 1)[0]?.refusal;
  }

  async #called(call: {
    operation: string;
    route: Route;
    params: Record<string, string>;
    query: URLSearchParams;
    body: unknown;
    request: IncomingMessage;
    headers: Record<string, string>;
  }): Promise<Answer> {
    const { operation, route, params, query, body, request, headers } = call;
    const as: Identity =
      route.only === "anyone"
        ? { kind: "user", login: "anyone", access: "read" }
        : this.identities.identify(request.headers.authorization);
    this.#refuseWhatIsDue(operation);
    if (request.headers["user-agent"] === undefined)
      throw new Refusal(
        403,
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.",
      );
    const problems = this.#described.problemsOfRequest(operation, query, body);
    if (problems.length > 0) {
      this.violations.push(...problems);
      throw new Refusal(422, "Invalid request.", { errors: problems.map((message) => ({ message })) });
    }
    if (route.only !== "anyone" && (route.only === "jwt") !== (as.kind === "app"))
      throw new Refusal(401, "A JSON web token could not be decoded");
    if (route.only === "installation" && as.kind !== "installation")
      throw new Refusal(403, "Resource not accessible by personal access token");
    const repository = this.repositories.get(`${params["owner"]}/${params["repo"]}`);
    if (params["repo"] !== undefined && (repository === undefined || !sees(as, repository))) throw notFound();
    if (route.needs !== undefined && !mayDo(as, route.needs))
      throw new Refusal(
        403,
        as.kind === "user"
          ? "Resource not accessible by personal access token"
          : "Resource not accessible by integration",
      );
    return route.answer({
      params,
      query,
      body,
      as,
      get repository() {
        if (repository === undefined) throw notFound();
        return repository;
      },
      page: (items) => paged(items, query, headers, `${this.url}${request.url}`),
    });
  }

  /** True for a call of that number that is not carried out, or not answered. */
  #isCut(moment: "before" | "after", number: number): boolean {
    if (this.#cut === undefined) return false;
    return number > this.#cut.at || (number === this.#cut.at && this.#cut.moment === moment);
  }

  #match(
    method: string,
    path: string,
  ): { operation: string; route: Route; params: Record<string, string> } | undefined {
    for (const { operation, method: verb, pattern, route } of this.#routes) {
      const groups = verb === method ? pattern.exec(path)?.groups : undefined;
      if (groups !== undefined || (verb === method && pattern.test(path))) {
        const params = Object.fromEntries(
          Object.entries(groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
        );
        return { operation, route, params };
      }
    }
    return undefined;
  }
}

function sees(as: Identity, { name }: RepositoryState): boolean {
  return as.kind !== "installation" || (as.repositories?.includes(name) ?? true);
}

/** A page of at most 100, 30 unless told otherwise, with the address of the next in a Link header. */
function paged<T>(items: readonly T[], query: URLSearchParams, headers: Record<string, string>, url: string): T[] {
  const size = Math.min(Number(query.get("per_page") ?? 30), 100);
  const page = Number(query.get("page") ?? 1);
  if (page * size < items.length) {
    const next = new URL(url);
    next.searchParams.set("page", String(page + 1));
    headers["link"] = `<${next}>; rel="next"`;
  }
  return items.slice((page - 1) * size, page * size);
}
