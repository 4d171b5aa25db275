import { buildRunnersFor } from "../../../adapters/build-runner/index.ts";
import { BatchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import { BuildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { KnownQueues } from "../../../adapters/dynamodb/known-queues.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { ENV } from "../../../contracts/environment.ts";
import { type PollResult, PollTask } from "../../../contracts/workflows.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { taskHandler } from "../../task.ts";
import { reasonOf } from "../reasons.ts";
import { namesOf } from "./asked.ts";
import { lastConfigs } from "./last-configs.ts";
import { overdue, STOP_GRACE_MS, verdictOn } from "./verdict.ts";
import { isWanted } from "./wanted.ts";

/**
 * Looks at the build. One that nobody wants any more, or that takes too long, is asked to stop, and watched until it has: it holds its
 * place in the budget. Three calls, one more when it is stopped, beside the runner's.
 */
export const wire: Wire = (env, clients) => {
  const configs = lastConfigs(loadQueues(env), new KnownQueues(clients.dynamodb, need(env, ENV.batchesTable)));
  const batches = new BatchesStore(clients.dynamodb, need(env, ENV.batchesTable));
  const builds = new BuildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const runnerOf = buildRunnersFor(env, clients);
  return taskHandler(PollTask, async (task): Promise<PollResult> => {
    const config = await configs(task.queue);
    const build = await builds.get(task.buildKey);
    if (build === undefined) {
      const reason = reasonOf("build.infrastructure", "No build runner was ever asked for this build.");
      return { kind: "finished", verdict: { kind: "infrastructure", reason } };
    }
    const runner = runnerOf(config);
    const asked = namesOf(build);
    const status = await runner.status(asked);
    const url = (status.kind === "finished" ? status.url : undefined) ?? build.url;
    const located = url === undefined ? {} : { url };
    const timedOut = overdue(config.buildRunner.timeoutSeconds);
    if (status.kind === "finished")
      return { kind: "finished", verdict: verdictOn(build, status, timedOut), ...located };
    const late = clients.now() >= build.deadline;
    if (!late && build.stop === undefined && (await isWanted(batches, task))) return { kind: "running" };
    // It does not stop: whoever waits for it shall not wait for good.
    if (clients.now() >= build.deadline + STOP_GRACE_MS)
      return { kind: "finished", verdict: build.stop === "unwanted" ? { kind: "cancelled" } : timedOut, ...located };
    if (build.stop === undefined)
      await builds.note(task.buildKey, { stop: late ? "deadline" : "unwanted", stoppedAt: clients.now() });
    await runner.cancel(asked);
    return { kind: "running" };
  });
};

export const handler = onLambda(wire);
