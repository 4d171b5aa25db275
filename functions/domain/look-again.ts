/** A look comes a little before the time at which three of four builds are still running, so that a build that gets faster is noticed. */
const SHARE_OF_EXPECTED = 0.9;
/** An interval is at least this share of the time that the build has taken so far. */
const SHARE_OF_WAITED = 0.1;
const LONGEST_FIRST_SECONDS = 1_800;
const LONGEST_SECONDS = 300;

export interface LookAgain {
  /** Since the build was asked for. */
  readonly waitedSeconds: number;
  /** The lower quartile of the queue's build times: three of four builds take longer. 0 before the first build has finished. */
  readonly expectedSeconds: number;
  /** The queue's `pollSeconds`: no interval is shorter. */
  readonly floorSeconds: number;
  /** Until the build is to be stopped. 0 or less: it was asked to stop. */
  readonly leftSeconds: number;
}

/**
 * In how many seconds to look at a build again that the CI system may never report. First at nine tenths of the time that a build is
 * expected to take (at most half an hour), then after a tenth of the time waited, at least `floorSeconds` and at most five minutes. A look
 * is due when the build is to be stopped. So a build of ten minutes is looked at once or twice, and one of a day some 350 times.
 *
 * Example, with 600 s expected and a floor of 10 s: looks at 540 s, 594 s, 654 s, 720 s. With nothing expected: 10 s, 20 s, … 100 s, 110 s,
 * 121 s.
 */
export function lookAgainIn({ waitedSeconds, expectedSeconds, floorSeconds, leftSeconds }: LookAgain): number {
  const first = Math.min(SHARE_OF_EXPECTED * expectedSeconds, LONGEST_FIRST_SECONDS);
  const due =
    waitedSeconds < first ? first - waitedSeconds : Math.min(SHARE_OF_WAITED * waitedSeconds, LONGEST_SECONDS);
  const seconds = Math.max(floorSeconds, Math.ceil(due));
  return leftSeconds > 0 ? Math.max(1, Math.min(seconds, Math.ceil(leftSeconds))) : seconds;
}

/** In how many seconds to see whether a build has stopped that was asked to: 5, 10, 20 … at most 300. `waits`: how often that was waited for. */
export const stopSeenIn = (waits: number): number => Math.min(LONGEST_SECONDS, 5 * 2 ** Math.min(waits, 10));

/** After so many looks, some half an hour, a build that does not stop is left to the polls. */
export const MOST_STOP_LOOKS = 10;
