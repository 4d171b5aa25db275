import * as z from "zod";
import { Note } from "../reasons.ts";

/** A moment: ISO 8601 in UTC with milliseconds, as `2026-11-23T15:16:39.000Z`. */
export const Timestamp = z.iso.datetime({ precision: 3 });

/** What a caller says about a cancel, a pause, a drain, a priority or a retry. */
export const NoteBody = z.string().max(500).pipe(Note);

/** How many seconds an answer may wait. */
export const Seconds = z
  .string()
  .regex(/^[0-9]{1,2}$/, "a whole number of seconds from 0 to 30")
  .transform(Number)
  .pipe(z.int().max(30, "at most 30 seconds"));

/** How long an answer may wait: of a request, until its status changes. Of a trial or a preflight, until it is answered. */
export const WaitQuery = z.strictObject({ wait: Seconds.default(0) });
export type WaitQuery = z.infer<typeof WaitQuery>;
