import type { BuildStatus } from "../../../adapters/build-runner/build-runner.ts";
import type { Build } from "../../../adapters/dynamodb/builds-store.ts";
import type { BuildVerdict } from "../../../contracts/messages.ts";
import type { ReportTask, TaskFailure } from "../../../contracts/workflows.ts";
import { reasonOf, saidBy } from "../reasons.ts";

type Verdict<K extends BuildVerdict["kind"]> = Extract<BuildVerdict, { kind: K }>;

/** How long after its deadline a build that was asked to stop is waited for. */
export const STOP_GRACE_MS = 300_000;

export const overdue = (timeoutSeconds: number): Verdict<"failed"> => ({
  kind: "failed",
  reason: reasonOf(
    "build.timed_out",
    `The build did not finish within ${timeoutSeconds} seconds and was stopped. Make it faster, or raise the queue's timeoutSeconds, and land again.`,
  ),
});

/** What a finished build says about its tree. Only a stop that we asked for is a cancel; one that we did not is worth another attempt. */
export function verdictOn(
  { composed, stop }: Pick<Build, "composed" | "stop">,
  { result, message }: Extract<BuildStatus, { kind: "finished" }>,
  timedOut: Verdict<"failed">,
): BuildVerdict {
  if (result === "passed") return { kind: "passed", composed };
  if (result === "failed" && stop !== "deadline")
    return { kind: "failed", composed, reason: reasonOf("build.failed", message ?? "The build failed.") };
  if (stop === "deadline") return { ...timedOut, composed };
  if (stop === "unwanted") return { kind: "cancelled" };
  const unasked =
    result === "cancelled" ? "The build was cancelled, and not by the queue." : "The build runner broke down.";
  return {
    kind: "infrastructure",
    reason: reasonOf("build.infrastructure", message ? `${unasked} ${message}` : unasked),
  };
}

/** What the workflow has to report: the verdict of a poll, the refusal of a composition with the batch refused, or the failure of a step. */
export function verdictOf({ verdict, compose, error }: ReportTask): BuildVerdict {
  if (verdict !== undefined) return verdict;
  if (compose?.kind === "refused") return { kind: "unappliable", batchId: compose.batchId, reason: compose.reason };
  if (compose?.kind === "refuted") return { kind: "refuted", batchId: compose.batchId };
  return lost(error ?? { Error: "internal", Cause: "the build workflow ended without a verdict" });
}

/** A host that refuses the queue has a code of its own: no build was at fault, and no runner. */
export const lost = (failure: TaskFailure): Verdict<"infrastructure"> => ({
  kind: "infrastructure",
  reason: reasonOf(
    failure.Error === "repository.refused" ? failure.Error : "build.infrastructure",
    `The build could not be carried out (${saidBy(failure)}).`,
  ),
});
