import { setTimeout as pause } from "node:timers/promises";
import { Patience, silenceNotice } from "../patience.ts";
import type { Look } from "./look.ts";
import type { Snapshot } from "./row.ts";

export interface Watching {
  readonly look: Look;
  readonly show: (snapshot: Snapshot) => void;
  /** True when there is nothing more to wait for. */
  readonly isOver: (snapshot: Snapshot) => boolean;
  /** Aborts when the reader has seen enough. */
  readonly signal: AbortSignal;
  /** The time between two looks, in milliseconds. It grows while looks fail. */
  readonly everyMs?: number;
}

/**
 * Looks again and again, until it is over or the signal aborts: the last snapshot, undefined when there was none. A call that fails on its
 * way or on the server's side is tried again for two minutes, and the view says so; not the first call. Throws ApiError.
 */
export async function watch({ look, show, isOver, signal, everyMs = 1_000 }: Watching): Promise<Snapshot | undefined> {
  let snapshot: Snapshot | undefined;
  const patience = new Patience();
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => resolve(undefined), { once: true });
  while (!signal.aborted) {
    try {
      const looked = await Promise.race([look(signal), aborted]);
      if (looked === undefined) break;
      snapshot = looked;
      patience.answered();
      show(snapshot);
      if (isOver(snapshot)) return snapshot;
    } catch (error) {
      if (signal.aborted) break;
      if (snapshot === undefined) throw error;
      show({ ...snapshot, notice: silenceNotice(patience.bear(error), error) });
    }
    await pause(patience.pauseMs(everyMs), undefined, { signal }).catch(() => {});
  }
  return snapshot;
}
