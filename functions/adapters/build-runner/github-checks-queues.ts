import { branchPrefix, buildOfBranch } from "../../contracts/build-refs.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { GitSha } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { ageOf, type EpochMs } from "../../contracts/time.ts";
import type { Clients, WireRunner } from "../aws-clients.ts";
import { buildsStore } from "../dynamodb/builds-store.ts";
import { credentialsOf, type GitHubQueue, gitHubClients, gitHubHostOf } from "../github/queue-client.ts";
import { secretsOf } from "../secrets.ts";
import { need } from "../settings.ts";
import type { Finding, Remains } from "./build-runner.ts";
import { githubChecksRunner } from "./github-checks.ts";
import { preflightOf } from "./github-checks-preflight.ts";
import { CheckedRepository } from "./github-checks-repository.ts";
import { isOwn, type WantedCheck } from "./github-checks-verdict.ts";

/** A check that is required from now on is noticed within five minutes. */
const FRESH_MS = 300_000;

/** Runners that wait for the checks of GitHub. Throws config.invalid for a queue whose repository is not on GitHub. */
export const githubChecksRunners: WireRunner = (env, clients) => {
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const queues = checkedQueues(clients);
  const secrets = secretsOf(clients);
  return (config) => {
    const queue = gitHubQueue(config);
    return githubChecksRunner({
      queue: queue.name,
      page: gitHubHostOf(queue).page,
      startWithinSeconds: queue.buildRunner.startWithinSeconds,
      now: clients.now,
      repository: () => queues.repository(queue),
      wanted: (repository) => queues.wanted(queue, repository),
      stoppedAt: async ({ key, commit }) => {
        const build = await builds.get(key);
        if (build?.stop === undefined || build.composed.commit !== commit) return undefined;
        return build.stoppedAt ?? build.deadline;
      },
      webhookSecret: async () => {
        const credentials = await credentialsOf(queue, secrets);
        return credentials.kind === "app" ? credentials.webhookSecret : undefined;
      },
    });
  };
};

/** The branches of builds of a queue. Throws config.invalid and runner.unavailable. */
export function githubChecksRemains(clients: Clients): (config: QueueConfig) => Remains {
  const queues = checkedQueues(clients);
  return (config) => {
    const queue = gitHubQueue(config);
    const { name } = queue;
    return {
      async list() {
        const branches = await (await queues.repository(queue)).branches(branchPrefix(name).replace(/\/$/, ""));
        return branches.flatMap(({ branch, sha }) => {
          const [key, commit] = [buildOfBranch(name, branch), GitSha.safeParse(sha).data];
          return key === undefined || commit === undefined ? [] : [{ key, commit }];
        });
      },
      async remove({ key, commit }) {
        const repository = await queues.repository(queue);
        const branch = `${branchPrefix(name)}${key}`;
        await repository.cancelRuns(branch, commit);
        await repository.deleteBranch(branch);
      },
    };
  };
}

/** What preflightOf finds out about a queue. Throws runner.unavailable; a configuration that is no use is a finding. */
export function githubChecksPreflight(
  clients: Clients,
): (config: QueueConfig, commits: readonly GitSha[]) => Promise<readonly Finding[]> {
  const queues = checkedQueues(clients);
  return async (config, commits) => {
    const queue = gitHubQueue(config);
    try {
      const repository = await queues.repository(queue);
      const wanted = await queues.wanted(queue, repository);
      return await preflightOf(repository, { queue: queue.name, trunk: queue.repository.branch, wanted }, commits);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "config.invalid") throw error;
      return [{ kind: "problem", sentence: error.message }];
    }
  };
}

function gitHubQueue(queue: QueueConfig): GitHubQueue {
  if (queue.buildRunner.type !== "github-checks")
    throw new Error(`queue ${queue.name} does not wait for checks of GitHub`);
  return queue as GitHubQueue;
}

/** The repositories of queues on GitHub, and the checks that each waits for, kept for five minutes. */
function checkedQueues(clients: Clients) {
  const clientOf = gitHubClients(secretsOf(clients), clients.now);
  const known = new Map<string, { readonly checks: readonly WantedCheck[]; readonly readAt: EpochMs }>();
  return {
    repository: async (queue: GitHubQueue) => new CheckedRepository(await clientOf(queue)),
    async wanted(queue: GitHubQueue, repository: CheckedRepository): Promise<readonly WantedCheck[]> {
      const { checks } = queue.buildRunner;
      if (checks !== undefined) return checks.map((check) => (typeof check === "string" ? { name: check } : check));
      const found = known.get(queue.name);
      if (found && ageOf(found.readAt, clients.now()) < FRESH_MS) return found.checks;
      const required = await requiredOf(queue, repository);
      known.set(queue.name, { checks: required, readAt: clients.now() });
      return required;
    },
  };
}

/** What GitHub requires on the queue's branch, without what the queue's own App reports: that ends when the queue has landed the change. */
async function requiredOf(
  { name, repository: { branch }, ownCheck }: GitHubQueue,
  repository: CheckedRepository,
): Promise<readonly WantedCheck[]> {
  const { appId } = repository.client;
  const required = (await repository.required(branch)).filter((check) => !isOwn({ appId, ownCheck }, check));
  if (required.length > 0) return required;
  throw new CodedError(
    "config.invalid",
    `queue ${name} has no check to wait for: GitHub requires none on ${branch}. Require some in a ruleset of ${branch}, or name them as checks in the queue's buildRunner.`,
  );
}
