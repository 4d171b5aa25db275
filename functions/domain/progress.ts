import { BuildKey, partsOfSqid, type QueueName, Sqid } from "../contracts/ids.ts";
import { Blocker, type LogEvent } from "../contracts/log-event.ts";
import { EpochMs } from "../contracts/time.ts";

/** The states of a build, as its log entries tell them. A state is replaced only by one that stands further on in this list. */
export const BUILD_STATES = ["running", "stopped", "passed", "failed", "retried"] as const;
export type BuildState = (typeof BUILD_STATES)[number];

/** A build of a request, as the request log tells of it. */
export interface BuildProgress {
  readonly buildKey: BuildKey;
  readonly state: BuildState;
  /** The time of the log entry that the state comes from. */
  readonly at: EpochMs;
  /** Absent until the log tells that the build was started. */
  readonly startedAt?: EpochMs;
  /** When the build passed or failed. Absent until the log tells that, and of a build that was stopped. */
  readonly endedAt?: EpochMs;
  readonly url?: string;
  /** The labels (`batchLabel`) of the batches in the build's base, in landing order, separated by blanks. Absent when there are none. */
  readonly base?: string;
  /** The other requests that share the build, separated by blanks. Absent when there are none. */
  readonly with?: string;
  /**
   * True when the build is counted with another request, the first of those that share it. Absent when it is counted with this one. Example:
   * main/7 and main/8 share a build of the batch main/batch/7. The build is counted with main/7, and of main/8 this is true.
   */
  readonly isOfAnother?: true;
}

/** The latest `blocked` entry of a request: the blocker that, by this entry, keeps the request from landing. */
export interface BlockedEntry {
  readonly at: EpochMs;
  /** The id of the log entry. */
  readonly id: string;
  readonly blocker: Blocker;
  /** The labels (`batchLabel`) of the batches in the way, separated by blanks. */
  readonly on: string;
  /** The message of the entry's reason. */
  readonly said?: string;
}

/**
 * The kinds of entries that show that a blocker no longer delays the request. Of each kind, the time of the latest entry is kept. status: any
 * status. leaving: the statuses `speculated` and `landing`. building: a build was started. joined: the batch got its position.
 */
export const MARKS = ["status", "leaving", "building", "joined"] as const;
type Mark = (typeof MARKS)[number];

/** The progress of a request, folded from its log entries. The order of the entries, and repeats of them, make no difference. */
export interface Progress {
  /** Sorted by build key. */
  readonly builds: readonly BuildProgress[];
  readonly blocked?: BlockedEntry;
  readonly marks: Readonly<Partial<Record<Mark, EpochMs>>>;
  /** The position of the request's batch. Absent while the batch has none. */
  readonly position?: number;
}

export const NO_PROGRESS: Progress = { builds: [], marks: {} };

/** The progress after one more entry: the same object when the entry says nothing new. */
export function foldProgress(progress: Progress, entry: LogEvent): Progress {
  const builds = foldBuild(progress.builds, entry);
  const blocked = laterBlock(progress.blocked, blockIn(entry));
  const marks = foldMarks(progress.marks, entry);
  const { position: named } = entry.metadata;
  const position = typeof named === "number" ? Math.max(named, progress.position ?? 0) : progress.position;
  const isSame =
    builds === progress.builds &&
    blocked === progress.blocked &&
    marks === progress.marks &&
    position === progress.position;
  if (isSame) return progress;
  return {
    builds,
    ...(blocked === undefined ? {} : { blocked }),
    marks,
    ...(position === undefined ? {} : { position }),
  };
}

/** By the name of a happening, the state of the build that it tells. */
const STATES: Partial<Record<string, BuildState>> = {
  building: "running",
  build_stopped: "stopped",
  built: "passed",
  build_failed: "failed",
  retrying: "retried",
};

function foldBuild(builds: Progress["builds"], entry: LogEvent): Progress["builds"] {
  const state = entry.kind === "event" ? STATES[entry.event] : undefined;
  const key = BuildKey.safeParse(entry.metadata["build_key"]);
  if (state === undefined || !key.success) return builds;
  const before = builds.find(({ buildKey }) => buildKey === key.data);
  const next = merged(before, buildIn(key.data, state, entry));
  if (next === before) return builds;
  const others = builds.filter((build) => build !== before);
  return [...others, next].toSorted((a, b) => (a.buildKey < b.buildKey ? -1 : 1));
}

function buildIn(buildKey: BuildKey, state: BuildState, entry: LogEvent): BuildProgress {
  const { at, metadata } = entry;
  const { build_url: url, base, with: shared, ended_at: seenLate } = metadata;
  const endedAt = EpochMs.safeParse(seenLate).data ?? at;
  return {
    buildKey,
    state,
    at,
    ...(state === "running" ? { startedAt: at } : {}),
    ...(state === "passed" || state === "failed" ? { endedAt } : {}),
    ...(typeof url === "string" ? { url } : {}),
    ...(typeof base === "string" ? { base } : {}),
    ...(typeof shared === "string" ? { with: shared } : {}),
    ...(state === "running" && isOfAnother(entry) ? { isOfAnother: true } : {}),
  };
}

/** `main/batch/7`, and `main/batch/7.1` after a split, are of request 7. */
function isOfAnother({ sqid, metadata }: LogEvent): boolean {
  const label =
    String(metadata["batch_id"] ?? "")
      .split("/")
      .at(-1) ?? "";
  return label !== "" && label.split(".", 1)[0] !== String(partsOfSqid(sqid).n);
}

