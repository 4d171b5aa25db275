import { buildRunnerFor } from "../../../adapters/build-runner/index.ts";
import { configOf, loadQueues, need, onLambda, type Wire } from "../../../adapters/clients.ts";
import { BatchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import { BuildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { secretsOf } from "../../../adapters/secrets.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { logTopic } from "../../../contracts/messages.ts";
import { epochMs } from "../../../contracts/time.ts";
import { type TriggerResult, TriggerTask } from "../../../contracts/workflows.ts";
import { wholeComposition } from "../../payloads.ts";
import { taskHandler } from "../../task.ts";
import { buildHappened } from "./happening.ts";
import { isWanted } from "./wanted.ts";

/**
 * Asks the runner for the build, unless nobody wants it any more. The key makes a repeat the same build; one that was asked for is left
 * to `poll` even when it became unwanted, for it must be seen to stop. Five calls, beside the
 * runner's, and one per 300 KB of a composition that did not travel with the input.
 */
export const wire: Wire = (env, clients) => {
  const queues = loadQueues(env);
  const batches = new BatchesStore(clients.dynamodb, need(env, ENV.batchesTable));
  const builds = new BuildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const [log, workDirectory] = [need(env, ENV.logTopic), need(env, ENV.workDirectory)];
  const tokenOf = secretsOf(clients);
  return taskHandler(
    TriggerTask,
    async (task): Promise<TriggerResult> => {
      const { queue, batchId, buildKey, composed, under, base, head } = task;
      const config = configOf(queues, queue);
      if (!(await isWanted(batches, task))) {
        const asked = await builds.get(buildKey);
        return asked ? { kind: "triggered" } : { kind: "finished", verdict: { kind: "cancelled" } };
      }
      const { timeoutSeconds } = config.buildRunner;
      const startedAt = clients.now();
      const deadline = epochMs(startedAt + timeoutSeconds * 1_000);
      await builds.create({ buildKey, queue, batchId, composed, startedAt, deadline });
      // Only a runner that checks out by itself has a use for the token.
      const token = config.buildRunner.type === "command" ? await tokenOf(config.repository.tokenSecret) : undefined;
      const runner = buildRunnerFor(config, { workDirectory, token });
      const { url } = await runner.trigger({
        key: buildKey,
        queue,
        batchId,
        ref: `refs/submitqueue/paths/${buildKey}`,
        commit: composed.commit,
        base: under ?? composed.trunk,
        // Later than ours, so that a build that takes too long is seen to: for when nobody polls.
        timeoutSeconds: timeoutSeconds + 2 * config.buildRunner.pollSeconds + 30,
        changes: [...base, head].flatMap((unit) => unit.steps).flatMap((step) => step.changes),
      });
      if (url !== undefined) await builds.note(buildKey, { url });
      await sendAll(clients.sqs, log, logTopic, buildHappened(task, "building", startedAt, { url }));
      return { kind: "triggered" };
    },
    wholeComposition(clients),
  );
};

export const handler = onLambda(wire);
