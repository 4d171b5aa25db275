import { buildRunnersFor } from "../../../adapters/build-runner/index.ts";
import { batchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import { type Build, buildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { knownQueues } from "../../../adapters/dynamodb/known-queues.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { pathRef } from "../../../contracts/build-refs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { logTopic } from "../../../contracts/messages.ts";
import { epochMs } from "../../../contracts/time.ts";
import { type BuildSeen, TriggerTask } from "../../../contracts/workflows.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { wholeComposition } from "../../payloads.ts";
import { taskHandler } from "../../task.ts";
import { namesOf } from "./asked.ts";
import { buildHappened } from "./happening.ts";
import { lastConfigs } from "./last-configs.ts";
import { lookerOf } from "./look.ts";
import { isWanted } from "./wanted.ts";

/**
 * Asks the runner for the build, unless nobody wants it any more. The first commit that was asked for under a key stands: a workflow
 * that is run again may compose another, and the runner is then asked for the first. A build that was asked for is looked at even when it
 * became unwanted, for it must be seen to stop. The build is looked at right away, so that nobody waits for one that ends at once. Six
 * calls, seven in a repeat, beside the runner's, and one per 300 KB of a composition that did not travel with the input.
 */
export const wire: Wire = (env, clients) => {
  const configs = lastConfigs(loadQueues(env), knownQueues(clients.dynamodb, need(env, ENV.batchesTable)));
  const batches = batchesStore(clients.dynamodb, need(env, ENV.batchesTable));
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const log = need(env, ENV.logTopic);
  const runnerOf = buildRunnersFor(env, clients);
  const look = lookerOf(env, clients);

  const asked = async (build: Build): Promise<Build> =>
    (await builds.create(build)) ? build : ((await builds.get(build.buildKey)) ?? build);

  const ask = async (task: TriggerTask): Promise<BuildSeen> => {
    const { queue, batchId, buildKey, composed, ref = pathRef(task.buildKey), under, base, head } = task;
    const { sqids, attempt, expectedSeconds } = task;
    const config = await configs(queue);
    if (!(await isWanted(batches, task))) {
      const begun = await builds.get(buildKey);
      return begun ? look(begun) : { kind: "finished", verdict: { kind: "cancelled" } };
    }
    const { timeoutSeconds } = config.buildRunner;
    const startedAt = clients.now();
    const deadline = epochMs(startedAt + timeoutSeconds * 1_000);
    const named = { buildKey, queue, batchId, sqids, attempt, composed, under };
    const build = await asked({ ...named, startedAt, deadline, expectedSeconds });
    const started = await runnerOf(config).trigger({
      ...namesOf(build),
      queue,
      batchId,
      ref,
      base: build.under ?? build.composed.trunk,
      // Later than ours, so that a build that takes too long is seen to: for when nobody polls.
      timeoutSeconds: timeoutSeconds + 60,
      changes: [...base, head].flatMap((unit) => unit.steps).flatMap((step) => step.changes),
    });
    const { url = build.url, id = build.id } = started;
    if (url !== build.url || id !== build.id) await builds.note(buildKey, { url, id });
    await sendAll(clients.sqs, log, logTopic, buildHappened(task, "building", startedAt, { url, base }));
    return look({ ...build, url, id });
  };
  return taskHandler(TriggerTask, ask, wholeComposition(clients));
};

export const handler = onLambda(wire);
