import type { BatchId, QuestionId, QueueName, RequestNumber } from "./ids.ts";

/** Every table has string keys `pk` and `sk`, and `expiresAt` (epoch seconds) as its TTL attribute. */
export const KEY = { pk: "pk", sk: "sk", ttl: "expiresAt" } as const;

/** Numbers as sort keys: zero-padded, so that strings sort as numbers. */
export const padded = (n: number, width = 15): string => String(n).padStart(width, "0");

/**
 * The queues that ever were, in one partition: of the view table what the gateway knows, of the batches table what the orchestrator knows. A
 * queue's name holds no `#`.
 */
export const KNOWN_QUEUES = "#queues";
export const knownKey = (queue: QueueName) => ({ pk: KNOWN_QUEUES, sk: queue as string });

// ── gateway: the request log (append-only) ──────────────────────────────────────────────────────

/** One entry: under its request, by its id, so that a repeat is refused by the condition `attribute_not_exists(pk)`. */
export const logKey = { pk: (sqid: string) => `log#${sqid}`, sk: (eventId: string) => eventId };

// ── gateway: the view table ─────────────────────────────────────────────────────────────────────

/** The partition of the queues' modes. */
export const MODES = "modes";

/** What the partitions of summaries begin with that were moved away from those in flight. */
export const ARCHIVED = "summary#";

export const viewKeys = {
  /** The summary of a request in flight, in one partition per queue: one Query is what the queue holds now. */
  live: (queue: QueueName, n: RequestNumber) => ({ pk: `live#${queue}`, sk: padded(n) }),
  /** The summary of a request that ended some time ago. */
  summary: (queue: QueueName, n: RequestNumber) => ({ pk: `${ARCHIVED}${queue}#${n}`, sk: "summary" }),
  /** A request that ended some time ago, in the order of the ends. */
  ended: (queue: QueueName, endedAt: number, n: RequestNumber) => ({
    pk: `ended#${queue}`,
    sk: `${padded(endedAt)}#${padded(n)}`,
  }),
  /** Immutable pointer: a queue's requests by time of receipt, newest last. */
  received: (queue: QueueName, receivedAt: number, n: RequestNumber) => ({
    pk: `received#${queue}`,
    sk: `${padded(receivedAt)}#${padded(n)}`,
  }),
  /** Immutable pointer: the requests that named a change URI. */
  byChange: (queue: QueueName, uri: string, n: RequestNumber) => ({ pk: `change#${queue}#${uri}`, sk: padded(n) }),
  /** The last number given out in a queue. */
  counter: (queue: QueueName) => ({ pk: `counter#${queue}`, sk: "counter" }),
  /** What an idempotency key was first used for. */
  idempotency: (queue: QueueName, key: string) => ({ pk: `key#${queue}#${key}`, sk: "key" }),
  /** A question of the gateway's, and its answer. */
  question: (queue: QueueName, id: QuestionId) => ({ pk: `question#${queue}#${id}`, sk: "question" }),
  /** How a queue was last told to run. All of them are one partition. */
  mode: (queue: QueueName) => ({ pk: MODES, sk: queue as string }),
  /** Which tests of a queue are flaky. */
  flakes: (queue: QueueName) => ({ pk: `flakes#${queue}`, sk: "flakes" }),
  /** Whether the trunk of a queue is red. */
  trunk: (queue: QueueName) => ({ pk: `trunk#${queue}`, sk: "trunk" }),
  /** What became of the requests that ended in an hour. `hour`: its start. */
  trend: (queue: QueueName, hour: number) => ({ pk: `trends#${queue}`, sk: padded(hour) }),
} as const;

// ── github: pull requests and their requests ────────────────────────────────────────────────────

/** The partition that lists the pull requests with an open request. */
export const OPEN_PULLS = "open";

export const pullKeys = {
  pull: (repository: string, pull: number) => ({ pk: `pull#${repository.toLowerCase()}#${pull}`, sk: "pull" }),
  /** Which pull requests a request is of. */
  request: (sqid: string) => ({ pk: `request#${sqid}`, sk: "request" }),
  /** A pull request with a request, by its head commit. */
  head: (repository: string, head: string, pull: number) => ({
    pk: `head#${repository.toLowerCase()}#${head}`,
    sk: padded(pull),
  }),
  open: (repository: string, pull: number) => ({ pk: OPEN_PULLS, sk: `${repository.toLowerCase()}#${pull}` }),
  /** How much of GitHub's limit of new content is used up, by the start of the period in seconds. */
  used: (repository: string, period: "minute" | "hour", start: number) => ({
    pk: `used#${repository.toLowerCase().split("/")[0]}#${period}`,
    sk: padded(start),
  }),
} as const;

// ── orchestrator: pipeline tables ───────────────────────────────────────────────────────────────

export const requestKey = (queue: QueueName, n: RequestNumber) => ({ pk: queue as string, sk: padded(n) });

/** A claim on a change by one live request, keyed by the change without its commit. */
export const claimKey = (queue: QueueName, change: string) => ({ pk: `${queue}#${change}`, sk: "claim" });

/** Live batches share a partition with their queue's own item, so that one query is a snapshot. */
export const batchKeys = {
  queue: (queue: QueueName) => ({ pk: `${queue}#live`, sk: "queue" }),
  live: (queue: QueueName, id: BatchId) => ({ pk: `${queue}#live`, sk: `batch#${id}` }),
} as const;

export const buildKeys = (buildKey: string) => ({ pk: buildKey, sk: "build" });

/** One part of a payload that is too large for a message or a workflow input; parts count from 1. */
export const payloadKey = (id: string, part: number) => ({ pk: id, sk: padded(part, 4) });
