import * as z from "zod";
import { cut, printable, printableLines } from "./text.ts";

/**
 * Why a request ended other than landed, for programs; `landed.…`: that it landed, and nothing, or not every change of it, was new to the
 * trunk. A code is part of the API: never renamed.
 */
export const ReasonCode = z.enum([
  "landed.nothing_new",
  "landed.partly_new",
  "cancelled.by_caller",
  "change.duplicate",
  "change.not_found",
  "change.stale",
  "change.unsupported",
  "change.unsafe",
  /** The pull request is closed, or merged already. */
  "change.closed",
  "change.draft",
  /** The pull request is to be merged into another branch than the queue's. */
  "change.wrong_base",
  /** No review approved it in time, or the approval was withdrawn. */
  "change.not_reviewed",
  "change.changes_requested",
  /** A check of the pull request itself failed, or was not there in time. */
  "change.checks_failed",
  "merge.conflict",
  "merge.invalid",
  /** The host has a rule against what the change puts onto the branch. */
  "push.declined",
  /** The host refuses the queue itself. No change is at fault. */
  "repository.refused",
  /** No build of the queue could come to a verdict. No change is at fault. */
  "queue.cannot_build",
  "build.failed",
  "build.timed_out",
  "build.infrastructure",
  /** The trunk fails by itself. No change is at fault, and none ends for it. */
  "trunk.red",
  "repository.unavailable",
  "queue.removed",
  "internal",
]);
export type ReasonCode = z.infer<typeof ReasonCode>;

/** Reasons that say nothing against the commit: people may mend them on the pull request, and land the same commit again. */
export const MENDED_WITHOUT_COMMIT: ReadonlySet<ReasonCode> = new Set([
  "change.closed",
  "change.draft",
  "change.wrong_base",
  "change.not_reviewed",
  "change.changes_requested",
  "change.checks_failed",
]);

/** Reasons that quote the end of a build's output, which has lines. Any other message is one line. */
const WITH_LINES: ReadonlySet<ReasonCode> = new Set([
  "build.failed",
  "build.timed_out",
  "build.infrastructure",
  "trunk.red",
]);

/** How long a reason's message may be, in UTF-16 code units. */
const MAX_MESSAGE = 2_000;

/** A message holds words of others: paths, refs, subjects, what a remote or a build said. None of them may act on the reader's terminal. */
const shownAs = (code: ReasonCode, message: string): string =>
  cut((WITH_LINES.has(code) ? printableLines : printable)(message), MAX_MESSAGE);

/**
 * Why something ended, for programs (`code`) and for people (`message`: what happened and what to do). Parsing cuts a message to what a
 * reason holds, and escapes what would act on its reader (text.ts).
 */
export const Reason = z
  .object({ code: ReasonCode, message: z.string().min(1) })
  .overwrite(({ code, message }) => ({ code, message: shownAs(code, message) }));
export type Reason = z.infer<typeof Reason>;

/** The one way to make a reason: cut and escaped as parsing does it. */
export const reasonOf = (code: ReasonCode, message: string): Reason => ({ code, message: shownAs(code, message) });

/** What a person says about a cancel, a pause or a drain, as one line that can be shown to others. */
export const Note = z.string().overwrite(printable);
