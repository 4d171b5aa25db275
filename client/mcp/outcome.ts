import * as z from "zod";
import { Trial } from "../../functions/contracts/api/question-views.ts";
import { RequestSummary, type Why } from "../../functions/contracts/api/request-views.ts";
import type { Status } from "../../functions/contracts/log-event.ts";
import { type Reason, ReasonCode } from "../../functions/contracts/reasons.ts";
import { NEXT_BY_REASON } from "./next-steps.ts";

/** Where a request is, in four steps: being checked, in the queue, being landed, ended. */
export const Phase = z.enum(["checking", "queued", "landing", "ended"]);
export type Phase = z.infer<typeof Phase>;

const PHASES: Readonly<Record<Status, Phase>> = {
  accepted: "checking",
  started: "checking",
  validating: "checking",
  validated: "checking",
  batching: "queued",
  batched: "queued",
  speculating: "queued",
  speculated: "landing",
  landing: "landing",
  cancelling: "landing",
  landed: "ended",
  error: "ended",
  cancelled: "ended",
};

/** A request whose status is not known here, because a later release has the status, is in the queue until it has ended. */
export const phaseOf = ({ status, ended }: Pick<RequestSummary, "status" | "ended">): Phase =>
  Object.hasOwn(PHASES, status) ? PHASES[status] : ended ? "ended" : "queued";

/** What a tool tells about a request. */
export const Outcome = z.object({
  request: RequestSummary,
  phase: Phase,
  landed: z.boolean(),
  /** The commit on the target branch. */
  commit: z.string().optional(),
  /** Set when the call asked for nothing new, so that the request is as it was before. */
  already: z.enum(["queued", "landed", "ended"]).optional(),
  sentence: z.string(),
  /** Why the request ended without landing. */
  refusal: z
    .object({
      code: ReasonCode,
      sentence: z.string(),
      failingCheck: z.object({ url: z.string().optional(), lastLines: z.array(z.string()) }).optional(),
    })
    .optional(),
  next: z.string(),
});
export type Outcome = z.infer<typeof Outcome>;

/** What the tool land tells: of a dry run, the trial in place of a request. */
export const LandOutcome = Outcome.partial({ request: true, phase: true }).extend({ trial: Trial.optional() });
export type LandOutcome = z.infer<typeof LandOutcome>;

/** What came of a trial, and what its caller does next. */
export function trialOutcome(trial: Trial): LandOutcome {
  const { mergeable, reason, sentence } = trial;
  const refusal = reason === undefined ? {} : { refusal: { code: reason.code, sentence: reason.message } };
  return { landed: false, sentence, ...refusal, next: nextAfter(mergeable, reason), trial };
}

const nextBy = ({ code }: Reason): string =>
  Object.hasOwn(NEXT_BY_REASON, code)
    ? NEXT_BY_REASON[code]
    : `Do what the sentence says. This client does not know the reason ${code}: a newer client does.`;

function nextAfter(mergeable: boolean | undefined, reason: Trial["reason"]): string {
  if (reason !== undefined) return nextBy(reason);
  return mergeable === true ? "Call land without dryRun." : "Call land with dryRun again in a minute.";
}

/** How a request stands, and what its caller does next. */
export function outcomeOf(request: RequestSummary, why: Why, already?: Outcome["already"]): Outcome {
  const { status, ended, reason, metadata, sqid } = request;
  const landed = status === "landed";
  const { commit } = metadata;
  const next = !ended
    ? `Call wait with request ${sqid} until the phase is ended. Do not merge the change in any other way.`
    : reason === undefined
      ? "Nothing is left to do."
      : nextBy(reason);
  return {
    request,
    phase: phaseOf(request),
    landed,
    ...(typeof commit === "string" ? { commit } : {}),
    ...(already === undefined ? {} : { already }),
    sentence: why.sentence,
    ...(ended && !landed && reason !== undefined ? { refusal: refusalOf(reason, why) } : {}),
    next,
  };
}

/** A message about a build quotes the end of the build's output below its first line. */
function refusalOf({ code, message }: NonNullable<RequestSummary["reason"]>, { builds }: Why) {
  const [sentence = message, ...lastLines] = message.split("\n");
  const url = builds.findLast(({ outcome }) => outcome === "failed")?.url;
  const isCheck = code === "build.failed" || code === "build.timed_out" || code === "build.infrastructure";
  return {
    code,
    sentence,
    ...(isCheck ? { failingCheck: { ...(url === undefined ? {} : { url }), lastLines } } : {}),
  };
}
