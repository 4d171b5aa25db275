import type { BuildStatus } from "../../../adapters/build-runner/build-runner.ts";
import type { Build } from "../../../adapters/dynamodb/builds-store.ts";
import type { BuildVerdict } from "../../../contracts/messages/signals.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";
import type { BuildEnd, ReportTask, TaskFailure } from "../../../contracts/workflows.ts";
import { reasonOf, saidBy } from "../reasons.ts";

type Verdict<K extends BuildVerdict["kind"]> = Extract<BuildVerdict, { kind: K }>;

/** How long after its deadline a build that was asked to stop is waited for. */
export const STOP_GRACE_MS = 300_000;

const overdue = (timeoutSeconds: number): Verdict<"failed"> => ({
  kind: "failed",
  reason: reasonOf(
    "build.timed_out",
    `The build did not finish within ${timeoutSeconds} seconds and was stopped. Make it faster, or raise the queue's timeoutSeconds, and land again.`,
  ),
});

const neverBegan = (timeoutSeconds: number): Verdict<"infrastructure"> => ({
  kind: "infrastructure",
  reason: reasonOf(
    "build.infrastructure",
    `The build waited in the queue of the CI system for ${timeoutSeconds} seconds, did not begin, and was stopped. Lower the queue's budget, or give the CI system more machines.`,
  ),
});

/** The verdict about a build that the CI system took no call for, for as long as a build may take. `said`: by the CI system. */
export const neverTaken = (timeoutSeconds: number, said: string): Verdict<"infrastructure"> => ({
  kind: "infrastructure",
  reason: reasonOf(
    "build.infrastructure",
    `The CI system took no calls for ${timeoutSeconds} seconds, and the build did not begin: ${said}`,
  ),
});

/** The verdict about a build that does not stop though it was asked to. */
export function givenUp(
  { composed }: Pick<Build, "composed">,
  stop: NonNullable<Build["stop"]>,
  { buildRunner }: QueueConfig,
): BuildVerdict {
  if (stop === "unwanted") return { kind: "cancelled" };
  return stop === "waiting"
    ? neverBegan(buildRunner.timeoutSeconds)
    : { ...overdue(buildRunner.timeoutSeconds), composed };
}

/** What a finished build says about its tree. Only a stop that we asked for is a cancel; one that we did not is worth another attempt. */
export function verdictOn(
  { composed, stop }: Pick<Build, "composed" | "stop">,
  { result, message }: Extract<BuildStatus, { kind: "finished" }>,
  { buildRunner: { timeoutSeconds } }: QueueConfig,
): BuildVerdict {
  if (result === "passed") return { kind: "passed", composed };
  if (result === "failed" && stop !== "deadline")
    return { kind: "failed", composed, reason: reasonOf("build.failed", message ?? "The build failed.") };
  if (stop === "deadline") return { ...overdue(timeoutSeconds), composed };
  if (stop === "waiting") return neverBegan(timeoutSeconds);
  if (stop === "unwanted") return { kind: "cancelled" };
  const unasked =
    result === "cancelled" ? "The build was cancelled, and not by the queue." : "The build runner broke down.";
  return {
    kind: "infrastructure",
    reason: reasonOf("build.infrastructure", message ? `${unasked} ${message}` : unasked),
  };
}

/** What the workflow has to report: what was seen of the end, the refusal of a composition with the batch refused, or the failure of a step. */
export function endOf({ outcome, verdict, url, compose, error }: ReportTask): BuildEnd {
  if (outcome?.kind === "finished") return outcome;
  const finished = (found: BuildVerdict): BuildEnd => ({ kind: "finished", verdict: found });
  if (verdict !== undefined) return { ...finished(verdict), ...(url === undefined ? {} : { url }) };
  if (compose?.kind === "refused")
    return finished({ kind: "unappliable", batchId: compose.batchId, reason: compose.reason });
  if (compose?.kind === "unchanged") return finished({ kind: "unchanged", trunk: compose.trunk });
  if (compose?.kind === "refuted") return finished({ kind: "refuted", batchId: compose.batchId });
  return finished(lost(error ?? { Error: "internal", Cause: "the build workflow ended without a verdict" }));
}

/** A host that refuses the queue has a code of its own: no build was at fault, and no runner. */
export const lost = (failure: TaskFailure): Verdict<"infrastructure"> => ({
  kind: "infrastructure",
  reason: reasonOf(
    failure.Error === "repository.refused" ? failure.Error : "build.infrastructure",
    `The build could not be carried out (${saidBy(failure)}).`,
  ),
});