/**
 * A build by two log entries. The state that is further on in BUILD_STATES counts, and for equal states the later entry. Each other field is
 * the greater of the two values, so that the order of the entries does not matter. Two entries that both have a field have the same value,
 * except when an entry was repeated at another time.
 */
function merged(before: BuildProgress | undefined, entry: BuildProgress): BuildProgress {
  if (before === undefined) return entry;
  const rankOf = ({ state }: BuildProgress) => BUILD_STATES.indexOf(state);
  const further = rankOf(entry) - rankOf(before) || entry.at - before.at;
  const { state, at } = further > 0 ? entry : before;
  const next: BuildProgress = {
    buildKey: before.buildKey,
    state,
    at,
    ...greater("startedAt", before.startedAt, entry.startedAt),
    ...greater("endedAt", before.endedAt, entry.endedAt),
    ...greater("url", before.url, entry.url),
    ...greater("base", before.base, entry.base),
    ...greater("with", before.with, entry.with),
    ...(before.isOfAnother || entry.isOfAnother ? { isOfAnother: true } : {}),
  };
  return JSON.stringify(next) === JSON.stringify(before) ? before : next;
}

function greater<K extends string, T extends string | number>(key: K, a: T | undefined, b: T | undefined) {
  const value = a === undefined || (b !== undefined && b > a) ? b : a;
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
}

/** The entry as a blocked entry. Undefined for every other entry. */
function blockIn(entry: LogEvent): BlockedEntry | undefined {
  if (entry.kind !== "event" || entry.event !== "blocked") return undefined;
  const blocker = Blocker.safeParse(entry.metadata["blocker"]);
  if (!blocker.success) return undefined;
  const { at, id, metadata, reason } = entry;
  const said = reason === undefined ? {} : { said: reason.message };
  return { at, id, blocker: blocker.data, on: String(metadata["on"] ?? ""), ...said };
}

function laterBlock(a: BlockedEntry | undefined, b: BlockedEntry | undefined): BlockedEntry | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.at > a.at || (b.at === a.at && b.id > a.id) ? b : a;
}

function marksOf(entry: LogEvent): readonly Mark[] {
  if (entry.kind === "status")
    return entry.status === "speculated" || entry.status === "landing" ? ["status", "leaving"] : ["status"];
  return entry.event === "building" || entry.event === "joined" ? [entry.event] : [];
}

function foldMarks(marks: Progress["marks"], entry: LogEvent): Progress["marks"] {
  const later = marksOf(entry).filter((mark) => entry.at > (marks[mark] ?? -1));
  return later.length === 0 ? marks : { ...marks, ...Object.fromEntries(later.map((mark) => [mark, entry.at])) };
}

/**
 * The latest blocked entry of the request. Undefined when there is none, or when another entry shows that its blocker no longer delays the
 * request. Entries of the same time count in the order of a request's life: a build is started, then the request is blocked, then the batch
 * gets its position or leaves the queue.
 *
 * Example: blocked by `budget` at 5. An entry `building` at 6 ends that, and one at 5 does not. A status `landing` at 5 or later ends it too.
 */
export function standingBlock({ blocked, marks }: Progress): BlockedEntry | undefined {
  if (blocked === undefined) return undefined;
  const { later = [], atOnce = [] } = ENDED_BY[blocked.blocker];
  const isOver =
    later.some((mark) => (marks[mark] ?? -1) > blocked.at) || atOnce.some((mark) => (marks[mark] ?? -1) >= blocked.at);
  return isOver ? undefined : blocked;
}

/** Per blocker, the entries that show that it is over. later: entries of a later time. atOnce: entries of the same time too. */
const ENDED_BY: Readonly<Record<Blocker, { readonly later?: readonly Mark[]; readonly atOnce?: readonly Mark[] }>> = {
  review: { later: ["status"] },
  checks: { later: ["status"] },
  repository: { later: ["status", "building"] },
  host: { later: ["leaving"] },
  dependency: { atOnce: ["leaving"] },
  pause: { atOnce: ["leaving"] },
  probation: { atOnce: ["leaving", "joined"] },
  budget: { later: ["building"], atOnce: ["leaving"] },
  failure: { later: ["building"], atOnce: ["leaving"] },
  "missing-path": { later: ["building"], atOnce: ["leaving"] },
  "trunk.red": { later: ["building"], atOnce: ["leaving"] },
  "trunk.unproven": { later: ["building"], atOnce: ["leaving"] },
};

/** True when the blocker is over once a build of the request has started. Example: true of `budget`, and false of `dependency`. */
export const isEndedByABuild = (blocker: Blocker): boolean => ENDED_BY[blocker].later?.includes("building") === true;

/** The requests of the batches with these labels (`batchLabel`). A malformed label is left out. Example: `7 8.1` is main/7 and main/8. */
export const sqidsOf = (queue: QueueName, labels: string): Sqid[] =>
  labels.split(" ").flatMap((label) => {
    const sqid = Sqid.safeParse(`${queue}/${label.split(".")[0]}`);
    return sqid.success ? [sqid.data] : [];
  });

/** How many builds a summary keeps at most. */
export const MOST_BUILDS = 20;

/** The progress with at most MOST_BUILDS builds: the running ones first, then the latest others. */
export function boundedProgress(progress: Progress): Progress {
  if (progress.builds.length <= MOST_BUILDS) return progress;
  const latest = progress.builds.toSorted(
    (a, b) => Number(b.state === "running") - Number(a.state === "running") || b.at - a.at,
  );
  const kept = new Set(latest.slice(0, MOST_BUILDS));
  return { ...progress, builds: progress.builds.filter((build) => kept.has(build)) };
}
