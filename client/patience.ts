import { setTimeout as pause } from "node:timers/promises";
import { ApiError } from "./api-error.ts";
import { backOffMs } from "./back-off.ts";

/** An API that has not answered for so long is given up: long enough for a deployment or a restart. */
const PATIENCE_MS = 120_000;

/** How many times `everyMs` the time between two tries is at most. */
const LONGEST = 16;

/**
 * Decides how long calls are tried again that get no answer. The time counts from the first of them that failed, and not from the last answer:
 * a computer that has slept for an hour has waited for nothing meanwhile.
 */
export class Patience {
  #failingSince: number | undefined;
  #failures = 0;

  /** A call was answered. */
  answered(): void {
    this.#failingSince = undefined;
    this.#failures = 0;
  }

  /**
   * For how many milliseconds to wait before the next call: `everyMs` after an answer. After failures as `backOffMs` says: an API that
   * refuses calls because there are too many (429) is not asked by all clients at once again.
   */
  pauseMs(everyMs: number, random: () => number = Math.random): number {
    if (this.#failures === 0) return everyMs;
    return backOffMs(this.#failures, { firstMs: everyMs, longestMs: LONGEST * everyMs }, random);
  }

  /** For how many milliseconds calls have failed. Throws the error when another try would end the same, and after two minutes. */
  bear(error: unknown): number {
    this.#failingSince ??= performance.now();
    const silentMs = performance.now() - this.#failingSince;
    if (!mayHelp(error) || silentMs > PATIENCE_MS) throw error;
    this.#failures += 1;
    return silentMs;
  }
}

/** True when another try may help: a call failed on its way, or on the side of the server. */
const mayHelp = (error: unknown): boolean =>
  error instanceof ApiError &&
  (error.failure.kind === "unreachable" ||
    (error.failure.kind === "refused" && (error.failure.status >= 500 || error.failure.status === 429)));

/** The notice to the user that the API does not answer, and that the call is tried again. */
export const silenceNotice = (silentMs: number, error: unknown): string =>
  `No answer for ${Math.round(silentMs / 1_000)} s; trying again. ${error instanceof Error ? error.message : ""}`;

/** How calls are tried again. */
export interface Persistence {
  /** Ends the trying when it aborts. */
  readonly signal: AbortSignal;
  /** Told each time that a call has failed. */
  readonly silent?: ((notice: string) => void) | undefined;
  /** The time between two tries at first, in milliseconds. It grows with each that fails. */
  readonly everyMs?: number | undefined;
}

/** The result of a call, which is tried again for two minutes while it gets no answer. Throws what the call throws. */
export async function persistently<T>(
  call: () => Promise<T>,
  { signal, silent = () => {}, everyMs = 1_000 }: Persistence,
): Promise<T> {
  const patience = new Patience();
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted) throw error;
      silent(silenceNotice(patience.bear(error), error));
      await pause(patience.pauseMs(everyMs), undefined, { signal });
    }
  }
}
