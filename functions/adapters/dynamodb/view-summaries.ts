import { setTimeout as pause } from "node:timers/promises";
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
} from "@aws-sdk/lib-dynamodb";
import { CodedError } from "../../contracts/errors.ts";
import type { QueueName, RequestNumber } from "../../contracts/ids.ts";
import { KEY, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { endIn } from "../../domain/queue-now.ts";
import type { Summary } from "../../domain/request-log.ts";
import { stored, won } from "../aws-errors.ts";
import { Ended, summaryIn } from "./view-items.ts";

/** DynamoDB's bound on one BatchGetItem is 100 keys, and a summary has two places. */
const SUMMARIES_PER_CALL = 50;
const BATCH_ATTEMPTS = 6;

/** The requests of a queue that have not been archived. */
export interface LiveSummaries {
  /** By number, oldest first. */
  readonly summaries: readonly Summary[];
  /** True when the queue holds more than `summaries`. */
  readonly more: boolean;
}

/**
 * The part of the view table that holds the summaries of requests. A summary lies in the partition of its queue's requests in flight until
 * some time after the request has ended; then the summary is archived, which moves it to a place of its own. During the move the summary lies
 * in both places, and the copy with the greater version counts. Every read is strongly consistent. Every method throws store.unavailable or
 * internal.
 */
export interface ViewSummaries {
  /** Undefined when the request does not exist. One BatchGetItem, two when the first finds no summary. */
  summary(queue: QueueName, n: RequestNumber): Promise<Summary | undefined>;
  /** The summaries in the order of the numbers. One BatchGetItem per 50. Throws internal when a summary is missing. */
  summaries(queue: QueueName, numbers: readonly RequestNumber[]): Promise<Summary[]>;
  /** False when the summary exists already. One PutItem. */
  createSummary(summary: Summary): Promise<boolean>;
  /** Writes `next` in the place of `before`. False when another writer changed or moved the summary since `before` was read. One PutItem. */
  replaceSummary(next: Summary, before: Summary): Promise<boolean>;
  /** The requests of the queue that have not been archived. One Query per megabyte, at most four. */
  live(queue: QueueName): Promise<LiveSummaries>;
  /**
   * Archives the summary of a request that has ended, and lists the request among the ended ones. Two PutItem and one DeleteItem, each of which
   * may be repeated. A summary that another writer has changed since it was read is not removed from the requests in flight.
   */
  archive(summary: Summary): Promise<void>;
  /**
   * The archived requests that ended since `since`, latest first, and the ones before them that fill the last page of 100. One Query per 100.
   */
  endedSince(queue: QueueName, since: EpochMs): Promise<readonly Ended[]>;
}

export const viewSummaries = (dynamodb: DynamoDBDocumentClient, table: string): ViewSummaries => {
  const put = (Item: Record<string, unknown>, condition: object = {}) =>
    dynamodb.send(new PutCommand({ TableName: table, Item, ...condition }));

  /**
   * The summaries that exist, of these numbers. A summary may be moved between the reads of its two places and then be found in neither, so the
   * numbers without a summary are read once more. One BatchGetItem per 50 of both.
   */
  async function existing(queue: QueueName, numbers: readonly RequestNumber[]): Promise<Map<RequestNumber, Summary>> {
    const found = await read(queue, numbers);
    const missing = numbers.filter((n) => !found.has(n));
    if (missing.length > 0) for (const [n, summary] of await read(queue, missing)) found.set(n, summary);
    return found;
  }

  /** One BatchGetItem per 50, and again for what a throttled table left out. */
  async function read(queue: QueueName, numbers: readonly RequestNumber[]): Promise<Map<RequestNumber, Summary>> {
    const chunks = Array.from({ length: Math.ceil(numbers.length / SUMMARIES_PER_CALL) }, (_, i) =>
      numbers.slice(i * SUMMARIES_PER_CALL, (i + 1) * SUMMARIES_PER_CALL),
    );
    const found = await Promise.all(chunks.map((chunk) => batchOf(dynamodb, table, queue, chunk)));
    const byNumber = new Map<RequestNumber, Summary>();
    for (const summary of found.flat()) {
      const other = byNumber.get(summary.number);
      if (other === undefined || other.version <= summary.version) byNumber.set(summary.number, summary);
    }
    return byNumber;
  }

  return {
    summary: async (queue, n) => (await existing(queue, [n])).get(n),

    async summaries(queue, numbers) {
      const found = await existing(queue, numbers);
      return numbers.map((n) => {
        const summary = found.get(n);
        // A listing's item is written after the summary, so a listed request without a summary is damage, and the caller must be told.
        if (summary === undefined) throw new CodedError("internal", `${queue}/${n} is listed but has no summary`);
        return summary;
      });
    },

    createSummary: (summary) =>
      won(
        `creating the summary of ${summary.sqid}`,
        put(
          { ...viewKeys.live(summary.queue, summary.number), ...summary },
          { ConditionExpression: "attribute_not_exists(#pk)", ExpressionAttributeNames: { "#pk": KEY.pk } },
        ),
      ),

    replaceSummary: (next, before) => {
      const { archived, ...item } = next;
      const keys = archived ? viewKeys.summary : viewKeys.live;
      return won(
        `replacing the summary of ${next.sqid}`,
        put({ ...keys(next.queue, next.number), ...item }, whileVersion(before.version)),
      );
    },

    async live(queue) {
      const summaries: Summary[] = [];
      let after: Record<string, unknown> | undefined;
      for (let page = 0; page < LIVE_PAGES; page++) {
        const { pk } = viewKeys.live(queue, 1 as RequestNumber);
        const query = new QueryCommand({
          TableName: table,
          ConsistentRead: true,
          KeyConditionExpression: "#pk = :pk",
          ExpressionAttributeNames: { "#pk": KEY.pk },
          ExpressionAttributeValues: { ":pk": pk },
          ExclusiveStartKey: after,
        });
        const { Items = [], LastEvaluatedKey } = await stored(`reading what ${queue} holds`, dynamodb.send(query));
        summaries.push(...Items.map(summaryIn));
        after = LastEvaluatedKey;
        if (after === undefined) return { summaries, more: false };
      }
      return { summaries, more: true };
    },

    async archive(summary) {
      const { queue, number, version, sqid } = summary;
      const { archived: _, ...item } = summary;
      const listed = endIn(summary);
      if (listed === undefined) throw new Error(`${sqid} has not ended`);
      await Promise.all([
        won(
          `archiving ${sqid}`,
          put(
            { ...viewKeys.summary(queue, number), ...item },
            {
              ConditionExpression: "attribute_not_exists(#pk) OR #version <= :version",
              ExpressionAttributeNames: { "#pk": KEY.pk, "#version": "version" },
              ExpressionAttributeValues: { ":version": version },
            },
          ),
        ),
        stored(`listing the end of ${sqid}`, put({ ...viewKeys.ended(queue, listed.endedAt, number), ...listed })),
      ]);
      const gone = { TableName: table, Key: viewKeys.live(queue, number), ...whileVersion(version) };
      await won(`archiving ${sqid}`, dynamodb.send(new DeleteCommand(gone)));
    },

    async endedSince(queue, since) {
      const ended: Ended[] = [];
      let after: Record<string, unknown> | undefined;
      do {
        const query = new QueryCommand({
          TableName: table,
          ConsistentRead: true,
          ScanIndexForward: false,
          Limit: ENDED_PER_CALL,
          KeyConditionExpression: "#pk = :pk",
          ExpressionAttributeNames: { "#pk": KEY.pk },
          ExpressionAttributeValues: { ":pk": viewKeys.ended(queue, 0, 1 as RequestNumber).pk },
          ExclusiveStartKey: after,
        });
        const page = await stored(`reading what ended in ${queue}`, dynamodb.send(query));
        ended.push(...(page.Items ?? []).map((item) => Ended.parse(item)));
        after = page.LastEvaluatedKey;
      } while (after !== undefined && (ended.at(-1)?.endedAt ?? 0) >= since);
      return ended;
    },
  };
};

const ENDED_PER_CALL = 100;

/** Four megabytes are some 2,000 requests. */
const LIVE_PAGES = 4;

const whileVersion = (version: number) => ({
  ConditionExpression: "#version = :before",
  ExpressionAttributeNames: { "#version": "version" },
  ExpressionAttributeValues: { ":before": version },
});

async function batchOf(
  dynamodb: DynamoDBDocumentClient,
  table: string,
  queue: QueueName,
  numbers: readonly RequestNumber[],
): Promise<Summary[]> {
  const summaries: Summary[] = [];
  let Keys: Record<string, unknown>[] = numbers.flatMap((n) => [viewKeys.live(queue, n), viewKeys.summary(queue, n)]);
  for (let attempt = 0; Keys.length > 0; attempt++) {
    if (attempt === BATCH_ATTEMPTS)
      throw new CodedError("store.unavailable", `${Keys.length} summaries of ${queue} were not read`);
    if (attempt > 0) await pause(10 * 2 ** attempt);
    const get = new BatchGetCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } });
    const { Responses, UnprocessedKeys } = await stored(`reading summaries of ${queue}`, dynamodb.send(get));
    summaries.push(...(Responses?.[table] ?? []).map(summaryIn));
    Keys = UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return summaries;
}
