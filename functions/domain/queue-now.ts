import type { EndedRequest, QueuedRequest, QueueSummary } from "../contracts/api/queue-views.ts";
import { type QueueName, type RequestNumber, sqidOf } from "../contracts/ids.ts";
import { ANSWER_BYTES } from "../contracts/limits.ts";
import { hasEnded, type Outcome } from "../contracts/log-event.ts";
import type { Reason } from "../contracts/reasons.ts";
import { bytesInAnswer } from "../contracts/text.ts";
import { ageOf, type EpochMs, isAhead, isoTimestamp } from "../contracts/time.ts";
import { type QueueFacts, waitingFor } from "./explain.ts";
import { type BuildProgress, sqidsOf } from "./progress.ts";
import { endReasonOf, metadataOf, type Summary } from "./request-log.ts";
import { remainingSeconds, shownPercentile, type Tally } from "./trends.ts";

/** The requests and counters of a queue, from which its numbers and lists are made. */
export interface QueueRecords {
  /** The requests that are in flight or ended a short while ago: those that have not been archived. */
  readonly live: readonly Summary[];
  /** The archived requests that ended within the last hour, and some that ended before, the latest first. */
  readonly archived: readonly RequestEnd[];
  /** The sum of 24 hours that each begin on the hour, the current one included. Example: at 17:20, all since 18:00 yesterday. */
  readonly day: Tally;
  readonly now: EpochMs;
}

/** How and when a request ended. `commit`: the trunk's commit that it landed as. */
export interface RequestEnd {
  readonly number: RequestNumber;
  readonly status: Outcome;
  readonly reason?: Reason;
  readonly endedAt: EpochMs;
  readonly commit?: string;
  /** The subject of its last commit. Absent when the changes were not read. */
  readonly title?: string;
  readonly receivedAt?: EpochMs;
}

/** What the numbers tell apart. building: at least one build runs. landing: runway was told to land the request. waiting: neither. */
type State = "waiting" | "building" | "landing";

const isInFlight = ({ status }: Summary): boolean => !hasEnded(status);
const isRunning = ({ state }: BuildProgress): boolean => state === "running";

/** The state of a request in flight. */
function stateOf({ status, progress }: Summary): State {
  if (status === "speculated" || status === "landing") return "landing";
  return progress.builds.some(isRunning) ? "building" : "waiting";
}

/**
 * The numbers of a queue: requests in flight by state, requests that ended in the last hour and day, time to land (count, median and 95th
 * percentile, in seconds, absent when none landed), running builds, and the load. A build that several requests share counts once.
 */
export function numbersOf({
  live,
  archived,
  day,
  now,
}: QueueRecords): Pick<QueueSummary, "counts" | "ended" | "timeToLand" | "buildsRunning" | "load"> {
  const inFlight = live.filter(isInFlight);
  const counts = { waiting: 0, building: 0, landing: 0 };
  for (const summary of inFlight) counts[stateOf(summary)] += 1;
  const running = new Set(inFlight.flatMap(({ progress }) => progress.builds.filter(isRunning)).map((b) => b.buildKey));
  const lastHour = { landed: 0, refused: 0, cancelled: 0 };
  for (const { status, endedAt } of endsOf({ live, archived, now }))
    if (ageOf(endedAt, now) <= HOUR_MS) lastHour[status === "error" ? "refused" : status] += 1;
  const { landed, refused, cancelled } = day.counters;
  const [median, p95] = [shownPercentile(day, 0.5), shownPercentile(day, 0.95)];
  return {
    counts,
    ended: { lastHour, lastDay: { landed, refused, cancelled } },
    timeToLand: {
      count: landed,
      ...(median === undefined ? {} : { medianSeconds: median }),
      ...(p95 === undefined ? {} : { p95Seconds: p95 }),
    },
    buildsRunning: running.size,
    load: loadOf({ live, archived, day, now }),
  };
}

/**
 * What a budget can be chosen by: how many requests were received in the last hour, and how long a build takes, in minutes with one decimal.
 * `buildMinutes` is absent when no build ended in the day. A request that was received within the hour is in flight or has ended within the
 * hour, so it is among the records.
 */
function loadOf({ live, archived, day, now }: QueueRecords): QueueSummary["load"] {
  const received = new Map<RequestNumber, EpochMs>();
  for (const { number, receivedAt } of [...archived, ...live])
    if (receivedAt !== undefined) received.set(number, receivedAt);
  const receivedLastHour = [...received.values()].filter((at) => at >= now - HOUR_MS).length;
  const { passed, failed, retried, buildMs } = day.counters;
  const builds = passed + failed + retried;
  return { receivedLastHour, ...(builds === 0 ? {} : { buildMinutes: Math.round(buildMs / builds / 6_000) / 10 }) };
}

const HOUR_MS = 3_600_000;

/**
 * The ended requests of both lists, latest first; last those whose end a wrong clock has written, ahead of `now`. A request that is being
 * archived is in both lists, and counts once.
 */
