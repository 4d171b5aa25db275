const SOONEST_SECONDS = 5;
const LATEST_SECONDS = 300;

/**
 * In how many seconds to call a service again that has not answered for `waitedSeconds`: a tenth of that time, at least 5 seconds and at
 * most 300. So a service that answers again is noticed after at most a tenth of the time that it was away, or 5 seconds, and an outage of a
 * day takes 330 calls. The last call is at `maxWaitSeconds`. Undefined from `maxWaitSeconds` on.
 *
 * Example with a `maxWaitSeconds` of 3,600: after 35 seconds, the next call is in 5 seconds. After 1,200 seconds, in 120.
 */
export function nextTryIn(waitedSeconds: number, maxWaitSeconds: number): number | undefined {
  const left = Math.ceil(maxWaitSeconds - waitedSeconds);
  if (left <= 0) return undefined;
  const due = Math.min(LATEST_SECONDS, Math.max(SOONEST_SECONDS, Math.ceil(waitedSeconds / 10)));
  return Math.min(due, left);
}
