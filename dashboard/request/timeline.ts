import { happeningOf } from "../../client/happenings.ts";
import type { HistoryEntry } from "../../functions/contracts/api/request-views.ts";
import type { IconName } from "../ui/drawings.ts";

/** A build of a request, from all that its history says about it. */
export interface BuildStory {
  readonly buildKey: string;
  readonly state: "running" | "passed" | "failed" | "retried" | "stopped";
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly url?: string;
  readonly reason?: string;
  /** False when it passed, and the changes ahead then turned out otherwise than it assumed. */
  readonly counts: boolean;
}

const text = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));

/** The builds of a request in the order of their starts. `isOver`: the request has ended, so that a build without an end was given up. */
export function buildsIn(events: readonly HistoryEntry[], isOver: boolean): readonly BuildStory[] {
  const builds = new Map<string, BuildStory>();
  for (const { event, at, reason, metadata } of events) {
    const buildKey = text(metadata["build_key"]);
    if (event === undefined || buildKey === undefined) continue;
    const url = text(metadata["build_url"]);
    const before = builds.get(buildKey) ?? { buildKey, state: "running", startedAt: at, counts: true };
    const said = { ...before, ...(url === undefined ? {} : { url }) };
    const ended = { ...said, endedAt: at, ...(reason === undefined ? {} : { reason: reason.message }) };
    if (event === "built") builds.set(buildKey, { ...ended, state: "passed" });
    else if (event === "build_failed")
      builds.set(buildKey, { ...ended, state: before.state === "retried" ? "retried" : "failed" });
    else if (event === "retrying") builds.set(buildKey, { ...ended, endedAt: before.endedAt ?? at, state: "retried" });
    else if (event === "build_stopped") builds.set(buildKey, { ...ended, state: "stopped" });
    else if (event === "invalidated") builds.set(buildKey, { ...said, counts: false });
    else builds.set(buildKey, said);
  }
  const all = [...builds.values()].sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  return isOver ? all.map((build) => (build.state === "running" ? { ...build, state: "stopped" } : build)) : all;
}

/** One line of a timeline. */
export interface Moment {
  readonly id: string;
  readonly at: string;
  readonly icon: IconName;
  readonly tone: "plain" | "good" | "bad" | "busy" | "warn";
  readonly text: string;
  /** More, that may have lines. */
  readonly detail?: string;
  /** Who caused it. */
  readonly by?: string;
  readonly url?: string;
}

type Look = readonly [icon: IconName, tone: Moment["tone"]];

const STATUS_LOOKS: Readonly<Record<string, Look>> = {
  accepted: ["accepted", "plain"],
  started: ["accepted", "plain"],
  validating: ["accepted", "plain"],
  validated: ["passed", "plain"],
  batched: ["waiting", "plain"],
  speculated: ["passed", "good"],
  landing: ["landing", "busy"],
  cancelling: ["cancelled", "warn"],
  landed: ["landed", "good"],
  error: ["refused", "bad"],
  cancelled: ["cancelled", "warn"],
};
const EVENT_LOOKS: Readonly<Record<string, Look>> = {
  building: ["building", "busy"],
  built: ["passed", "good"],
  build_failed: ["failed", "bad"],
  waiting: ["waiting", "plain"],
  blocked: ["waiting", "plain"],
  invalidated: ["retried", "warn"],
  retrying: ["retried", "warn"],
  build_stopped: ["cancelled", "plain"],
  prioritized: ["up", "plain"],
  cancel_too_late: ["cancelled", "warn"],
  joined: ["waiting", "plain"],
};

/** How an entry is drawn that a later release has, and that is not known here. */
const UNKNOWN: Look = ["waiting", "plain"];

/** What happened to a request, oldest first, without the steps that only say that the next one comes. */
export function momentsOf(events: readonly HistoryEntry[]): readonly Moment[] {
  // The entry `blocked`, which names the blocker, follows the entry `waiting`.
  const told = events.filter(({ event }, index) => event !== "waiting" || events[index + 1]?.event !== "blocked");
  const moments = told.flatMap(momentOf);
  return moments.map((moment, index) => {
    const { detail, ...rest } = moment;
    const before = moments[index - 1]?.detail;
    // A failure and the repeat that follows it give one reason, and so do a cancel and its end.
    return detail !== undefined && before !== undefined && detail.endsWith(before) ? rest : moment;
  });
}

function momentOf(entry: HistoryEntry): readonly Moment[] {
  const { id, at, status, event, reason, metadata } = entry;
  const words = happeningOf(entry);
  if (words === undefined) return [];
  const [icon, tone] = (status === undefined ? EVENT_LOOKS[event ?? ""] : STATUS_LOOKS[status]) ?? UNKNOWN;
  const by = text(metadata["caller"]);
  const url = event === "waiting" || event === "invalidated" ? undefined : text(metadata["build_url"]);
  return [
    {
      id,
      at,
      icon,
      tone,
      text: words,
      ...(reason === undefined ? {} : { detail: reason.message }),
      ...(by === undefined ? {} : { by }),
      ...(url === undefined ? {} : { url }),
    },
  ];
}