function endsOf({ live, archived, now }: Pick<QueueRecords, "live" | "archived" | "now">): RequestEnd[] {
  const ends = new Map(archived.map((end) => [end.number, end]));
  for (const summary of live) {
    const end = endIn(summary);
    if (end !== undefined) ends.set(end.number, end);
  }
  const time = ({ endedAt }: RequestEnd) => (isAhead(endedAt, now) ? 0 : endedAt);
  return [...ends.values()].toSorted((a, b) => time(b) - time(a) || b.number - a.number);
}

/** How and when the request ended. Undefined while it is in flight. */
export function endIn(summary: Summary): RequestEnd | undefined {
  const { number, status, at, receivedAt } = summary;
  if (!hasEnded(status)) return undefined;
  const reason = endReasonOf(summary);
  const { commit, title } = metadataOf(summary);
  return {
    number,
    status,
    ...(reason === undefined ? {} : { reason }),
    endedAt: at,
    receivedAt,
    ...(typeof commit === "string" ? { commit } : {}),
    ...(typeof title === "string" ? { title } : {}),
  };
}

/** How many ended requests a queue shows. */
const MOST_RECENT = 20;

/** The requests that ended last, latest first. At most MOST_RECENT. */
export const recentEnds = (queue: QueueName, records: QueueRecords): EndedRequest[] =>
  endsOf(records)
    .slice(0, MOST_RECENT)
    .map(({ number, endedAt, receivedAt: _, ...end }) => ({
      sqid: sqidOf(queue, number),
      number,
      ...end,
      endedAt: isoTimestamp(endedAt),
    }));

/**
 * The requests in flight: the higher priority first, then the lower position, then those without a position by number. Example: main/3 has
 * position 2 and priority 0, main/4 has position 3 and priority 5. main/4 is first.
 */
const inQueueOrder = (live: readonly Summary[]): Summary[] =>
  live
    .filter(isInFlight)
    .toSorted(
      (a, b) =>
        (b.priority ?? 0) - (a.priority ?? 0) ||
        (a.progress.position ?? Infinity) - (b.progress.position ?? Infinity) ||
        a.number - b.number,
    );

/** How many requests an answer holds at most. */
const MOST_SHOWN = 1_000;

/**
 * The requests in flight: the higher priority first, then the lower position, then those without a position by number. `more` is true when
 * the answer has no room for all (MOST_SHOWN, ANSWER_BYTES). `facts`: the budget, the mode and the red trunk, which say why requests wait.
 */
export function queued(
  { live, day, now }: Pick<QueueRecords, "live" | "day" | "now">,
  facts: QueueFacts,
): { readonly requests: QueuedRequest[]; readonly more: boolean } {
  const ordered = inQueueOrder(live);
  const requests: QueuedRequest[] = [];
  let left = ANSWER_BYTES;
  for (const summary of ordered.slice(0, MOST_SHOWN)) {
    const request = shownInQueue(summary, { ...facts, ...estimateOf(summary, day, now) });
    left -= bytesInAnswer(request);
    if (left < 0) break;
    requests.push(request);
  }
  return { requests, more: requests.length < ordered.length };
}

/**
 * In how many seconds a request in flight will probably have landed, at least 1 (`remainingSeconds`). Empty when the queue has landed too few
 * requests in the day to tell, and while the request is being cancelled.
 */
export function estimateOf({ receivedAt, status }: Summary, day: Tally, now: EpochMs): { estimateSeconds?: number } {
  if (status === "cancelling") return {};
  const left = remainingSeconds(day, (now - receivedAt) / 1_000);
  return left === undefined ? {} : { estimateSeconds: Math.max(1, Math.round(left)) };
}

/** The request as the list of a queue shows it, with its blocker and its builds, the one that started first first. */
function shownInQueue(summary: Summary, facts: QueueFacts): QueuedRequest {
  const { sqid, number, queue, status, priority = 0, changes, caller, receivedAt, at, progress } = summary;
  const { author, title } = metadataOf(summary);
  const { blocker, on, estimateSeconds, sentence } = waitingFor(summary, progress, facts);
  return {
    sqid,
    number,
    status,
    priority,
    ...(author === undefined ? {} : { author: String(author) }),
    ...(title === undefined ? {} : { title: String(title) }),
    changes,
    ...(caller === undefined ? {} : { caller: caller.name }),
    receivedAt: isoTimestamp(receivedAt),
    updatedAt: isoTimestamp(at),
    ...(blocker === undefined ? {} : { blocker }),
    ...(on === undefined ? {} : { on: [...on] }),
    sentence,
    ...(estimateSeconds === undefined ? {} : { estimateSeconds }),
    builds: progress.builds
      .toSorted((a, b) => startOf(a) - startOf(b))
      .map((build) => ({
        buildKey: build.buildKey,
        state: build.state,
        ...(build.url === undefined ? {} : { url: build.url }),
        startedAt: isoTimestamp(startOf(build)),
        base: sqidsOf(queue, build.base ?? ""),
        ...(build.with === undefined ? {} : { bundledWith: sqidsOf(queue, build.with) }),
      })),
  };
}

/** When the build started. The time of its last log entry when the entry about the start has not come. */
const startOf = ({ startedAt, at }: BuildProgress): EpochMs => startedAt ?? at;
