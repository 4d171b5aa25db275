import { gitHubOf } from "../../contracts/code-host.ts";
import { CodedError, isRetryable } from "../../contracts/errors.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { epochMs } from "../../contracts/time.ts";
import type { Secrets } from "../secrets.ts";
import { type GitHubClient, gitHubClient } from "./client.ts";
import { credentialsFrom, type GitHubCredentials } from "./credentials.ts";

const clients = new Map<string, GitHubClient>();

/**
 * The token for git that a queue's configuration names: a secret's text, or, of a secret that holds a GitHub App, the token of the App's
 * installation. Undefined when the configuration names none. Throws config.invalid, repository.unavailable.
 */
export async function repositoryToken(secrets: Secrets, queue: QueueConfig): Promise<string | undefined> {
  const { tokenSecret } = queue.repository;
  const secret = await secrets(tokenSecret);
  if (!secret?.startsWith("{")) return secret;
  const credentials = credentialsFrom(secret, tokenSecret ?? "");
  return credentials.kind === "app" ? installationToken(queue, credentials) : credentials.token;
}

/**
 * A token of the App's installation on a queue's repository, for git. Kept for an hour by the process. Throws config.invalid for a
 * repository that is not on GitHub, or on which the App is not installed, and repository.unavailable when GitHub does not answer.
 */
async function installationToken(
  { name, repository, buildRunner }: QueueConfig,
  credentials: Extract<GitHubCredentials, { kind: "app" }>,
): Promise<string> {
  const found = gitHubOf(repository.remote);
  const [owner, repo] = (buildRunner.type === "github-checks" ? buildRunner.repository?.split("/") : undefined) ?? [
    found?.owner,
    found?.repo,
  ];
  const api = (buildRunner.type === "github-checks" ? buildRunner.api : undefined) ?? found?.api;
  if (owner === undefined || repo === undefined || api === undefined)
    throw new CodedError(
      "config.invalid",
      `queue ${name}: its tokenSecret holds a GitHub App, and ${repository.remote} is not on GitHub: name a secret with a token`,
    );
  const key = JSON.stringify([api, owner, repo, credentials]);
  const client = clients.get(key) ?? gitHubClient({ api, owner, repo, credentials, now: () => epochMs(Date.now()) });
  clients.set(key, client);
  try {
    return await client.token();
  } catch (error) {
    if (!isRetryable(error)) throw error;
    throw new CodedError("repository.unavailable", error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
