import type { HistoryEntry } from "../../functions/contracts/api.ts";
import type { IconName } from "../ui/icon.tsx";

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

type Line = readonly [icon: IconName, tone: Moment["tone"], text: string];

const STATUS_LINES: Readonly<Record<string, Line>> = {
  accepted: ["accepted", "plain", "Asked to land"],
  started: ["accepted", "plain", "Its changes are being checked"],
  validating: ["accepted", "plain", "Tried on the target branch"],
  validated: ["passed", "plain", "Its changes are valid"],
  batched: ["waiting", "plain", "Joined the queue"],
  speculated: ["passed", "good", "Enough builds have passed"],
  landing: ["landing", "busy", "Being pushed to the target branch"],
  cancelling: ["cancelled", "warn", "Being cancelled"],
  landed: ["landed", "good", "Landed"],
  error: ["refused", "bad", "Refused"],
  cancelled: ["cancelled", "warn", "Cancelled"],
};
const EVENT_LINES: Readonly<Record<string, Line>> = {
  building: ["building", "busy", "Build started"],
  built: ["passed", "good", "Build passed"],
  build_failed: ["failed", "bad", "Build failed"],
  waiting: ["waiting", "plain", "Waits to land"],
  blocked: ["waiting", "plain", "Waits"],
  invalidated: ["retried", "warn", "A request ahead turned out otherwise than the build assumed: it is built again"],
  retrying: ["retried", "warn", "The build is repeated"],
  build_stopped: ["cancelled", "plain", "Build given up: its outcome was no longer needed"],
  prioritized: ["up", "plain", "Got another priority"],
  cancel_too_late: ["cancelled", "warn", "Cancelled too late: it has landed"],
  joined: ["waiting", "plain", "Took its place in the order"],
};

const BLOCKERS: Readonly<Record<string, string>> = {
  dependency: "Waits for the requests ahead",
  budget: "Waits for a free build slot",
  pause: "Waits: the queue is paused",
  "missing-path": "Waits to be built again on what became of the requests ahead",
  probation: "Waits for one of its own builds to pass",
  repository: "Waits for the repository, which does not answer",
  host: "The host refused the push; it is tried again",
  "trunk.red": "Waits: the target branch itself fails",
  "trunk.unproven": "Waits: the target branch itself is being built",
};

/** What happened to a request, oldest first, without the steps that only say that the next one comes. */
export function momentsOf(events: readonly HistoryEntry[]): readonly Moment[] {
  // What a request waits for is said by the entry after the one that says that it waits.
  const told = events.filter(({ event }, index) => event !== "waiting" || events[index + 1]?.event !== "blocked");
  const moments = told.flatMap(momentOf);
  return moments.map((moment, index) => {
    const { detail, ...rest } = moment;
    const before = moments[index - 1]?.detail;
    // A failure and the repeat that follows it give one reason, and so do a cancel and its end.
    return detail !== undefined && before !== undefined && detail.endsWith(before) ? rest : moment;
  });
}

function momentOf({ id, at, status, event, reason, metadata }: HistoryEntry): readonly Moment[] {
  const line = status === undefined ? EVENT_LINES[event ?? ""] : STATUS_LINES[status];
  if (line === undefined) return [];
  const [icon, tone, words] = line;
  const by = text(metadata["caller"]);
  const url = event === "waiting" || event === "invalidated" ? undefined : text(metadata["build_url"]);
  const commit = status === "landed" ? text(metadata["commit"]) : undefined;
  const on = text(metadata["on"]);
  const blocker = event === "blocked" ? (BLOCKERS[text(metadata["blocker"]) ?? ""] ?? words) : words;
  const named =
    on === undefined
      ? ""
      : `: ${on
          .split(" ")
          .map((label) => `#${label.split(".", 1)[0]}`)
          .join(", ")}`;
  return [
    {
      id,
      at,
      icon,
      tone,
      text: commit === undefined ? `${blocker}${named}` : `${blocker} as ${commit.slice(0, 12)}`,
      ...(reason === undefined ? {} : { detail: reason.message }),
      ...(by === undefined ? {} : { by }),
      ...(url === undefined ? {} : { url }),
    },
  ];
}
