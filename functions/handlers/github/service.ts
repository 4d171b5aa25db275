import { Client } from "../../../client/client.ts";
import { signedFetch } from "../../../client/sign.ts";
import type { Clients } from "../../adapters/aws-clients.ts";
import { type PullsStore, pullsStore } from "../../adapters/dynamodb/pulls-store.ts";
import { type AfterLanding, afterLanding } from "../../adapters/github/after-landing.ts";
import { type GitHubClient, gitHubClient } from "../../adapters/github/client.ts";
import { credentialsFrom, type GitHubCredentials } from "../../adapters/github/credentials.ts";
import { type PullRequests, pullRequests } from "../../adapters/github/pull-requests.ts";
import { type ReviewedQueues, reviewedQueues } from "../../adapters/github/reviewed-queues.ts";
import { secretsOf } from "../../adapters/secrets.ts";
import { type Env, loadGitHubApp, loadQueues, need } from "../../adapters/settings.ts";
import { gitHubOf } from "../../contracts/code-host.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type Asked, isSameRepository, type RepositoryName } from "../../contracts/github.ts";
import type { GitHubAppConfig, QueueConfig } from "../../contracts/queues.ts";
import type { Reason } from "../../contracts/reasons.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { leftOut } from "../left-out.ts";

/** What the github service works with. */
export interface Service {
  readonly app: GitHubAppConfig;
  /** The queues of a repository, its usual one first. Empty when no queue lands there. */
  readonly queuesOf: (repository: RepositoryName) => readonly QueueConfig[];
  /** The branches of a repository that queues land on. */
  readonly targetsOf: (repository: RepositoryName) => readonly string[];
  readonly store: PullsStore;
  /** The gateway's public API: the only way in that this service has. */
  readonly gateway: Client;
  readonly github: (repository: RepositoryName) => Promise<GitHub>;
  /** Why the changes of a request that is in the queue must not land after all; undefined when they may. Throws as GitHubClient does. */
  readonly obstacle: (queue: QueueConfig, changes: Asked["changes"]) => Promise<Reason | undefined>;
  readonly now: () => EpochMs;
  readonly log: Clients["log"];
}

/** What the service does on GitHub, in one repository. */
export type GitHub = PullRequests & AfterLanding;

export const gitHubIn = (client: GitHubClient): GitHub => ({ ...pullRequests(client), ...afterLanding(client) });

/** The App's credentials. Throws config.invalid. */
export type AppOf = () => Promise<Extract<GitHubCredentials, { kind: "app" }>>;

export function appOf(env: Env, clients: Clients): AppOf {
  const { secret } = loadGitHubApp(env);
  const secrets = secretsOf(clients);
  return async () => {
    const credentials = credentialsFrom((await secrets(secret)) ?? "", secret);
    if (credentials.kind === "app") return credentials;
    throw new CodedError("config.invalid", `secret ${secret} holds a token: the github service takes a GitHub App`);
  };
}

/** Throws config.invalid. */
export function serviceOf(env: Env, clients: Clients): Service {
  const app = loadGitHubApp(env);
  const queues = [...loadQueues(env).values()];
  const credentials = appOf(env, clients);
  return {
    app,
    queuesOf: (repository) => queuesOf(app, queues, repository),
    targetsOf: (repository) => targetsOf(app, queues, repository),
    store: pullsStore(clients.dynamodb, need(env, ENV.pullsTable), leftOut(clients.log)),
    gateway: new Client({
      url: need(env, ENV.gatewayUrl),
      fetch: clients.gateway ?? signedFetch({ credentials: () => credentialsIn(env) }),
    }),
    github: gitHubs(app, credentials, clients.now),
    obstacle: obstacles(app, reviewedQueues(clients)),
    now: clients.now,
    log: clients.log,
  };
}

/** Reviews of a queue that are read with other credentials than the App's are left to the landing. */
export function obstacles({ secret }: GitHubAppConfig, reviews: ReviewedQueues): Service["obstacle"] {
  return async (queue, changes) => {
    const { changeProvider } = queue;
    if (changeProvider?.type !== "github" || changeProvider.credentialsSecret !== secret) return undefined;
    return (await reviews.obstacles(queue, new Map([["this", changes]]))).get("this");
  };
}

/** A client per repository: its installation token is made once an hour. */
function gitHubs({ api }: GitHubAppConfig, credentialsOf: AppOf, now: () => EpochMs): Service["github"] {
  const known = new Map<RepositoryName, { readonly credentials: string; readonly pulls: GitHub }>();
  return async (repository) => {
    const credentials = await credentialsOf();
    const written = JSON.stringify(credentials);
    const found = known.get(repository);
    if (found?.credentials === written) return found.pulls;
    const [owner = "", repo = ""] = repository.split("/");
    const pulls = gitHubIn(gitHubClient({ api: api.replace(/\/$/, ""), owner, repo, credentials, now }));
    known.set(repository, { credentials: written, pulls });
    return pulls;
  };
}

/** The queues that the App's configuration names for the repository. When it names none, the queues whose remote is the repository. */
export function queuesOf(
  { repositories, api }: GitHubAppConfig,
  queues: readonly QueueConfig[],
  repository: RepositoryName,
): readonly QueueConfig[] {
  const named = Object.entries(repositories).find(([name]) => isSameRepository(name, repository))?.[1];
  if (named !== undefined) return named.flatMap((name) => queues.find((queue) => queue.name === name) ?? []);
  return queues.filter(({ repository: { remote } }) => {
    const host = gitHubOf(remote);
    return (
      host !== undefined &&
      host.api === api.replace(/\/$/, "") &&
      isSameRepository(`${host.owner}/${host.repo}`, repository)
    );
  });
}

/** The branches that queues of the repository land on, also queues that the App's configuration does not name. */
export const targetsOf = (
  app: GitHubAppConfig,
  queues: readonly QueueConfig[],
  repository: RepositoryName,
): readonly string[] =>
  [...queuesOf(app, queues, repository), ...queuesOf({ ...app, repositories: {} }, queues, repository)].map(
    (queue) => queue.repository.branch,
  );

/** The credentials of the function's role, as Lambda gives them. */
async function credentialsIn(env: Env) {
  const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", AWS_SESSION_TOKEN } = env;
  const token = AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: AWS_SESSION_TOKEN };
  return { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, ...token };
}
