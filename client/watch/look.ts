import type { RequestSummary, Why } from "../../functions/contracts/api.ts";
import { shortChange } from "../cli/short-change.ts";
import type { QueueClient } from "../client.ts";
import { isEnded, type Row, type Snapshot } from "./row.ts";

/** Finds out how what is watched stands. Throws ApiError. */
export type Look = () => Promise<Snapshot>;

/** A request of a queue. */
export interface Watched {
  readonly queue: QueueClient;
  readonly number: number;
}

/** How many requests are asked about at once. */
const AT_ONCE = 8;

/** Looks at some requests: two calls for each that has not ended. */
export function lookAtRequests(watched: readonly Watched[]): Look {
  const rows = new Map<Watched, Row>();
  return async () => {
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

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** A request as a row, from what the API says about it. */
export function rowOf(request: RequestSummary, why: Pick<Why, "blocker" | "on" | "builds" | "sentence">): Row {
  const { sqid, status, ended, changes, receivedAt, updatedAt, reason, metadata } = request;
  const { commit } = metadata;
  return {
    sqid,
    status,
    title: changes.map(shortChange).join(", "),
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
