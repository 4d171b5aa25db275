import { DeleteCommand, type DynamoDBDocumentClient, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { CodedError } from "../../contracts/errors.ts";
import type { QueueName, RequestNumber } from "../../contracts/ids.ts";
import { FIRST_NUMBER, KEY, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { endIn } from "../../domain/queue-now.ts";
import type { Summary } from "../../domain/request-log.ts";
import { stored, won } from "../aws-errors.ts";
import { getAll } from "./batch-get.ts";
import { queryAll } from "./query-all.ts";
import type { Item } from "./stored-item.ts";
import { Ended, summaryIn } from "./view-items.ts";

/** The requests of a queue that have not been archived. */
export interface LiveSummaries {
  /** By number, oldest first. */
  readonly summaries: readonly Summary[];
  /** True when the queue holds more than `summaries`. */
  readonly more: boolean;
}

/** A request that the orchestrator has not answered yet. */
export type Unanswered = Pick<Summary, "number" | "receivedAt" | "changes">;

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
   * The requests of the queue that the orchestrator has not answered yet: they are in no list (`pointersOf`). Newest first. One Query per
   * megabyte that the queue holds.
   */
  unanswered(queue: QueueName): Promise<readonly Unanswered[]>;
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

  /** One BatchGetItem per 50: a summary has two places. */
  async function read(queue: QueueName, numbers: readonly RequestNumber[]): Promise<Map<RequestNumber, Summary>> {
    const keys = numbers.flatMap((n) => [viewKeys.live(queue, n), viewKeys.summary(queue, n)]);
    const found = (await getAll(dynamodb, table, keys, `reading summaries of ${queue}`)).map(summaryIn);
    const byNumber = new Map<RequestNumber, Summary>();
    for (const summary of found) {
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
      const { summaries, more } = await liveFrom(dynamodb, table, queue, FIRST_NUMBER);
      return { summaries, more };
    },

    async unanswered(queue) {
      const items = await queryAll(dynamodb, `reading what ${queue} holds`, {
        TableName: table,
        ConsistentRead: true,
        ScanIndexForward: false,
        KeyConditionExpression: "#pk = :pk",
        FilterExpression: "#answered = :false",
        ExpressionAttributeNames: { "#pk": KEY.pk, "#answered": "answered" },
        ExpressionAttributeValues: { ":pk": viewKeys.live(queue, 1 as RequestNumber).pk, ":false": false },
      });
      return items.map(summaryIn);
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

/** What the partition of a queue holds from a sort key on: the requests in flight, and `others`, which sort before them. */
export interface LivePartition extends LiveSummaries {
  readonly others: readonly Item[];
}

/** One Query per megabyte, at most four. Strongly consistent. */
export async function liveFrom(
  dynamodb: DynamoDBDocumentClient,
  table: string,
  queue: QueueName,
  from: string,
): Promise<LivePartition> {
  const items: Item[] = [];
  let after: Item | undefined;
  for (let page = 0; page === 0 || (after !== undefined && page < LIVE_PAGES); page++) {
    const query = new QueryCommand({
      TableName: table,
      ConsistentRead: true,
      KeyConditionExpression: "#pk = :pk AND #sk >= :from",
      ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk },
      ExpressionAttributeValues: { ":pk": viewKeys.partition(queue), ":from": from },
      ExclusiveStartKey: after,
    });
    const { Items = [], LastEvaluatedKey } = await stored(`reading what ${queue} holds`, dynamodb.send(query));
    items.push(...Items);
    after = LastEvaluatedKey;
  }
  const isRequest = (item: Item) => String(item[KEY.sk]) >= FIRST_NUMBER;
  return {
    summaries: items.filter(isRequest).map(summaryIn),
    others: items.filter((item) => !isRequest(item)),
    more: after !== undefined,
  };
}

const whileVersion = (version: number) => ({
  ConditionExpression: "#version = :before",
  ExpressionAttributeNames: { "#version": "version" },
  ExpressionAttributeValues: { ":before": version },
});
