import { z } from "zod";

/** Milliseconds since 1970-01-01T00:00:00Z. Never seconds, never a duration. */
export const EpochMs = z.int().nonnegative().brand<"EpochMs">();
export type EpochMs = z.infer<typeof EpochMs>;

/** A span in milliseconds. */
export const DurationMs = z.int().nonnegative().brand<"DurationMs">();
export type DurationMs = z.infer<typeof DurationMs>;

export const epochMs = (ms: number): EpochMs => EpochMs.parse(ms);
/** As the API and events write it: ISO 8601 in UTC with milliseconds. */
export const isoTimestamp = (at: EpochMs): string => new Date(at).toISOString();
export const durationMs = (ms: number): DurationMs => DurationMs.parse(ms);
