import type { Triggered } from "../../../adapters/build-runner/build-runner.ts";
import { buildRunnersFor } from "../../../adapters/build-runner/index.ts";
import { batchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import { type Build, buildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { knownQueues } from "../../../adapters/dynamodb/known-queues.ts";
import { retryAtOf } from "../../../adapters/github/errors.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { pathRef } from "../../../contracts/build-refs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { logTopic } from "../../../contracts/messages/log-messages.ts";
import { type EpochMs, epochMs } from "../../../contracts/time.ts";
import { type BuildSeen, TriggerTask } from "../../../contracts/workflows.ts";
import { buildHappened } from "../../../domain/build-entries.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { wholeComposition } from "../../payloads.ts";
import { taskHandler } from "../../task.ts";
import { namesOf } from "./asked.ts";
import { lastConfigs } from "./last-configs.ts";
import { lookerOf } from "./look.ts";
import { neverTaken } from "./verdict.ts";
import { isWanted } from "./wanted.ts";

/**
 * Asks the runner for the build, unless no batch needs the build any more. The first commit that was asked for under a key stands: a workflow
 * that is run again may compose another, and the runner is then asked for the first. A build that was asked for is looked at even when it
 * became unwanted, because it must be seen to stop. The build is looked at right away, so that a build that ends at once delays no batch. A
 * build that the CI system takes no call for, as when a rate limit is met, is put off. Four calls, five in a repeat, beside the runner's, and
 * one per 300 KB of a composition that did not travel with the input.
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

  /**
   * The CI system says when it takes calls again: the build is asked for then, and has its whole time from then on. A build that has waited
   * for as long as it may take is given up. It is asked for a thousand times at most: a CI system may say "in a second" for hours, and the
   * history of an execution holds 25,000 events.
   */
  const putOff = async (build: Build, retryAt: EpochMs, said: string, timeoutMs: number): Promise<BuildSeen> => {
    const now = clients.now();
    const latest = build.startedAt + timeoutMs;
    if (now >= latest) return { kind: "finished", verdict: neverTaken(timeoutMs / 1_000, said) };
    const until = Math.min(Math.max(retryAt, now + timeoutMs / MOST_TIMES_ASKED), latest);
    await builds.note(build.buildKey, { deadline: epochMs(until + timeoutMs) });
    return { kind: "deferred", seconds: Math.max(1, Math.ceil((until - now) / 1_000)) };
  };

  const ask = async (task: TriggerTask): Promise<BuildSeen> => {
    const {
      queue,
      batchId,
      buildKey,
      composed,
      ref = pathRef(task.buildKey),
      under,
      base,
      head,
      expectedSeconds,
    } = task;
    const config = await configs(queue);
    if (!(await isWanted(batches, task))) {
      const begun = await builds.get(buildKey);
      return begun ? look(begun) : { kind: "finished", verdict: { kind: "cancelled" } };
    }
    const { timeoutSeconds } = config.buildRunner;
    const startedAt = clients.now();
    const deadline = epochMs(startedAt + timeoutSeconds * 1_000);
    const named = { buildKey, queue, batchId, composed, under };
    const build = await asked({ ...named, startedAt, deadline, expectedSeconds });
    const wanted = {
      ...namesOf(build),
      queue,
      batchId,
      ref,
      base: build.under ?? build.composed.trunk,
      // Later than the deadline of the queue: it stops the build when no poll does.
      timeoutSeconds: timeoutSeconds + 60,
      changes: [...base, head].flatMap((unit) => unit.steps).flatMap((step) => step.changes),
    };
    const started = await answerOrLimit(runnerOf(config).trigger(wanted));
    if ("retryAt" in started) return putOff(build, started.retryAt, started.said, timeoutSeconds * 1_000);
    const { url = build.url, id = build.id } = started;
    if (url !== build.url || id !== build.id) await builds.note(buildKey, { url, id });
    await sendAll(clients.sqs, log, logTopic, buildHappened(task, "building", startedAt, { url, base }));
    return look({ ...build, url, id }, true);
  };
  return taskHandler(TriggerTask, ask, wholeComposition(clients));
};

const MOST_TIMES_ASKED = 1_000;

/** What a runner answered, or until when it takes no calls. Throws what a runner throws otherwise. */
async function answerOrLimit(
  triggered: Promise<Triggered>,
): Promise<Triggered | { readonly retryAt: EpochMs; readonly said: string }> {
  try {
    return await triggered;
  } catch (error) {
    const retryAt = retryAtOf(error);
    if (retryAt === undefined) throw error;
    return { retryAt, said: error instanceof Error ? error.message : String(error) };
  }
}

export const handler = onLambda(wire);
