import * as z from "zod";
import { ChangeUri } from "./change-uri.ts";
import { GitSha, messageId, QueueName, Sqid } from "./ids.ts";
import type { Topic } from "./messages/topic.ts";
import { Priority } from "./queues.ts";
import { MergeStrategy } from "./strategy.ts";
import { EpochMs } from "./time.ts";

/** A repository as GitHub names it: `acme/shop`. */
export const RepositoryName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/, "a repository is <owner>/<name>");
export type RepositoryName = z.infer<typeof RepositoryName>;

/** True when both name one repository: GitHub does not tell `Acme/Shop` from `acme/shop`. A repository that is gone is the same as none. */
export const isSameRepository = (one: string | undefined, other: string): boolean =>
  one?.toLowerCase() === other.toLowerCase();

export const PullNumber = z.int().positive();

// ── what GitHub delivers, and what follows from it ──────────────────────────────────────────────

const About = { v: z.literal(1), repository: RepositoryName, pull: PullNumber };

/** The part of a webhook's payload that the queue goes by. `id` is the delivery's: the same when GitHub delivers it again. */
export const Delivery = z.object({
  ...About,
  kind: z.literal("delivery"),
  id: z.string().min(1).max(200),
  /** `issue_comment.created` */
  event: z.string(),
  /** Who did it. */
  sender: z.object({ login: z.string(), isBot: z.boolean() }),
  comment: z.object({ id: z.int(), body: z.string() }).optional(),
  /** Of `labeled` and `unlabeled`. */
  label: z.string().optional(),
  /** When it was done, as GitHub says. Absent for a press on a check. */
  at: EpochMs.optional(),
  /** The pull request's head, as the delivery has it. */
  head: GitSha.optional(),
  /** The check run, and the button that was pressed. */
  check: z.object({ id: z.int(), name: z.string(), button: z.string().optional() }).optional(),
});
export type Delivery = z.infer<typeof Delivery>;

/** A request that has landed. `leftOut`: how many of its changes, the last ones, get no look of their own, since the event had no room. */
const Landing = z.object({ sqid: Sqid, leftOut: z.int().nonnegative() });
export type Landing = z.infer<typeof Landing>;

/** Something has become of a request of the pull request: look. */
export const Look = z.object({
  ...About,
  kind: z.literal("look"),
  id: z.string().min(1).max(520),
  /** Also compare the pull request with what was asked for. */
  verify: z.boolean().default(false),
  /** The landing of a request that no command on GitHub has asked for. */
  landing: Landing.optional(),
});
export type Look = z.infer<typeof Look>;

export const PullMessage = z.discriminatedUnion("kind", [Delivery, Look]);
export type PullMessage = z.infer<typeof PullMessage>;

/** Everything about one pull request, in its order: one function at a time works on a pull request. */
export const pullsTopic: Topic<PullMessage> = {
  name: "pulls",
  schema: PullMessage,
  fifo: {
    group: ({ repository, pull }) => messageId("pull", repository, pull),
    dedup: ({ repository, pull, id }) => messageId("pull", repository, pull, id),
  },
};

/** Where lifecycle events wait for the github service: as EventBridge hands them over, the CloudEvent alone. */
export const eventsTopic = { name: "events" } as const;

// ── what is kept of a pull request ──────────────────────────────────────────────────────────────

/** A pull request of a stack, and the commit that is to land. */
export const Member = z.object({ pull: PullNumber, head: GitSha, base: z.string() });
export type Member = z.infer<typeof Member>;

/** What was asked for: on a pull request, or elsewhere and has landed. */
export const Asked = z.object({
  /**
   * The Idempotency-Key of the Land: `gh-<comment id>`, `gh-label-<delivery id>`, `gh-check-<delivery id>`. Of a request that was asked for
   * elsewhere, which has a key that is not known: `landed-<sqid>`.
   */
  key: z.string().min(1).max(200),
  queue: QueueName,
  changes: z.array(ChangeUri).min(1),
  strategy: MergeStrategy.exactOptional(),
  priority: Priority.exactOptional(),
  /** The lowest first; the last one is the pull request that was asked on. */
  members: z.array(Member).min(1),
  /** The login of the user who asked. Absent for a request that was asked for elsewhere (command line, page, agent, HTTPS) and has landed. */
  by: z.string().exactOptional(),
  /** True when a user had closed the pull request before the landing of a request from elsewhere was told: it gets a comment and no more. */
  wasClosed: z.literal(true).exactOptional(),
  commentId: z.int().exactOptional(),
  at: EpochMs,
  /** Absent as long as the gateway has not answered. */
  sqid: Sqid.exactOptional(),
  /** Why the request is to be cancelled, once it is. */
  cancel: z.string().exactOptional(),
});
export type Asked = z.infer<typeof Asked>;

/** What GitHub shows of a request: what was last written. */
const Shown = z.object({
  checkRunId: z.int().exactOptional(),
  /** The commit that the check run is on. */
  checkOn: GitSha.exactOptional(),
  commentId: z.int().exactOptional(),
  /** The request and its state in one word, as last written: `main/17 queued`. */
  state: z.string().exactOptional(),
  /** The request whose end was told by a comment. */
  endOf: Sqid.exactOptional(),
});
export type Shown = z.infer<typeof Shown>;

export const PullRow = z.object({
  repository: RepositoryName,
  pull: PullNumber,
  asked: Asked.exactOptional(),
  /** Set on the lower pull requests of a stack: the pull request that was asked on. */
  asksOn: PullNumber.exactOptional(),
  shown: Shown,
  /** The keys of the last Lands that were dealt with: a repeat of their delivery asks for nothing. */
  seen: z.array(z.string()).default([]),
  /** True as long as the request has not ended, or its end is not told. */
  open: z.boolean(),
  /** Counts writes. 0: never written. */
  version: z.int().nonnegative(),
});
export type PullRow = z.infer<typeof PullRow>;
