import * as z from "zod";

/** Milliseconds since 1970-01-01T00:00:00Z. Never seconds, never a duration. */
export const EpochMs = z.int().nonnegative().brand<"EpochMs">();
export type EpochMs = z.infer<typeof EpochMs>;

export const epochMs = (ms: number): EpochMs => EpochMs.parse(ms);
/** As the API and events write it: ISO 8601 in UTC with milliseconds. */
export const isoTimestamp = (at: EpochMs): string => new Date(at).toISOString();

/**
 * How far the clocks of two machines may be apart, in milliseconds: AWS refuses calls of a machine whose clock is further off. A stored time that
 * is further ahead was written by a clock that was wrong.
 */
export const CLOCKS_DIFFER_MS = 300_000;

/** True when a wrong clock has written the time. */
export const isAhead = (at: number, now: number): boolean => at - now > CLOCKS_DIFFER_MS;

/**
 * How long ago a time was, in milliseconds; Infinity for a time that a wrong clock has written, since how long ago that was is not known. So
 * what is due after a while is due at once, and not when the time has come. Less than 0 for a time that is a little ahead.
 */
export const ageOf = (at: number, now: number): number => (isAhead(at, now) ? Number.POSITIVE_INFINITY : now - at);
