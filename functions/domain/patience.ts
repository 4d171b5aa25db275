const SOONEST_SECONDS = 5;
const LATEST_SECONDS = 300;

/**
 * In how many seconds to try again when a service has been away for `waitedSeconds`: a tenth of that time, at least five seconds and at
 * most five minutes. A service that comes back is noticed early compared with how long it was away, and a wait of a day takes 331 tries.
 * The last try is at `maxWaitSeconds`. Undefined when that time is over.
 *
 * Example, with an hour at most: away for 35 s, the next try is in 5 s. Away for 20 minutes, the next try is in 2 minutes.
 */
export function nextTryIn(waitedSeconds: number, maxWaitSeconds: number): number | undefined {
  const left = Math.ceil(maxWaitSeconds - waitedSeconds);
  if (left <= 0) return undefined;
  const due = Math.min(LATEST_SECONDS, Math.max(SOONEST_SECONDS, Math.ceil(waitedSeconds / 10)));
  return Math.min(due, left);
}
