import type { RequestSummary, Why } from "../../functions/contracts/api/request-views.ts";
import { countsOf, modeOf } from "../cli/queue-lines.ts";
import { shortChange } from "../cli/short-change.ts";
import { span } from "../cli/terminal.ts";
import { UsageError } from "../cli/usage-error.ts";
import { MOST_WAIT_SECONDS, type QueueClient } from "../client.ts";
import type { Queued, QueueNow } from "../queue-now.ts";
import { isEnded, type Row, type Snapshot } from "./row.ts";

/**
 * Asks the API about the requests that are watched: at once the first time, and later, where the API can wait, once there is news. Throws
 * ApiError.
 */
export type Look = (signal: AbortSignal) => Promise<Snapshot>;

/** A request of a queue. */
export interface Watched {
  readonly queue: QueueClient;
  readonly number: number;
}

/** How many requests are asked about at once. */
const AT_ONCE = 8;

/** Looks at some requests: two calls for each that has not ended. Of a single one, the API waits for news: one call more per piece of news. */
export function lookAtRequests(watched: readonly Watched[]): Look {
  const rows = new Map<Watched, Row>();
  const [only, ...more] = watched;
  const awaitNews = only !== undefined && more.length === 0 ? newsOf(only) : async () => {};
  return async (signal) => {
    await awaitNews(signal);
    const open = watched.filter((request) => !isEnded(rows.get(request) ?? { status: "accepted" }));
    const ask = async () => {
      for (let request = open.shift(); request !== undefined; request = open.shift()) {
        const { queue, number } = request;
        // In this order: what explains a request that has ended is then about its end.
        const summary = await queue.request(number);
        rows.set(request, rowOf(summary, await queue.why(number)));
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, open.length) }, ask));
    const found = watched.flatMap((request) => rows.get(request) ?? []);
    const ended = found.filter(isEnded).length;
    return { heading: `${count(found.length, "request")}, ${ended} ended`, rows: found };
  };
}

/** Resolves at the first call at once, later when the request's history has grown, or after 25 seconds. */
function newsOf({ queue, number }: Watched): (signal: AbortSignal) => Promise<void> {
  let known = 0;
  let isFirst = true;
  return async (signal) => {
    const wait = isFirst ? 0 : MOST_WAIT_SECONDS;
    isFirst = false;
    known = (await queue.history(number, { wait, known, signal })).events.length;
  };
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** A request as a row, from what the API says about it. */
export function rowOf(request: RequestSummary, why: Pick<Why, "blocker" | "on" | "builds" | "sentence">): Row {
  const { sqid, status, ended, changes, receivedAt, updatedAt, reason, metadata } = request;
  const { commit, title } = metadata;
  return {
    sqid,
    status,
    title: typeof title === "string" ? title : changes.map(shortChange).join(", "),
    receivedAt: Date.parse(receivedAt),
    endedAt: ended ? Date.parse(updatedAt) : undefined,
    builds: why.builds.map(({ outcome, url }) => ({ state: outcome, url })),
    blocker: why.blocker,
    on: why.on,
    sentence: why.sentence,
    reason,
    commit: typeof commit === "string" ? commit : undefined,
  };
}

/**
 * Looks at a queue: one call. Requests that end while it is watched stay in the view, below those in flight. Throws UsageError when the API
 * does not tell what the queue holds.
 */
export function lookAtQueue(queue: QueueClient): Look {
  const ended = new Map<string, Row>();
  let before: readonly Row[] = [];
  return async () => {
    const now = await queue.show();
    if (now.requests === undefined)
      throw new UsageError("This API is of a release that does not tell what a queue holds: name requests to watch.");
    const rows = now.requests.map(rowOfQueued);
    const inFlight = new Set(rows.map(({ sqid }) => sqid));
    for (const { sqid, status, reason, endedAt, commit } of now.recent ?? []) {
      const row = before.find((known) => known.sqid === sqid);
      if (row && !inFlight.has(sqid))
        ended.set(sqid, {
          ...row,
          status,
          reason,
          commit,
          endedAt: Date.parse(endedAt),
          on: undefined,
          blocker: undefined,
          // What the request waited for before it ended.
          sentence: undefined,
        });
    }
    before = rows;
    const latestFirst = [...ended.values()].sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
    return { heading: headingOf(now), rows: [...rows, ...latestFirst] };
  };
}

function headingOf(queue: QueueNow): string {
  const { name, counts, buildsRunning, budget, timeToLand } = queue;
  const facts = [
    modeOf({ colours: false }, queue),
    ...(counts ? [countsOf(counts)] : []),
    ...(buildsRunning === undefined ? [] : [`${buildsRunning} of ${budget ?? "?"} builds`]),
    ...(timeToLand?.medianSeconds === undefined ? [] : [`lands in ${span(timeToLand.medianSeconds * 1_000)}`]),
  ];
  return `${name}: ${facts.join(" · ")}`;
}

function rowOfQueued(request: Queued): Row {
  const { sqid, status, title, changes, receivedAt, builds, blocker, on, estimateSeconds, sentence } = request;
  return {
    sqid,
    status,
    title: title ?? changes.map(shortChange).join(", "),
    receivedAt: Date.parse(receivedAt),
    builds,
    blocker,
    on,
    estimateSeconds,
    sentence,
  };
}
