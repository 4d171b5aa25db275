import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { Described } from "./description/described.ts";
import type { Faults } from "./faults.ts";
import { answerGraphql } from "./graphql.ts";
import { type Identities, type Identity, mayDo, sees } from "./identity.ts";
import { notFound, Refusal } from "./refusal.ts";
import type { MatchedRoute, RouteTable } from "./route-table.ts";
import type { Answer, Route } from "./routes.ts";
import type { RepositoryState } from "./state.ts";

/** What the API knows of the GitHub that it belongs to. */
export interface ApiHost {
  /** The address of the REST API. */
  readonly url: string;
  readonly identities: Identities;
  readonly repositories: ReadonlyMap<string, RepositoryState>;
  /** False: an installation whose GraphQL API can't be reached. */
  readonly hasGraphql: boolean;
  /** The operations that were called. The API adds each call. */
  readonly calls: string[];
  /** What contradicted GitHub's description. The API adds what it finds. */
  readonly violations: string[];
  nextId(): number;
}

/** An answer to a call, with all its headers. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

const GRAPHQL = "post /graphql";
const LIMITS = { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999" };

/** Answers the calls of the REST API and of the GraphQL API. Calls and answers are checked against GitHub's description. */
export class Api {
  readonly #host: ApiHost;
  readonly #described: Described;
  readonly #routes: RouteTable;
  readonly #faults: Faults;

  constructor(host: ApiHost, parts: { described: Described; routes: RouteTable; faults: Faults }) {
    this.#host = host;
    this.#described = parts.described;
    this.#routes = parts.routes;
    this.#faults = parts.faults;
  }

  async answer(request: IncomingMessage): Promise<Reply> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.#host.url);
    if (request.method === "POST" && pathname === "/graphql") return this.#graphql(request);
    const found = this.#routes.match(request.method ?? "GET", pathname);
    if (found !== undefined) return this.#rest(request, found, searchParams);
    this.#host.violations.push(`${request.method} ${pathname} is nothing that the fake GitHub has`);
    return { status: 404, body: notFound().body, headers: {} };
  }

  async #rest(request: IncomingMessage, matched: MatchedRoute, query: URLSearchParams): Promise<Reply> {
    const { operation } = matched;
    const { calls, violations } = this.#host;
    calls.push(operation);
    const sent = await text(request);
    const body: unknown = sent === "" ? undefined : JSON.parse(sent);
    const headers = { "x-github-request-id": String(this.#host.nextId()), ...LIMITS };
    const answer = await this.#called(request, matched, { query, body }).catch(refused);
    if (answer.status < 400 && this.#faults.losesAnswer(operation))
      return { status: 502, body: new Refusal(502, "Bad Gateway").body, headers };
    const complete = this.#described.completeAnswer(operation, answer.status, answer.body);
    violations.push(...this.#described.problemsOfAnswer(operation, answer.status, complete));
    return { status: answer.status, body: complete, headers: { ...headers, ...answer.headers } };
  }

  /** Checks the call, and has its route answer it. Throws a refusal. */
  async #called(
    request: IncomingMessage,
    { operation, route, params }: MatchedRoute,
    { query, body }: { readonly query: URLSearchParams; readonly body: unknown },
  ): Promise<Answer> {
    const { identities, repositories, url } = this.#host;
    const as: Identity =
      route.only === "anyone"
        ? { kind: "user", login: "anyone", access: "read" }
        : identities.identify(request.headers.authorization);
    this.#faults.throwRefusal(operation);
    this.#checkRequest(request, operation, query, body);
    const repository = repositories.get(`${params["owner"]}/${params["repo"]}`);
    checkKind(as, route);
    if (params["repo"] !== undefined && (repository === undefined || !sees(as, repository.name))) throw notFound();
    checkRights(as, route);
    let link: Readonly<Record<string, string>> = {};
    const answer = await route.answer({
      params,
      query,
      body,
      as,
      get repository() {
        if (repository === undefined) throw notFound();
        return repository;
      },
      page: (items) => {
        const page = pageOf(items, query, `${url}${request.url}`);
        link = page.link;
        return page.items;
      },
    });
    return { ...answer, headers: { ...link, ...answer.headers } };
  }

  #checkRequest(request: IncomingMessage, operation: string, query: URLSearchParams, body: unknown): void {
    if (request.headers["user-agent"] === undefined)
      throw new Refusal(
        403,
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.",
      );
    const problems = this.#described.problemsOfRequest(operation, query, body);
    if (problems.length === 0) return;
    this.#host.violations.push(...problems);
    throw new Refusal(422, "Invalid request.", { errors: problems.map((message) => ({ message })) });
  }

  /** Answered 200 also for an error of the query; GitHub has no such path where `hasGraphql` is false. */
  async #graphql(request: IncomingMessage): Promise<Reply> {
    const { calls, identities, repositories, hasGraphql, violations } = this.#host;
    calls.push(GRAPHQL);
    const sent = await text(request);
    const answer = async (): Promise<Answer> => {
      const as = identities.identify(request.headers.authorization);
      this.#faults.throwRefusal(GRAPHQL);
      if (!hasGraphql) throw notFound();
      const body = await answerGraphql(repositories, as, JSON.parse(sent));
      const wrong = (body.errors ?? []).filter((error) => !("type" in error));
      violations.push(...wrong.map((error) => `GraphQL: ${JSON.stringify(error)}`));
      return { status: 200, body };
    };
    const { status, body, headers } = await answer().catch(refused);
    return { status, body, headers: { ...LIMITS, ...headers } };
  }
}

/** The answer that a refusal is. Throws every other error. */
function refused(error: unknown): Answer {
  if (!(error instanceof Refusal)) throw error;
  return { status: error.status, body: error.body, headers: error.headers };
}

/** Throws when the route is for the App itself and the caller is not the App, or the other way round, or for installations alone. */
function checkKind(as: Identity, { only }: Route): void {
  if (only !== "anyone" && (only === "jwt") !== (as.kind === "app"))
    throw new Refusal(401, "A JSON web token could not be decoded");
  if (only === "installation" && as.kind !== "installation")
    throw new Refusal(403, "Resource not accessible by personal access token");
}

function checkRights(as: Identity, { needs }: Route): void {
  if (needs === undefined || mayDo(as, needs)) return;
  const by = as.kind === "user" ? "personal access token" : "integration";
  throw new Refusal(403, `Resource not accessible by ${by}`);
}

/** A page of at most 100 items, 30 unless the query asks for another number, and a Link header with the address of the next page, if any. */
function pageOf<T>(
  items: readonly T[],
  query: URLSearchParams,
  url: string,
): { readonly items: T[]; readonly link: Readonly<Record<string, string>> } {
  const size = Math.min(Number(query.get("per_page") ?? 30), 100);
  const page = Number(query.get("page") ?? 1);
  const shown = items.slice((page - 1) * size, page * size);
  if (page * size >= items.length) return { items: shown, link: {} };
  const next = new URL(url);
  next.searchParams.set("page", String(page + 1));
  return { items: shown, link: { link: `<${next}>; rel="next"` } };
}
