import type { Clients } from "../../../adapters/aws-clients.ts";
import { describeNamed, type Execution } from "../../../adapters/step-functions.ts";
import { type BatchId, type BuildKey, type QueueName, trunkIdOf } from "../../../contracts/ids.ts";
import { BuildFinished, type SignalOf } from "../../../contracts/messages/signals.ts";
import { ageOf } from "../../../contracts/time.ts";
import { pathIsActive } from "../../../domain/batch.ts";
import type { LiveQueue } from "../../../domain/planner/run-planner.ts";
import { lost } from "../build-workflow/verdict.ts";
import { failuresOfEach } from "./each.ts";

/** How long ago a build was decided when its workflow is looked at: the workflow is visible to DescribeExecution by then. */
const LOOK_AFTER_MS = 120_000;

/**
 * How long ago a build was decided when it is lost, although no run of the planner is known to have started it. Until then the planner starts
 * the build at its next tick.
 */
const UNSTARTED_AFTER_MS = 600_000;

/**
 * The reports, to be sent again, of the builds that the planner waits for although their workflows have ended; and the failures to find that
 * out. One call per build.
 */
export async function finishedBuilds(
  { sfn, now }: Clients,
  buildWorkflow: string,
  { queue, batches }: LiveQueue,
): Promise<{ readonly reports: readonly SignalOf<"build-finished">[]; readonly failures: readonly unknown[] }> {
  const reports: SignalOf<"build-finished">[] = [];
  const ofTrunk = queue.trunk?.build;
  const running = batches.flatMap(({ id, paths }) =>
    paths.filter(pathIsActive).map(({ buildKey, dispatched, startedAt }) => ({ id, buildKey, dispatched, startedAt })),
  );
  if (ofTrunk !== undefined) running.push({ id: trunkIdOf(queue.queue), ...ofTrunk });
  const at = now();
  const due = running.filter(({ startedAt }) => ageOf(startedAt, at) >= LOOK_AFTER_MS);
  const failures = await failuresOfEach(due, 8, async (build) => {
    const execution = await describeNamed(sfn, buildWorkflow, build.buildKey);
    if (execution.kind === "running") return;
    // The planner corrects a time that is ahead in its next run, and starts the build.
    const isYoung = at - build.startedAt < UNSTARTED_AFTER_MS;
    const isToBeStarted = execution.kind === "missing" && !build.dispatched && isYoung;
    if (!isToBeStarted) reports.push(reportOf(queue.queue, build.id, build.buildKey, execution));
  });
  return { reports, failures };
}

function reportOf(
  queue: QueueName,
  id: BatchId,
  buildKey: BuildKey,
  execution: Exclude<Execution, { kind: "running" }>,
): SignalOf<"build-finished"> {
  const told = execution.kind === "succeeded" ? BuildFinished.safeParse(execution.output) : undefined;
  if (told?.success && told.data.buildKey === buildKey) return told.data;
  const verdict = lost(
    execution.kind === "failed"
      ? { Error: execution.error, Cause: execution.cause }
      : { Error: "internal", Cause: "its workflow left no report" },
  );
  return { v: 1, kind: "build-finished", queue, batchId: id, buildKey, verdict };
}
