import type { Clients } from "../../../adapters/aws-clients.ts";
import { describeNamed, type Execution } from "../../../adapters/step-functions.ts";
import { BuildFinished, type SignalOf } from "../../../contracts/messages.ts";
import { type Batch, type Path, pathIsActive } from "../../../domain/batch.ts";
import { concurrently } from "../../../domain/concurrently.ts";
import { lost } from "../build-workflow/verdict.ts";

/** A build that was dispatched so long ago is looked after: its workflow is visible to DescribeExecution by then. */
export const LOOK_AFTER_MS = 120_000;

/** The builds that the planner waits for though their workflows have ended: their reports, sent again. One call per build. */
export async function finishedBuilds(
  { sfn, now }: Clients,
  buildWorkflow: string,
  batches: readonly Batch[],
): Promise<readonly SignalOf<"build-finished">[]> {
  const found: SignalOf<"build-finished">[] = [];
  const due = batches.flatMap((batch) =>
    batch.paths
      .filter((path) => path.dispatched && pathIsActive(path) && now() - path.startedAt >= LOOK_AFTER_MS)
      .map((path) => ({ batch, path })),
  );
  await concurrently(due, 8, async ({ batch, path }) => {
    const execution = await describeNamed(sfn, buildWorkflow, path.buildKey);
    if (execution.kind !== "running") found.push(reportOf(batch, path, execution));
  });
  return found;
}

function reportOf(
  { queue, id }: Batch,
  { buildKey }: Path,
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
