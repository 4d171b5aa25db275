import { BuildKey, type QueueName, Sqid } from "../contracts/ids.ts";
import { Blocker, type LogEvent } from "../contracts/log-event.ts";
import type { EpochMs } from "../contracts/time.ts";

/** The states of a build, as its log entries tell them. A later one in this list is never taken back by an earlier one. */
export const BUILD_STATES = ["running", "stopped", "passed", "failed", "retried"] as const;
export type BuildState = (typeof BUILD_STATES)[number];

/** A build of a request. */
export interface BuildProgress {
  readonly buildKey: BuildKey;
  readonly state: BuildState;
  /** The time of the log entry that the state comes from. */
  readonly at: EpochMs;
  /** Absent until the log tells that the build was started. */
  readonly startedAt?: EpochMs;
  readonly url?: string;
  /** The labels of the batches that it is built on, in landing order, separated by blanks. Absent when there are none. */
  readonly base?: string;
  /** The requests that share the build, separated by blanks. Absent when there are none. */
  readonly with?: string;
}

/** What the log last said to keep the request from landing. */
export interface BlockedEntry {
  readonly at: EpochMs;
  readonly id: string;
  readonly blocker: Blocker;
  /** The labels of the batches in the way, separated by blanks. */
  readonly on: string;
  /** The reason of the entry. */
  readonly said?: string;
}

/** Of which kind of entry the time of the latest is kept: such entries show that a blocker no longer delays the request. */
export const MARKS = ["status", "leaving", "building", "joined"] as const;
export type Mark = (typeof MARKS)[number];

/** How a request gets on, folded from its log entries. The order of the entries, and repeats of them, make no difference. */
export interface Progress {
  /** By build key. */
  readonly builds: readonly BuildProgress[];
  readonly blocked?: BlockedEntry;
  readonly marks: Readonly<Partial<Record<Mark, EpochMs>>>;
  /** The request's number in the order in which conflicting requests land. Absent while it has none. */
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

function buildIn(buildKey: BuildKey, state: BuildState, { at, metadata }: LogEvent): BuildProgress {
  const { build_url: url, base, with: shared } = metadata;
  return {
    buildKey,
    state,
    at,
    ...(state === "running" ? { startedAt: at } : {}),
    ...(typeof url === "string" ? { url } : {}),
    ...(typeof base === "string" ? { base } : {}),
    ...(typeof shared === "string" ? { with: shared } : {}),
  };
}

/**
 * What two entries tell of one build. The further state counts, and of one state the later entry. Each other field is the greater of the
 * two, so that it does not matter which entry came first: two entries that both name a field name the same, except for one that is
 * repeated at another time.
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
    ...greater("url", before.url, entry.url),
    ...greater("base", before.base, entry.base),
    ...greater("with", before.with, entry.with),
  };
  return JSON.stringify(next) === JSON.stringify(before) ? before : next;
}

function greater<K extends string, T extends string | number>(key: K, a: T | undefined, b: T | undefined) {
  const value = a === undefined || (b !== undefined && b > a) ? b : a;
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
}

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
 * What keeps the request from landing, as the log last said; undefined when a later entry shows that it no longer does. Entries of one
 * moment are in the order of a request's life: a build starts before a request is blocked, and a request leaves or joins after that.
 */
export function standingBlock({ blocked, marks }: Progress): BlockedEntry | undefined {
  if (blocked === undefined) return undefined;
  const isAfter = (mark: Mark) => (marks[mark] ?? -1) > blocked.at;
  const isAtOrAfter = (mark: Mark) => (marks[mark] ?? -1) >= blocked.at;
  if (blocked.blocker === "review" || blocked.blocker === "checks") return isAfter("status") ? undefined : blocked;
  if (blocked.blocker === "repository") return isAfter("status") || isAfter("building") ? undefined : blocked;
  if (isAtOrAfter("leaving") && blocked.blocker !== "host") return undefined;
  if (blocked.blocker === "host" && isAfter("leaving")) return undefined;
  if (isAfter("building") && ENDED_BY_A_BUILD.has(blocked.blocker)) return undefined;
  return isAtOrAfter("joined") && blocked.blocker === "probation" ? undefined : blocked;
}

/** What no longer keeps a request once a build of it has started. */
export const ENDED_BY_A_BUILD: ReadonlySet<Blocker> = new Set(["budget", "missing-path", "trunk.red", "trunk.unproven"]);

/** The requests of batches named by their labels. A malformed label is left out. Example: `7 8.1` is main/7 and main/8. */
export const sqidsOf = (queue: QueueName, labels: string): Sqid[] =>
  labels.split(" ").flatMap((label) => {
    const sqid = Sqid.safeParse(`${queue}/${label.split(".")[0]}`);
    return sqid.success ? [sqid.data] : [];
  });

/** How many builds a summary keeps. */
const MOST_BUILDS = 20;

/** The progress with its last builds: those that run, and the latest others. */
export function boundedProgress(progress: Progress): Progress {
  if (progress.builds.length <= MOST_BUILDS) return progress;
  const latest = progress.builds.toSorted(
    (a, b) => Number(b.state === "running") - Number(a.state === "running") || b.at - a.at,
  );
  const kept = new Set(latest.slice(0, MOST_BUILDS));
  return { ...progress, builds: progress.builds.filter((build) => kept.has(build)) };
}
