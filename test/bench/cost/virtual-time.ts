import { mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

/** How far the clock goes at a time. */
const TICK_MS = 1_000;
/** So many turns of the event loop without work, and nothing is on its way from one part to the next. */
const QUIET_TURNS = 12;

/** A clock that goes on only while nothing is worked on, so that hours of waiting take seconds. */
export interface VirtualTime {
  /** Lets the clock run until `done`, which is asked at every tick, answers true. */
  until(done: () => boolean): Promise<void>;
  /** Lets the clock run, no faster than fifty times as fast as it is, until work that the runtime does not report has ended. */
  during<T>(work: Promise<T>): Promise<T>;
  stop(): void;
}

/** Takes over the timers and the clock of this process. `isBusy`: whether anything is being worked on. `seen` changes with all that happens. */
export function virtualTime(isBusy: () => boolean, seen: () => number): VirtualTime {
  const pause = setTimeout;
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.UTC(2026, 10, 25) });

  async function quiet(): Promise<void> {
    let last = -1;
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      await turn();
      if (isBusy() || seen() !== last) turns = 0;
      last = seen();
    }
  }
  return {
    until: async (done) => {
      while (!done()) {
        await quiet();
        mock.timers.tick(TICK_MS);
      }
    },
    during: async (work) => {
      let over = false;
      const watched = work.finally(() => {
        over = true;
      });
      const run = async () => {
        while (!over) {
          await quiet();
          await new Promise((resolve) => pause(resolve, TICK_MS / 50));
          mock.timers.tick(TICK_MS);
        }
      };
      await Promise.allSettled([run(), watched]);
      return watched;
    },
    stop: () => mock.timers.reset(),
  };
}
