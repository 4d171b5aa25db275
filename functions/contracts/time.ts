import { z } from "zod";

/** Milliseconds since 1970-01-01T00:00:00Z. Never seconds, never a duration. */
export const EpochMs = z.int().nonnegative().brand<"EpochMs">();
export type EpochMs = z.infer<typeof EpochMs>;

export const epochMs = (ms: number): EpochMs => EpochMs.parse(ms);
/** As the API and events write it: ISO 8601 in UTC with milliseconds. */
export const isoTimestamp = (at: EpochMs): string => new Date(at).toISOString();
