import * as z from "zod";
import { QueueName, Sqid } from "./ids.ts";
import { Reason } from "./reasons.ts";
import { cut, printable } from "./text.ts";
import { EpochMs } from "./time.ts";

/** The public statuses of a request, in the order of its life. Readers must tolerate missing steps. */
export const STATUSES = [
  "accepted",
  "started",
  "validating",
  "validated",
  "batching",
  "batched",
  "speculating",
  "speculated",
  "landing",
  "cancelling",
  "landed",
  "error",
  "cancelled",
] as const;
export const Status = z.enum(STATUSES);
export type Status = z.infer<typeof Status>;

export const ENDED_STATUSES = ["landed", "error", "cancelled"] as const satisfies readonly Status[];
export const Outcome = z.enum(ENDED_STATUSES);
export type Outcome = z.infer<typeof Outcome>;
export const hasEnded = (status: Status): status is Outcome => (ENDED_STATUSES as readonly Status[]).includes(status);

/**
 * What can happen to a request, any number of times, without becoming its status. `build_failed` carries the reason. build_stopped: no
 * batch needed the build any more. prioritized: a caller set another priority. cancel_too_late: it has landed although its caller cancelled it.
 */
export const Happening = z.enum([
  "building",
  "built",
  "build_failed",
  "build_stopped",
  "waiting",
  "blocked",
  "invalidated",
  "retrying",
  "joined",
  "prioritized",
  "cancel_too_late",
]);
export type Happening = z.infer<typeof Happening>;

/**
 * What keeps a waiting request from landing: `blocker` of a `blocked` entry's metadata, whose `on` names the batches in the way by their
 * labels, separated by spaces. dependency: batches ahead are undecided. budget: no build slot is free. pause: the queue is paused.
 * missing-path: no path is worth a build before more of the batches ahead are decided. failure: a build of the request failed, and the batches
 * ahead, which the build held, are undecided: one of them may be the cause. probation: one of its own builds has to pass first. repository: the
 * queue's repository does not answer; the entry's reason says what was tried. review, checks: in admission, the review or the checks of a
 * pull request are not there yet; the entry's reason says of which. host: the request has passed, and the host of the repository refuses
 * the queue's pushes; the entry's reason holds the host's words. trunk.red: the trunk fails by itself, and no change is let through but one
 * whose build passes on the red trunk; the entry's reason says since which commit. trunk.unproven: a build of the request failed on a trunk
 * commit that no passed build vouches for, so the trunk itself is built first.
 */
export const Blocker = z.enum([
  "dependency",
  "budget",
  "pause",
  "missing-path",
  "failure",
  "probation",
  "repository",
  "review",
  "checks",
  "host",
  "trunk.red",
  "trunk.unproven",
]);
export type Blocker = z.infer<typeof Blocker>;

/** Text among it is made printable (text.ts): a value may come from a build runner or a repository. */
export const MetadataValue = z.union([z.string().overwrite(printable), z.number(), z.boolean()]);

/** Small facts for people and programs: batch_id, build_url, commit … Values are short. */
export const Metadata = z.record(z.string(), MetadataValue);
export type Metadata = z.infer<typeof Metadata>;

const Entry = {
  v: z.literal(1),
  /** Deterministic: `<sqid>/<status or happening>[/<occurrence>]`. A repeat of the id is the same fact. */
  id: z.string().max(512),
  queue: QueueName,
  sqid: Sqid,
  at: EpochMs,
  reason: Reason.optional(),
  metadata: Metadata.default({}),
};

/** One entry of a request's log. `version` > 0 marks a status that was written under the request's version; 0 is unversioned. */
export const LogEvent = z.discriminatedUnion("kind", [
  z.object({ ...Entry, kind: z.literal("status"), status: Status, version: z.int().nonnegative() }),
  z.object({ ...Entry, kind: z.literal("event"), event: Happening }),
]);
export type LogEvent = z.infer<typeof LogEvent>;
export type StatusEvent = Extract<LogEvent, { kind: "status" }>;
export type EndEvent = StatusEvent & { readonly status: Outcome };
export const isEnd = (entry: LogEvent): entry is EndEvent => entry.kind === "status" && hasEnded(entry.status);

/** What may be said about an entry beside its status: all optional. */
export interface EntryDetails {
  readonly occurrence?: string | undefined;
  readonly version?: number | undefined;
  readonly reason?: Reason | undefined;
  readonly metadata?: Metadata | undefined;
}

const entry = (sqid: Sqid, name: string, at: EpochMs, details: EntryDetails) => ({
  v: 1 as const,
  id: details.occurrence === undefined ? `${sqid}/${name}` : `${sqid}/${name}/${details.occurrence}`,
  queue: sqid.slice(0, sqid.indexOf("/")) as QueueName,
  sqid,
  at,
  ...(details.reason === undefined ? {} : { reason: details.reason }),
  metadata: shortened(details.metadata ?? {}),
});

/** A longer text of metadata is cut: an entry has to fit into a message, and into an item. */
const MOST_CHARACTERS = 2_000;

const shortened = (metadata: Metadata): Metadata =>
  Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [
      key,
      typeof value === "string" ? cut(value, MOST_CHARACTERS) : value,
    ]),
  );

/** The request's status has changed. */
export const statusEvent = <S extends Status>(
  sqid: Sqid,
  status: S,
  at: EpochMs,
  details: EntryDetails = {},
): StatusEvent & { readonly status: S } => ({
  ...entry(sqid, status, at, details),
  kind: "status",
  status,
  version: details.version ?? 0,
});

/** Something happened to the request that leaves its status alone. `occurrence` keeps legitimate repeats apart. */
export const happeningEvent = (
  sqid: Sqid,
  event: Happening,
  at: EpochMs,
  details: EntryDetails & { occurrence: string },
): LogEvent => ({
  ...entry(sqid, event, at, details),
  kind: "event",
  event,
});
