/**
 * The first look comes after this share of `expectedSeconds`. Three of four builds take longer than `expectedSeconds`, so most first looks find
 * the build running; they are there to notice when builds become faster.
 */
const SHARE_OF_EXPECTED = 0.9;
/** After the first look, the time to the next look is this share of the time since the build was asked for. */
const SHARE_OF_WAITED = 0.1;
const LONGEST_FIRST_SECONDS = 1_800;
const LONGEST_SECONDS = 300;

/** A build that was found running. */
export interface LookAgain {
  /** The time since the build was asked for. */
  readonly waitedSeconds: number;
  /** The lower quartile of the queue's build times: three of four builds take longer. 0 before the first build has finished. */
  readonly expectedSeconds: number;
  /** The queue's `pollSeconds`: the least time between two looks. */
  readonly floorSeconds: number;
  /** The time until the build is to be stopped for taking too long. 0 or less once that time has come. */
  readonly leftSeconds: number;
}

/**
 * In how many seconds to look at a running build again, in case the CI system does not report its end.
 * - The first look is at nine tenths of `expectedSeconds`, and within half an hour.
 * - Each next look follows after a tenth of the time waited so far: at least `floorSeconds`, and at most five minutes.
 * - One look is at the moment at which the build is to be stopped.
 *
 * Example with 600 s expected and a floor of 10 s: looks at 540 s, 594 s, 654 s, 720 s. With nothing expected: 10 s, 20 s, … 100 s, 110 s,
 * 121 s. A build of a day is looked at about 300 times.
 */
export function lookAgainIn({ waitedSeconds, expectedSeconds, floorSeconds, leftSeconds }: LookAgain): number {
  const first = Math.min(SHARE_OF_EXPECTED * expectedSeconds, LONGEST_FIRST_SECONDS);
  const due =
    waitedSeconds < first ? first - waitedSeconds : Math.min(SHARE_OF_WAITED * waitedSeconds, LONGEST_SECONDS);
  const seconds = Math.max(floorSeconds, Math.ceil(due));
  return leftSeconds > 0 ? Math.max(1, Math.min(seconds, Math.ceil(leftSeconds))) : seconds;
}

/**
 * In how many seconds to look whether a build that was asked to stop has stopped. `waits` counts the looks that found it running: 0 gives 5
 * seconds, 1 gives 10, 2 gives 20, and so on to at most 300.
 */
export const lookForStopIn = (waits: number): number => Math.min(LONGEST_SECONDS, 5 * 2 ** Math.min(waits, 10));

/** After so many looks for a stop, in some 25 minutes, no more are made. The build's own workflow goes on looking (`lookAgainIn`). */
export const MOST_STOP_LOOKS = 10;
