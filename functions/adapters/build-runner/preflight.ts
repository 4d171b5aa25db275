import type { GitSha, QueueName } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Clients } from "../aws-clients.ts";
import type { Finding } from "./build-runner.ts";
import { codebuildPreflight } from "./codebuild.ts";
import { githubChecksPreflight } from "./github-checks-queues.ts";

/** What can be found out before a build about whether a queue's builds come to a verdict. Throws runner.unavailable. */
type Preflight = (queue: QueueConfig, commits: readonly GitSha[]) => Promise<readonly Finding[]>;

/** By the type of a runner. A type that is not here is not looked at: its builds tell. */
const PREFLIGHTS: Readonly<Record<string, (clients: Clients) => Preflight>> = {
  codebuild: codebuildPreflight,
  "github-checks": githubChecksPreflight,
};

/** For so long a queue that can build is not looked at again. */
const GOOD_FOR_MS = 600_000;
/** A queue that can't build is looked at again soon: its configuration may have been mended. */
const BAD_FOR_MS = 20_000;
/** A function that admits a request has half a minute. */
const PATIENCE_MS = 15_000;

/**
 * What can be found out about a queue before a build, without what is known from before. Empty for a type of runner whose builds alone tell;
 * undefined when it could not be found out, which the log is told.
 */
export function examinationBy(clients: Clients): (queue: QueueConfig) => Promise<readonly Finding[] | undefined> {
  const preflightOf = preflightsOf(clients);
  return async (queue) => {
    try {
      return await inTime(preflightOf(queue.buildRunner.type)?.(queue, []) ?? Promise.resolve([]));
    } catch (error) {
      tellUnknown(clients, queue, error);
      return undefined;
    }
  };
}

/** Each type's preflight is made when it is needed, once. */
function preflightsOf(clients: Clients): (type: string) => Preflight | undefined {
  const wired = new Map<string, Preflight>();
  return (type) => {
    const preflight = wired.get(type) ?? PREFLIGHTS[type]?.(clients);
    if (preflight !== undefined) wired.set(type, preflight);
    return preflight;
  };
}

const tellUnknown = ({ log }: Clients, { name }: QueueConfig, error: unknown): void =>
  log.warn({ queue: name, error: String(error) }, "whether the queue can build could not be found out");

/**
 * What keeps a queue from building: sentences that say what to do. None when nothing does; undefined when it could not be found out, which
 * the log is told. `commits` are those of the changes that are to be built. Costs nothing for ten minutes after a queue was found fit.
 */
export function obstaclesFor(
  clients: Clients,
): (queue: QueueConfig, commits: readonly GitSha[]) => Promise<readonly string[] | undefined> {
  const known = new Map<QueueName, { readonly obstacles: readonly string[]; readonly until: EpochMs }>();
  const preflightOf = preflightsOf(clients);
  return async (queue, commits) => {
    const preflight = preflightOf(queue.buildRunner.type);
    if (preflight === undefined) return [];
    const found = known.get(queue.name);
    if (found !== undefined && clients.now() < found.until) return found.obstacles;
    try {
      const findings = await inTime(preflight(queue, commits));
      const obstacles = findings.filter(({ kind }) => kind === "problem").map(({ sentence }) => sentence);
      const until = (clients.now() + (obstacles.length === 0 ? GOOD_FOR_MS : BAD_FOR_MS)) as EpochMs;
      known.set(queue.name, { obstacles, until });
      return obstacles;
    } catch (error) {
      tellUnknown(clients, queue, error);
      return undefined;
    }
  };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1_000} seconds`)), PATIENCE_MS);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
