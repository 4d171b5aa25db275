import { openRepository, type Repository } from "../adapters/git/repository.ts";
import type { Secrets } from "../adapters/secrets.ts";
import type { QueueConfig } from "../contracts/queues.ts";

/** The repository that a queue lands in, with the token that its configuration names. Throws config.invalid, repository.unavailable. */
export const openQueueRepository = async (
  workDirectory: string,
  secrets: Secrets,
  { repository }: QueueConfig,
): Promise<Repository> => openRepository({ workDirectory, repository, token: await secrets(repository.tokenSecret) });
