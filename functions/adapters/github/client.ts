import { createAppAuth } from "@octokit/auth-app";
import { request } from "@octokit/request";
import type { GitHubHost } from "../../contracts/code-host.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { GitHubCredentials } from "./credentials.ts";
import { statusOf, translatedError } from "./errors.ts";

export interface GitHubClientOptions extends GitHubHost {
  readonly credentials: GitHubCredentials;
  readonly now: () => EpochMs;
}

/** Calls of GitHub's REST API, typed by their routes. Those of one repository have its owner and name filled in. */
export interface GitHubClient {
  /**
   * Throws github.limited with `retryAt` (EpochMs) in its detail, github.unavailable, and config.invalid for credentials that GitHub
   * refuses or that may not do this. An answer 404, 409, 410 or 422 is thrown as it is: `statusOf` tells which.
   */
  readonly call: typeof request;
  /** The address of the REST API. */
  readonly api: string;
  readonly now: () => EpochMs;
  readonly owner: string;
  readonly repo: string;
  /** The id of the App that the credentials are of. Undefined for a token. */
  readonly appId: number | undefined;
  /** The token that calls are made with, as git takes it for a password. */
  token(): Promise<string>;
  /** What the installation may do, as `{ contents: "write", … }`. Undefined for a token, which does not say. */
  permissions(): Promise<Readonly<Record<string, string>> | undefined>;
}

const TIMEOUT_MS = 10_000;

/** Calls of GitHub's REST API without credentials. Each ends after ten seconds at the latest. */
export const callsTo = (api: string): typeof request =>
  request.defaults({
    baseUrl: api,
    headers: { "user-agent": "submitqueue" },
    request: {
      fetch: (url: string, init: RequestInit) => fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
    },
  });

type Authorize = (again: boolean) => Promise<string>;

/** A client for one repository, with the rights of an App's installation on that repository alone, or of a token. Tokens are kept for an hour. */
export function gitHubClient({ api, owner, repo, credentials, now }: GitHubClientOptions): GitHubClient {
  const base = callsTo(api);
  const app = credentials.kind === "app" ? appOf(base, credentials, { owner, repo }) : undefined;
  const authorize: Authorize =
    credentials.kind === "token"
      ? async () => `token ${credentials.token}`
      : async (again) => `token ${(await app?.(again))?.token}`;
  const call = base.defaults({
    request: {
      hook: async (send: typeof request, options: Parameters<typeof request>[1]) => {
        try {
          return requireAnswer(await authorized(send, options, authorize));
        } catch (error) {
          throw translatedError(error, now());
        }
      },
    },
  });
  const inWords = async <T>(ask: () => Promise<T> | undefined): Promise<T | undefined> => {
    try {
      return await ask();
    } catch (error) {
      throw translatedError(error, now());
    }
  };
  const id = credentials.kind === "app" ? Number(credentials.appId) : undefined;
  return {
    call,
    api,
    now,
    owner,
    repo,
    appId: Number.isNaN(id) ? undefined : id,
    token: async () =>
      credentials.kind === "token" ? credentials.token : ((await inWords(() => app?.(false)))?.token ?? ""),
    permissions: async () => (await inWords(() => app?.(false)))?.permissions,
  };
}

/** Throws github.unavailable for a page: what stands between the queue and GitHub has answered, and not the API. */
function requireAnswer<T extends { readonly headers: Readonly<Record<string, unknown>> }>(answer: T): T {
  if (!/^text\/html/i.test(String(answer.headers["content-type"] ?? ""))) return answer;
  throw new CodedError("github.unavailable", "GitHub did not answer: a page came, and no answer of the API");
}

/** A token that was taken back is asked for once more. */
// biome-ignore lint/suspicious/noExplicitAny: Octokit types a hook's arguments by the route, which is not known here.
async function authorized(send: any, options: any, authorize: Authorize): Promise<any> {
  const withToken = async (again: boolean) =>
    send({ ...options, headers: { ...options.headers, authorization: await authorize(again) } });
  try {
    return await withToken(false);
  } catch (error) {
    if (statusOf(error) !== 401) throw error;
    return withToken(true);
  }
}

/** The App's installation token for one repository. Two calls the first time, one an hour after that. */
function appOf(
  base: typeof request,
  { appId, privateKey, installationId: given }: Extract<GitHubCredentials, { kind: "app" }>,
  { owner, repo }: { readonly owner: string; readonly repo: string },
) {
  const auth = createAppAuth({ appId, privateKey, request: base });
  let known = given;
  const installationId = async (): Promise<number> => {
    if (known !== undefined) return known;
    const { token } = await auth({ type: "app" }).catch((cause: unknown) => {
      throw new CodedError(
        "config.invalid",
        "the private key of the GitHub App can't be used: it is PEM, as GitHub gave it out",
        { cause },
      );
    });
    const headers = { authorization: `bearer ${token}` };
    try {
      const { data } = await base("GET /repos/{owner}/{repo}/installation", { owner, repo, headers });
      known = data.id;
      return known;
    } catch (cause) {
      throw statusOf(cause) === 404 ? notInstalled(cause) : cause;
    }
  };
  const notInstalled = (cause: unknown) =>
    new CodedError(
      "config.invalid",
      `the GitHub App ${appId} is not installed on ${owner}/${repo}: install it there, on the App's page`,
      { cause },
    );
  const token = async (refresh: boolean) =>
    auth({ type: "installation", installationId: await installationId(), repositoryNames: [repo], refresh });
  return async (refresh: boolean) => {
    const before = known;
    try {
      return await token(refresh);
    } catch (cause) {
      if (!GONE.includes(statusOf(cause) ?? 0)) throw cause;
      // An App that is taken off and installed again has another installation.
      known = given;
      if (known === before || before === undefined) throw notInstalled(cause);
      return token(refresh).catch((error: unknown) => {
        throw GONE.includes(statusOf(error) ?? 0) ? notInstalled(error) : error;
      });
    }
  };
}

/**
 * GitHub's answers to the question for a token when the installation is gone, or may not see the repository. Thrown on as they are, they would
 * say that what a call asks for is not there.
 */
const GONE: readonly number[] = [404, 422];
