import type { EpochMs } from "../contracts/time.ts";

const MINUTE_MS = 60_000;

/**
 * The items in their order, beginning with another one each minute. For work that a run may not get done: what comes last in one run is first
 * in another. Example: of [A, B, C], the first minute has [A, B, C], the second [B, C, A].
 */
export function inTurn<T>(items: readonly T[], now: EpochMs): readonly T[] {
  const first = Math.floor(now / MINUTE_MS) % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}
