import type { Clients } from "../../../adapters/aws-clients.ts";
import type { BuildRunner, BuildStatus } from "../../../adapters/build-runner/build-runner.ts";
import { buildRunnersFor } from "../../../adapters/build-runner/index.ts";
import { batchesStore } from "../../../adapters/dynamodb/batches-store.ts";
import { type Build, buildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { knownQueues } from "../../../adapters/dynamodb/known-queues.ts";
import { type Env, loadQueues, need } from "../../../adapters/settings.ts";
import { send } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import type { BuildKey } from "../../../contracts/ids.ts";
import { type LookAtBuild, looksTopic } from "../../../contracts/messages/look-messages.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";
import { type EpochMs, epochMs, isAhead } from "../../../contracts/time.ts";
import type { BuildEnd, BuildSeen } from "../../../contracts/workflows.ts";
import { lookAgainIn, lookForStopIn } from "../../../domain/look-again.ts";
import { namesOf } from "./asked.ts";
import { lastConfigs } from "./last-configs.ts";
import { givenUp, STOP_GRACE_MS, verdictOn } from "./verdict.ts";
import { isWanted } from "./wanted.ts";

type Running = Extract<BuildStatus, { kind: "running" }>;
type Finished = Extract<BuildStatus, { kind: "finished" }>;
type Stop = NonNullable<Build["stop"]>;

/** Looks at a build, as stored. `isKnownWanted` is true when the caller has just read that a batch needs the build. See lookerOf. */
export type Look = (build: Build, isKnownWanted?: boolean) => Promise<BuildSeen>;

/**
 * Looks at a build that a runner was asked for. A build that no batch needs any more, or that takes too long, is asked to stop, and watched
 * until it has stopped: it holds its place in the budget. One call beside the runner's, none when the build is known to be wanted; three more
 * when the build is first asked to stop.
 */
export function lookerOf(env: Env, clients: Clients): Look {
  const configs = lastConfigs(loadQueues(env), knownQueues(clients.dynamodb, need(env, ENV.batchesTable)));
  const batches = batchesStore(clients.dynamodb, need(env, ENV.batchesTable));
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const looks = need(env, ENV.looksTopic);
  const runnerOf = buildRunnersFor(env, clients);

  async function askToStop(build: Build, stop: Stop, runner: BuildRunner): Promise<BuildStatus> {
    if (build.stop === undefined) await builds.note(build.buildKey, { stop, stoppedAt: clients.now() });
    await runner.cancel(namesOf(build));
    const status = await runner.status(namesOf(build));
    // Seen early, a stop frees a place in the budget. When this message is lost, the next poll sees the stop.
    if (status.kind === "running" && build.stop === undefined)
      await send(clients.sqs, looks, looksTopic, waitFor(build, 0), lookForStopIn(0));
    return status;
  }

  /** A deadline that is further ahead than any can be was set by a wrong clock: the build has its whole time from now on. */
  async function onRightClock(build: Build, { buildRunner }: QueueConfig, now: EpochMs): Promise<Build> {
    const timeoutMs = buildRunner.timeoutSeconds * 1_000;
    if (!isAhead(build.deadline, now + 2 * timeoutMs)) return build;
    const deadline = epochMs(now + timeoutMs);
    await builds.note(build.buildKey, { deadline });
    return { ...build, deadline };
  }

  return async (build, isKnownWanted = false) => {
    const config = await configs(build.queue);
    const runner = runnerOf(config);
    const status = await runner.status(namesOf(build));
    if (status.kind === "finished") return ended(build, status, config);
    // One time for the whole look: a build that is not late now is looked at again when it is.
    const now = clients.now();
    const deadline = deadlineOf(await onRightClock(build, config, now), status, config);
    const late = now >= deadline;
    const lateness: Stop = status.waiting === true ? "waiting" : "deadline";
    const isUnwanted = !isKnownWanted && !late && build.stop === undefined && !(await isWanted(batches, build));
    const stop = build.stop ?? (late ? lateness : isUnwanted ? "unwanted" : undefined);
    if (stop === undefined) return runningAt(build, deadline, config, now);
    // The build does not stop. The batches that wait for its end shall not wait for good.
    if (now >= deadline + STOP_GRACE_MS)
      return located(build, undefined, { kind: "finished", verdict: givenUp(build, stop, config) });
    const after = await askToStop(build, stop, runner);
    if (after.kind === "finished") return ended({ ...build, stop }, after, config);
    return runningAt(build, deadline, config, now);
  };
}

/** The message that asks to look at a build at once. */
export const lookAt = (buildKey: BuildKey): LookAtBuild => ({ v: 1, kind: "look-at-build", buildKey });

/** The message that asks to look whether a build has stopped. */
export const waitFor = ({ buildKey }: Pick<Build, "buildKey">, waits: number): LookAtBuild => ({
  ...lookAt(buildKey),
  waits,
});

/** The time in the CI system's own queue is not the build's: where the runner says when a build began, its time counts from then. */
const deadlineOf = (build: Build, { began }: Running, { buildRunner }: QueueConfig): number =>
  began === undefined ? build.deadline : Math.max(build.deadline, began + buildRunner.timeoutSeconds * 1_000);

function runningAt(build: Build, deadline: number, { buildRunner }: QueueConfig, now: number): BuildSeen {
  const seconds = lookAgainIn({
    waitedSeconds: (now - build.startedAt) / 1_000,
    expectedSeconds: build.expectedSeconds ?? 0,
    floorSeconds: buildRunner.pollSeconds,
    leftSeconds: (deadline - now) / 1_000,
  });
  return { kind: "running", seconds };
}

function ended(build: Build, status: Finished, config: QueueConfig): BuildEnd {
  const verdict = verdictOn(build, status, config);
  const { endedAt } = status;
  return located(build, status.url, { kind: "finished", verdict, ...(endedAt === undefined ? {} : { endedAt }) });
}

function located({ url: known, reported }: Build, seen: string | undefined, end: BuildEnd): BuildEnd {
  const url = seen ?? known;
  return { ...end, ...(url === undefined ? {} : { url }), ...(reported ? { reported } : {}) };
}
