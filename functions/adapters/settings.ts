import { readFileSync } from "node:fs";
import { ENV, type EnvName } from "../contracts/environment.ts";
import { CodedError } from "../contracts/errors.ts";
import type { QueueName } from "../contracts/ids.ts";
import { type GitHubAppConfig, type QueueConfig, QueuesConfig } from "../contracts/queues.ts";

/** The environment of a function. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Throws config.invalid when the variable is not set. */
export function need(env: Env, name: EnvName): string {
  const value = env[name];
  if (value === undefined || value === "")
    throw new CodedError("config.invalid", `the environment variable ${name} is not set`);
  return value;
}

/** What queues.yaml says, from the file that QUEUES_FILE names. Throws config.invalid. */
function loadConfig(env: Env): QueuesConfig {
  const file = need(env, ENV.queuesFile);
  try {
    return QueuesConfig.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new CodedError("config.invalid", `${file} does not hold a queue configuration: ${String(cause)}`, { cause });
  }
}

/** The configured queues. Throws config.invalid. */
export const loadQueues = (env: Env): ReadonlyMap<QueueName, QueueConfig> =>
  new Map(loadConfig(env).queues.map((queue) => [queue.name, queue]));

/** The GitHub App. Throws config.invalid, also when none is configured. */
export function loadGitHubApp(env: Env): GitHubAppConfig {
  const { github } = loadConfig(env);
  if (github === undefined) throw new CodedError("config.invalid", "queues.yaml names no github App");
  return github;
}

/** Throws queue.unknown when the queue is not configured. */
export function configOf(queues: ReadonlyMap<QueueName, QueueConfig>, queue: QueueName): QueueConfig {
  const config = queues.get(queue);
  if (config === undefined)
    throw new CodedError("queue.unknown", `Queue ${queue} is not configured. ${namedIn(queues)}`);
  return config;
}

/** How many queues a sentence names. */
const MOST_NAMED = 10;

/** The names of the queues, as a sentence. Example: `The queues are: main, docs.` */
export function namedIn(queues: ReadonlyMap<QueueName, QueueConfig>): string {
  const names = [...queues.keys()];
  const more = names.length - MOST_NAMED;
  return `The queues are: ${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}
