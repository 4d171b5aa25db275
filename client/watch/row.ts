import { hasEnded, type Status } from "../../functions/contracts/log-event.ts";
import type { Reason } from "../../functions/contracts/reasons.ts";

/** A build of a request, as far as a watcher is told. */
export interface WatchedBuild {
  readonly state: string;
  readonly url?: string | undefined;
}

/** A request as the live view and its log show it: one row. */
export interface Row {
  readonly sqid: string;
  readonly status: Status;
  /** What the request brings, for people: a title, or its changes. */
  readonly title: string;
  readonly receivedAt: number;
  /** When the request ended. Undefined before that. */
  readonly endedAt?: number | undefined;
  readonly builds: readonly WatchedBuild[];
  readonly blocker?: string | undefined;
  /** The requests in the way. */
  readonly on?: readonly string[] | undefined;
  readonly estimateSeconds?: number | undefined;
  /** What the request waits for, or why it ended, as one sentence or two. */
  readonly sentence?: string | undefined;
  readonly reason?: Reason | undefined;
  /** The commit that landed. */
  readonly commit?: string | undefined;
}

/** What a look at the queue found. */
export interface Snapshot {
  /** Above the rows: the queue and how it stands. */
  readonly heading: string;
  /** In the order of the queue; requests that have ended come last. */
  readonly rows: readonly Row[];
  /** What has to be known beside the rows. Example: the API has not answered for 12 s. */
  readonly notice?: string | undefined;
}

/** True also of an end that a later release has, whose status is not known here. */
export const isEnded = ({ status, endedAt }: Pick<Row, "status" | "endedAt">): boolean =>
  endedAt !== undefined || hasEnded(status);

const BLOCKED_BY: Readonly<Record<string, string>> = {
  dependency: "waits for requests ahead",
  budget: "no free slot",
  pause: "the queue is paused",
  "missing-path": "not being built",
  failure: "a build of it failed",
  probation: "on probation",
  repository: "the repository does not answer",
  review: "waits for a review",
  checks: "waits for its own checks",
  host: "the push was refused",
  "trunk.red": "the branch itself fails",
  "trunk.unproven": "the branch itself is being built",
};

/**
 * What a request is doing, in a few words. Examples: `as 0123456789ab`, `build.failed`, `waits for main/15 +2`,
 * `no free slot`, `building`.
 */
export function stateOf(row: Row): string {
  const { status, reason, commit, blocker, on = [] } = row;
  if (status === "landed") return [commit && `as ${commit.slice(0, 12)}`, reason?.code].filter(Boolean).join(", ");
  if (isEnded(row) || status === "cancelling") return reason?.code ?? "";
  const [first, ...more] = on;
  if (first !== undefined) return `waits for ${first}${more.length > 0 ? ` +${more.length}` : ""}`;
  if (blocker !== undefined) return BLOCKED_BY[blocker] ?? blocker;
  return row.builds.some(({ state }) => isRunning(state)) ? "building" : "";
}

const isRunning = (state: string): boolean => state === "running" || state === "unfinished";

/** A request's builds as counts of those that run, passed and failed. Example: `1… 2✔ 1✘`. */
export function buildCounts(builds: readonly WatchedBuild[]): string {
  const count = (wanted: (state: string) => boolean) => builds.filter(({ state }) => wanted(state)).length;
  const counts = [
    [count(isRunning), "…"],
    [count((state) => state === "passed"), "✔"],
    [count((state) => state === "failed" || state === "retried"), "✘"],
  ] as const;
  return counts.flatMap(([n, mark]) => (n === 0 ? [] : [`${n}${mark}`])).join(" ");
}
