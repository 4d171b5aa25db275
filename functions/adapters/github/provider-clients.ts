import { CodedError, isRetryable } from "../../contracts/errors.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Clients } from "../aws-clients.ts";
import { secretsOf } from "../secrets.ts";
import { type GitHubClient, gitHubClient } from "./client.ts";
import { credentialsFrom } from "./credentials.ts";

/**
 * The client of a queue whose change provider is `github`: one as long as its credentials stay the same, so that an installation token is
 * made once an hour. Throws config.invalid, and github.unavailable when secrets can't be read at the moment.
 */
export function providerClients({
  secrets,
  now,
}: Pick<Clients, "secrets" | "now">): (queue: QueueConfig) => Promise<GitHubClient> {
  const secretOf = secretsOf({ secrets, now });
  const known = new Map<string, { readonly secret: string; readonly client: GitHubClient }>();
  return async ({ name, changeProvider }) => {
    const { repository, api, credentialsSecret } = changeProvider?.type === "github" ? changeProvider : {};
    if (repository === undefined || api === undefined || credentialsSecret === undefined)
      throw new CodedError(
        "config.invalid",
        `queue ${name}: write repository, api and credentialsSecret into its changeProvider`,
      );
    const secret = await secretOf(credentialsSecret).catch((cause: unknown) => {
      if (!isRetryable(cause)) throw cause;
      throw new CodedError("github.unavailable", cause instanceof Error ? cause.message : String(cause), { cause });
    });
    const found = known.get(name);
    if (found !== undefined && found.secret === secret) return found.client;
    const credentials = credentialsFrom(secret ?? "", credentialsSecret);
    const [owner = "", repo = ""] = repository.split("/");
    const client = gitHubClient({ api: api.replace(/\/$/, ""), owner, repo, credentials, now });
    known.set(name, { secret: secret ?? "", client });
    return client;
  };
}
