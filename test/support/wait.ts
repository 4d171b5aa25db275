import { vi } from "vitest";
import { LIMIT_MS } from "./limit.ts";

/** Looks again, every so many milliseconds, until the answer is truthy, and returns the answer. */
export const until = <T>(look: () => T | Promise<T>, everyMs = 20) =>
  vi.waitUntil(look, { timeout: LIMIT_MS, interval: everyMs });

/** Looks again until the look does not throw, and returns what it answers. Throws, when time is up, what the last look threw. */
export const untilPasses = <T>(look: () => T | Promise<T>, everyMs = 20): Promise<T> =>
  vi.waitFor(look, { timeout: LIMIT_MS, interval: everyMs });
