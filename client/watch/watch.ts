import { setTimeout as pause } from "node:timers/promises";
import { ApiError } from "../api-error.ts";
import type { Look } from "./look.ts";
import type { Snapshot } from "./row.ts";

export interface Watching {
  readonly look: Look;
  readonly show: (snapshot: Snapshot) => void;
  /** True when there is nothing more to wait for. */
  readonly isOver: (snapshot: Snapshot) => boolean;
  /** Aborts when the reader has seen enough. */
  readonly signal: AbortSignal;
  /** The time between two looks, in milliseconds. */
  readonly everyMs?: number;
}

/** An API that has not answered for so long is given up: long enough for a deployment or a restart. */
const PATIENCE_MS = 120_000;

/**
 * Looks again and again, until it is over or the signal aborts: the last snapshot, undefined when there was none. A call that fails on its
 * way or on the server's side is tried again for two minutes, and the view says so; not the first call. Throws ApiError.
 */
export async function watch({ look, show, isOver, signal, everyMs = 1_000 }: Watching): Promise<Snapshot | undefined> {
  let snapshot: Snapshot | undefined;
  let answeredAt = Date.now();
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => resolve(undefined), { once: true });
  while (!signal.aborted) {
    try {
      const looked = await Promise.race([look(signal), aborted]);
      if (looked === undefined) break;
      snapshot = looked;
      answeredAt = Date.now();
      show(snapshot);
      if (isOver(snapshot)) return snapshot;
    } catch (error) {
      if (signal.aborted) break;
      const silentMs = Date.now() - answeredAt;
      if (snapshot === undefined || !mayPass(error) || silentMs > PATIENCE_MS) throw error;
      const seconds = Math.round(silentMs / 1_000);
      const notice = `No answer for ${seconds} s; trying again. ${error instanceof Error ? error.message : ""}`;
      show({ ...snapshot, notice });
    }
    await pause(everyMs, undefined, { signal }).catch(() => {});
  }
  return snapshot;
}

const mayPass = (error: unknown): boolean =>
  error instanceof ApiError &&
  (error.failure.kind === "unreachable" ||
    (error.failure.kind === "refused" && (error.failure.status >= 500 || error.failure.status === 429)));
