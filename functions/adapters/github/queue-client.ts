import type { GitHubChecksConfig } from "../../contracts/build-runner-config.ts";
import { gitHubOf } from "../../contracts/code-host.ts";
import { CodedError, isRetryable } from "../../contracts/errors.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Secrets } from "../secrets.ts";
import { type GitHubClient, gitHubClient } from "./client.ts";
import { credentialsFrom, type GitHubCredentials } from "./credentials.ts";

export type GitHubQueue = QueueConfig & { readonly buildRunner: GitHubChecksConfig };

/** Where GitHub has a queue's repository, for the API and for people. Throws config.invalid. */
export function gitHubHostOf({ name, repository, buildRunner }: GitHubQueue) {
  const found = gitHubOf(repository.remote);
  const [owner, repo] = buildRunner.repository?.split("/") ?? [found?.owner, found?.repo];
  const api = (buildRunner.api ?? found?.api)?.replace(/\/$/, "");
  if (api === undefined || owner === undefined || repo === undefined)
    throw new CodedError(
      "config.invalid",
      `queue ${name}: ${repository.remote} does not say which repository on GitHub it is: write repository and api into its buildRunner`,
    );
  return { api, owner, repo, page: `${pagesOf(api)}/${owner}/${repo}` };
}

/** `https://api.github.com` is `https://github.com`, `https://HOST/api/v3` is `https://HOST`. */
const pagesOf = (api: string): string =>
  api.replace(/\/api\/v3$/, "").replace(/^https:\/\/api\.(?=github\.com$|.+\.ghe\.com$)/, "https://");

/** The name of the secret with a queue's credentials for GitHub. */
const credentialsSecretOf = ({ buildRunner, repository }: GitHubQueue): string | undefined =>
  buildRunner.credentialsSecret ?? repository.tokenSecret;

/** A queue's credentials for GitHub. Throws config.invalid, and runner.unavailable when secrets can't be read at the moment. */
export async function credentialsOf(queue: GitHubQueue, secrets: Secrets): Promise<GitHubCredentials> {
  const name = credentialsSecretOf(queue);
  if (name === undefined)
    throw new CodedError(
      "config.invalid",
      `queue ${queue.name} has no credentials for GitHub: name a secret with a GitHub App or a token as credentialsSecret of its buildRunner`,
    );
  try {
    return credentialsFrom((await secrets(name)) ?? "", name);
  } catch (error) {
    if (!isRetryable(error)) throw error;
    throw new CodedError("runner.unavailable", error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/** Clients by queue: one as long as the queue's credentials stay the same, so that an installation token is made once an hour. */
export function gitHubClients(secrets: Secrets, now: () => EpochMs): (queue: GitHubQueue) => Promise<GitHubClient> {
  const known = new Map<string, { readonly credentials: string; readonly client: GitHubClient }>();
  return async (queue) => {
    const credentials = await credentialsOf(queue, secrets);
    const written = JSON.stringify(credentials);
    const found = known.get(queue.name);
    if (found?.credentials === written) return found.client;
    const client = gitHubClient({ ...gitHubHostOf(queue), credentials, now });
    known.set(queue.name, { credentials: written, client });
    return client;
  };
}
