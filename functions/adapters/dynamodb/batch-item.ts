import * as z from "zod";
import { ChangeUri } from "../../contracts/change-uri.ts";
import { BatchId, BuildKey, QueueName, Sqid } from "../../contracts/ids.ts";
import { Blocker, LogEvent } from "../../contracts/log-event.ts";
import { Composed } from "../../contracts/messages/merge-unit.ts";
import { Priority } from "../../contracts/queues.ts";
import { Reason } from "../../contracts/reasons.ts";
import { MergeStrategy } from "../../contracts/strategy.ts";
import { EpochMs } from "../../contracts/time.ts";
import type { Batch } from "../../domain/batch.ts";
import { FORMAT, type Item, parseItem } from "./stored-item.ts";

/** Fields that a later release added are kept when this release writes the batch again. */
const StoredPath = z.looseObject({
  buildKey: BuildKey,
  attempt: z.int().positive(),
  heads: z.array(BatchId).min(1),
  base: z.array(BatchId),
  without: z.array(BatchId),
  state: z.enum(["building", "cancelling", "passed", "failed", "cancelled"]),
  tests: z.enum(["everything", "affected"]).exactOptional(),
  dispatched: z.boolean(),
  startedAt: EpochMs,
  endedAt: EpochMs.exactOptional(),
  composed: Composed.exactOptional(),
  reason: Reason.exactOptional(),
  unappliable: BatchId.exactOptional(),
  setAside: z.enum(["unproven", "nothing"]).exactOptional(),
  url: z.string().exactOptional(),
});

export const StoredTouches = z.object({
  paths: z.union([z.array(z.string()), z.literal("everything")]),
  files: z.int(),
  additions: z.int(),
  deletions: z.int(),
  authors: z.array(z.string()),
  targets: z.array(z.string()).exactOptional(),
  messages: z.array(z.string()).exactOptional(),
});

const StoredBatchRequest = z.looseObject({
  sqid: Sqid,
  changes: z.array(ChangeUri),
  strategy: MergeStrategy,
  receivedAt: EpochMs,
  version: z.int().positive().default(1),
  touches: StoredTouches,
});

const StoredLanding = z.looseObject({
  landId: z.string(),
  landedTogether: z.array(BatchId).min(1),
  buildKey: BuildKey,
  tested: Composed,
  bundle: z.array(BatchId).exactOptional(),
  bypassed: z.array(BatchId).exactOptional(),
  repair: z.boolean().exactOptional(),
  sentAt: EpochMs.exactOptional(),
  held: z.object({ since: EpochMs, reason: Reason }).exactOptional(),
});

const StoredBatch: z.ZodType<Batch> = z.looseObject({
  queue: QueueName,
  id: BatchId,
  arrival: z.int().positive(),
  position: z.int().positive().exactOptional(),
  nextPosition: z.int().positive(),
  priority: Priority.default(0),
  priorityCount: z.int().positive().exactOptional(),
  request: StoredBatchRequest,
  conflicts: z.union([z.array(BatchId), z.literal("every")]),
  state: z.enum(["speculating", "landing", "cancelling", "landed", "failed", "cancelled"]),
  paths: z.array(StoredPath),
  buildCount: z.int().nonnegative(),
  landing: StoredLanding.exactOptional(),
  landed: z.object({ commit: z.string(), tree: z.string() }).exactOptional(),
  reason: Reason.exactOptional(),
  blocked: z.object({ by: Blocker, on: z.array(BatchId) }).exactOptional(),
  outbox: z.array(LogEvent).default([]),
  concluded: z.boolean().default(false),
  createdAt: EpochMs,
  endedAt: EpochMs.exactOptional(),
  version: z.int().positive(),
});

/** The batch in a stored item. Throws store.unreadable. */
export function batchIn(item: Item): Batch {
  const { pk, sk, expiresAt: _ttl, v, ...stored } = item;
  const prefix = prefixOf(String(item["queue"]));
  const batch = changeLists(stored, (list) => spread(list, prefix));
  const { v: _v, ...parsed } = parseItem(
    StoredBatch,
    { ...batch, ...(v === undefined ? {} : { v }) },
    `${pk} ${sk}`,
  ) as Batch & { v?: unknown };
  return parsed;
}

/** The stored item of a batch, without its key. */
export const itemOf = (batch: Batch): Item => ({
  v: FORMAT,
  ...changeLists({ ...batch }, (list) => packed(list, prefixOf(batch.queue))),
});

/** A list of at least this many batch ids is stored as one text, which takes a tenth of the room or less and is quicker to read. */
const LONG = 16;

const prefixOf = (queue: string): string => `${queue}/batch/`;

/** A list of batch ids as it is stored. Example: `["q/batch/7", "q/batch/8", "q/batch/9", "q/batch/12", …]` is stored as `"7-9 12 …"`. */
const packed = (list: unknown, prefix: string): unknown =>
  Array.isArray(list) && list.length >= LONG && list.every((id) => String(id).startsWith(prefix))
    ? inRanges(list.map((id) => String(id).slice(prefix.length))).join(" ")
    : list;

const WHOLE_NUMBER = /^[1-9][0-9]{0,14}$/;
const RANGE = /^([0-9]+)-([0-9]+)$/;

/** The labels, in the same order. Each run of three or more numbers that follow each other becomes one entry, such as `7-9`. */
function inRanges(labels: readonly string[]): string[] {
  const entries: string[] = [];
  for (let from = 0; from < labels.length; ) {
    const first = labels[from] ?? "";
    let to = from + 1;
    if (WHOLE_NUMBER.test(first)) while (labels[to] === String(Number(first) + to - from)) to++;
    if (to - from >= 3) entries.push(`${first}-${labels[to - 1]}`);
    else entries.push(...labels.slice(from, to));
    from = to;
  }
  return entries;
}

function labelsIn(entry: string): string[] {
  const [, first, last] = RANGE.exec(entry) ?? [];
  if (first === undefined) return [entry];
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => String(Number(first) + i));
}

/** The list of batch ids in a stored text: the inverse of `packed`. A text that is no list is answered as it is: `conflicts` may be `every`. */
const spread = (list: unknown, prefix: string): unknown =>
  typeof list === "string" && list !== "every"
    ? list.split(" ").flatMap((entry) => labelsIn(entry).map((label) => prefix + label))
    : list;

/** Applies `change` to every list of batch ids within a batch. */
function changeLists(batch: Item, change: (list: unknown) => unknown): Item {
  const within = (value: unknown, ...names: readonly string[]): unknown =>
    typeof value !== "object" || value === null
      ? value
      : Object.fromEntries(
          Object.entries(value).map(([name, item]) => [name, names.includes(name) ? change(item) : item]),
        );
  const { paths, landing, blocked } = batch;
  return {
    ...batch,
    conflicts: change(batch["conflicts"]),
    ...(Array.isArray(paths) ? { paths: paths.map((path) => within(path, "heads", "base", "without")) } : {}),
    ...(landing === undefined ? {} : { landing: within(landing, "landedTogether", "bundle", "bypassed") }),
    ...(blocked === undefined ? {} : { blocked: within(blocked, "on") }),
  };
}
