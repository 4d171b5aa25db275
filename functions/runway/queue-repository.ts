import { openRepository, type Repository } from "../adapters/git/repository.ts";
import { signerFrom } from "../adapters/git/signing-key.ts";
import { repositoryToken } from "../adapters/github/repository-token.ts";
import type { Secrets } from "../adapters/secrets.ts";
import type { QueueConfig } from "../contracts/queues.ts";

/**
 * The repository that a queue lands in, with the token and the signing key that its configuration names. Throws config.invalid,
 * repository.unavailable.
 */
export const openQueueRepository = async (
  workDirectory: string,
  secrets: Secrets,
  queue: QueueConfig,
): Promise<Repository> => {
  const { repository, commitSigningSecret } = queue;
  const key = await secrets(commitSigningSecret);
  const signer =
    key === undefined || commitSigningSecret === undefined ? undefined : await signerFrom(key, commitSigningSecret);
  return openRepository({ workDirectory, repository, token: await repositoryToken(secrets, queue), signer });
};
