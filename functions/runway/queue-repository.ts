import { openRepository, type Repository } from "../adapters/git/repository.ts";
import { repositoryToken } from "../adapters/github/repository-token.ts";
import type { Secrets } from "../adapters/secrets.ts";
import type { QueueConfig } from "../contracts/queues.ts";

/** The repository that a queue lands in, with the token that its configuration names. Throws config.invalid, repository.unavailable. */
export const openQueueRepository = async (
  workDirectory: string,
  secrets: Secrets,
  queue: QueueConfig,
): Promise<Repository> =>
  openRepository({ workDirectory, repository: queue.repository, token: await repositoryToken(secrets, queue) });
