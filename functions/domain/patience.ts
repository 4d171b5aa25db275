const SOONEST_SECONDS = 5;
const LATEST_SECONDS = 300;

/**
 * In how many seconds something that has failed for `waitedSeconds` is tried again: after a tenth of that time, at least five seconds and
 * at most five minutes. So what comes back is noticed early, compared with how long it was away, and a wait of a day takes 331 tries. The last
 * try is at `maxWaitSeconds`; undefined when that is over.
 *
 * Example, with an hour at most: away for 35 s, tried again every 5 s; away for 20 minutes, tried again after 2 minutes.
 */
export function nextTryIn(waitedSeconds: number, maxWaitSeconds: number): number | undefined {
  const left = Math.ceil(maxWaitSeconds - waitedSeconds);
  if (left <= 0) return undefined;
  const due = Math.min(LATEST_SECONDS, Math.max(SOONEST_SECONDS, Math.ceil(waitedSeconds / 10)));
  return Math.min(due, left);
}
