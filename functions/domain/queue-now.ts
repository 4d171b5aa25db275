import type { EndedRequest, QueuedRequest, QueueSummary } from "../contracts/api.ts";
import { type QueueName, type RequestNumber, sqidOf } from "../contracts/ids.ts";
import { hasEnded, type Outcome } from "../contracts/log-event.ts";
import type { Reason } from "../contracts/reasons.ts";
import { type EpochMs, isoTimestamp } from "../contracts/time.ts";
import { type QueueFacts, waitingFor } from "./explain.ts";
import { type BuildProgress, sqidsOf } from "./progress.ts";
import { endReasonOf, metadataOf, type Summary } from "./request-log.ts";
import { percentileOf, remainingSeconds, type Tally } from "./trends.ts";

/** What a queue's numbers are made from. */
export interface QueueRecords {
  /** The requests that have not been archived: in flight, or ended a short while ago. */
  readonly live: readonly Summary[];
  /** The archived requests that ended within the last hour, and some before; latest first. */
  readonly archived: readonly EndRecord[];
  /** Of the last 24 hours of the clock. */
  readonly day: Tally;
  readonly now: EpochMs;
}

/** The end of a request. */
export interface EndRecord {
  readonly number: RequestNumber;
  readonly status: Outcome;
  readonly reason?: Reason;
  readonly endedAt: EpochMs;
  readonly commit?: string;
  readonly receivedAt?: EpochMs;
}

type State = "waiting" | "building" | "landing";

const isInFlight = ({ status }: Summary): boolean => !hasEnded(status);
const isRunning = ({ state }: BuildProgress): boolean => state === "running";

function stateOf({ status, progress }: Summary): State {
  if (status === "speculated" || status === "landing") return "landing";
  return progress.builds.some(isRunning) ? "building" : "waiting";
}

/** The numbers of a queue. A build that several requests share is one build. */
export function numbersOf({ live, archived, day, now }: QueueRecords) {
  const inFlight = live.filter(isInFlight);
  const counts = { waiting: 0, building: 0, landing: 0 };
  for (const summary of inFlight) counts[stateOf(summary)] += 1;
  const running = new Set(inFlight.flatMap(({ progress }) => progress.builds.filter(isRunning)).map((b) => b.buildKey));
  const lastHour = { landed: 0, refused: 0, cancelled: 0 };
  for (const { status, endedAt } of endsOf(live, archived))
    if (endedAt >= now - HOUR_MS) lastHour[status === "error" ? "refused" : status] += 1;
  const { landed, refused, cancelled } = day.counters;
  const [median, p95] = [percentileOf(day, 0.5), percentileOf(day, 0.95)];
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
 * What the budget should be measured by. A request that was received within the hour is in flight or has ended within the hour, so it is among
 * the records.
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

/** The ends, latest first. A request that is being archived is in both lists, and counts once. */
function endsOf(live: readonly Summary[], archived: readonly EndRecord[]): EndRecord[] {
  const ends = new Map(archived.map((end) => [end.number, end]));
  for (const summary of live) {
    const end = endIn(summary);
    if (end !== undefined) ends.set(end.number, end);
  }
  return [...ends.values()].toSorted((a, b) => b.endedAt - a.endedAt || b.number - a.number);
}

/** The end of the request. Undefined while it is in flight. */
export function endIn(summary: Summary): EndRecord | undefined {
  const { number, status, at, receivedAt } = summary;
  if (!hasEnded(status)) return undefined;
  const reason = endReasonOf(summary);
  const { commit } = metadataOf(summary);
  return {
    number,
    status,
    ...(reason === undefined ? {} : { reason }),
    endedAt: at,
    receivedAt,
    ...(typeof commit === "string" ? { commit } : {}),
  };
}

/** How many ended requests a queue shows. */
const MOST_RECENT = 20;

/** The last requests that ended, latest first. */
export const recentEnds = (queue: QueueName, { live, archived }: QueueRecords): EndedRequest[] =>
  endsOf(live, archived)
    .slice(0, MOST_RECENT)
    .map(({ number, endedAt, receivedAt: _, ...end }) => ({
      sqid: sqidOf(queue, number),
      number,
      ...end,
      endedAt: isoTimestamp(endedAt),
    }));

/**
 * The requests in flight in the order of the queue: by priority, then by their position, then those without a position by arrival. Example:
 * main/3 has position 2 and priority 0, main/4 has position 3 and priority 5: main/4 is first.
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

/** How many requests, and how many characters of them, an answer holds at most. */
const MOST_SHOWN = 1_000;
const MOST_CHARACTERS = 4_000_000;

/** The requests in flight, in the order of the queue. `more`: there are some that the answer has no room for. */
export function queued(
  { live, day, now }: Pick<QueueRecords, "live" | "day" | "now">,
  facts: QueueFacts,
): { readonly requests: QueuedRequest[]; readonly more: boolean } {
  const ordered = inQueueOrder(live);
  const requests: QueuedRequest[] = [];
  let left = MOST_CHARACTERS;
  for (const summary of ordered.slice(0, MOST_SHOWN)) {
    const request = shownInQueue(summary, { ...facts, ...estimateOf(summary, day, now) });
    left -= JSON.stringify(request).length;
    if (left < 0) break;
    requests.push(request);
  }
  return { requests, more: requests.length < ordered.length };
}

/** The estimate of the time left of a request in flight. Empty when the queue has not landed enough to tell. */
export function estimateOf({ receivedAt, status }: Summary, day: Tally, now: EpochMs): { estimateSeconds?: number } {
  if (status === "cancelling") return {};
  const left = remainingSeconds(day, (now - receivedAt) / 1_000);
  return left === undefined ? {} : { estimateSeconds: Math.max(1, Math.round(left)) };
}

function shownInQueue(summary: Summary, facts: QueueFacts): QueuedRequest {
  const { sqid, number, queue, status, priority = 0, changes, caller, receivedAt, at, progress } = summary;
  const { author, title } = metadataOf(summary);
  const { blocker, on, sentence } = waitingFor(summary, progress, facts);
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
    ...(facts.estimateSeconds === undefined ? {} : { estimateSeconds: facts.estimateSeconds }),
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

const startOf = ({ startedAt, at }: BuildProgress): EpochMs => startedAt ?? at;
