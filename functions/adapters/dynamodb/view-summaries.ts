import { DeleteCommand, type DynamoDBDocumentClient, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { CodedError } from "../../contracts/errors.ts";
import { type QueueName, RequestNumber } from "../../contracts/ids.ts";
import { ABOUT, KEY, viewKeys } from "../../contracts/tables.ts";
import { type EpochMs, isAhead } from "../../contracts/time.ts";
import { endIn } from "../../domain/queue-now.ts";
import type { Summary } from "../../domain/request-log.ts";
import { stored, won } from "../aws-errors.ts";
import { getAll } from "./batch-get.ts";
import { queryAll } from "./query-all.ts";
import { type Item, type OnUnreadable, parseItem, readableIn } from "./stored-item.ts";
import { Ended, type ModeSet, modeIn, summaryIn } from "./view-items.ts";
import { type LiveSummaries, liveFrom } from "./view-live.ts";

interface LivePage extends Pick<LiveSummaries, "summaries" | "unreadable"> {
  /** Undefined when the queue's mode was never set, and in every page but the first. */
  readonly mode: ModeSet | undefined;
}

/** A request that the orchestrator has not answered yet. */
type Unanswered = Pick<Summary, "number" | "receivedAt" | "changes">;

/**
 * The part of the view table that holds the summaries of requests. A summary lies in the partition of its queue's requests in flight until
 * some time after the request has ended; then the summary is archived, which moves it to a place of its own. During the move the summary lies
 * in both places, and the copy with the greater version counts. Every read is strongly consistent. Every method throws store.unavailable or
 * internal. An item that can't be read is left out of a list.
 */
export interface ViewSummaries {
  /** Undefined when the request does not exist. One BatchGetItem, two when the first finds no summary. Throws store.unreadable. */
  summary(queue: QueueName, n: RequestNumber): Promise<Summary | undefined>;
  /**
   * The summaries of these requests. A request is left out whose summary can't be read, or is missing although a list names the request. One
   * BatchGetItem per 50, one more when one is missing.
   */
  summaries(queue: QueueName, numbers: readonly RequestNumber[]): Promise<ReadonlyMap<RequestNumber, Summary>>;
  /** False when the summary exists already. One PutItem. */
  createSummary(summary: Summary): Promise<boolean>;
  /** Writes `next` in the place of `before`. False when another writer changed or moved the summary since `before` was read. One PutItem. */
  replaceSummary(next: Summary, before: Summary): Promise<boolean>;
  /**
   * The mode that the queue was last set to, in the first page, and every request that has not been archived, oldest first: a megabyte a page.
   * One Query per page.
   */
  live(queue: QueueName): AsyncIterable<LivePage>;
  /**
   * The requests of the queue that the orchestrator has not answered yet: they are in no list (`pointersOf`). Newest first. One Query per
   * megabyte that the queue holds.
   */
  unanswered(queue: QueueName): Promise<readonly Unanswered[]>;
  /**
   * Archives the summary of a request that has ended, and lists the request among the ended ones. Two PutItem and one DeleteItem, each of which
   * may be repeated. A summary that another writer has changed since it was read is not removed from the requests in flight. An end that a wrong
   * clock has written, ahead of `now`, is listed at `now`.
   */
  archive(summary: Summary, now: EpochMs): Promise<void>;
  /**
   * The archived requests that ended from `since` to `until`, latest first, and the ones before them that fill the last page of 100. An end after
   * `until` was listed under a wrong clock. One Query per 100.
   */
  endedBetween(queue: QueueName, since: EpochMs, until: EpochMs): Promise<readonly Ended[]>;
}

export const viewSummaries = (
  dynamodb: DynamoDBDocumentClient,
  table: string,
  onUnreadable: OnUnreadable,
): ViewSummaries => {
  const put = (Item: Record<string, unknown>, condition: object = {}) =>
    dynamodb.send(new PutCommand({ TableName: table, Item, ...condition }));

  /**
   * The summaries that exist, of these numbers. A summary may be moved between the reads of its two places and then be found in neither, so the
   * numbers without a summary are read once more. One BatchGetItem per 50 of both.
   */
  async function existing(
    queue: QueueName,
    numbers: readonly RequestNumber[],
    ifUnreadable: OnUnreadable,
  ): Promise<Map<RequestNumber, Summary>> {
    const found = await read(queue, numbers, () => undefined);
    const missing = numbers.filter((n) => !found.has(n));
    if (missing.length > 0) for (const [n, summary] of await read(queue, missing, ifUnreadable)) found.set(n, summary);
    return found;
  }

  /** One BatchGetItem per 50: a summary has two places. */
  async function read(
    queue: QueueName,
    numbers: readonly RequestNumber[],
    ifUnreadable: OnUnreadable,
  ): Promise<Map<RequestNumber, Summary>> {
    const keys = numbers.flatMap((n) => [viewKeys.live(queue, n), viewKeys.summary(queue, n)]);
    const items = await getAll(dynamodb, table, keys, `reading summaries of ${queue}`);
    const found = items.flatMap((item) => readableIn(item, summaryIn, ifUnreadable));
    const byNumber = new Map<RequestNumber, Summary>();
    for (const summary of found) {
      const other = byNumber.get(summary.number);
      if (other === undefined || other.version <= summary.version) byNumber.set(summary.number, summary);
    }
    return byNumber;
  }

  return {
    async summary(queue, n) {
      const unreadable: CodedError[] = [];
      const summary = (await existing(queue, [n], (error) => unreadable.push(error))).get(n);
      if (summary === undefined && unreadable[0] !== undefined) throw unreadable[0];
      return summary;
    },

    async summaries(queue, numbers) {
      const unreadable: CodedError[] = [];
      const found = await existing(queue, numbers, (error) => unreadable.push(error));
      for (const error of unreadable) onUnreadable(error);
      // A listing's item is written after the summary, so a listed request without a summary is damage.
      const missing = numbers.filter((n) => !found.has(n)).length - unreadable.length;
      if (missing > 0)
        onUnreadable(new CodedError("store.unreadable", `${missing} listed requests of ${queue} have no summary`));
      return found;
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

    async *live(queue) {
      let after: Item | undefined;
      do {
        const page = await liveFrom(dynamodb, table, queue, { from: ABOUT.mode, after, pages: 1 });
        const unreadable = [...page.unreadable];
        const [mode] = page.others
          .filter((item) => item[KEY.sk] === ABOUT.mode)
          .flatMap((item) => readableIn(item, modeIn, (error) => unreadable.push(error)));
        yield { summaries: page.summaries, unreadable, mode };
        after = page.last;
      } while (after !== undefined);
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
      return items.flatMap((item) => readableIn(item, summaryIn, onUnreadable));
    },

    async archive(summary, now) {
      const { queue, number, version, sqid } = summary;
      const { archived: _, ...item } = summary;
      const end = endIn(summary);
      if (end === undefined) throw new Error(`${sqid} has not ended`);
      const listed = isAhead(end.endedAt, now) ? { ...end, endedAt: now } : end;
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

    async endedBetween(queue, since, until) {
      const { pk, sk: latest } = viewKeys.ended(queue, until, LAST_NUMBER);
      const ended: Ended[] = [];
      let after: Record<string, unknown> | undefined;
      do {
        const query = new QueryCommand({
          TableName: table,
          ConsistentRead: true,
          ScanIndexForward: false,
          Limit: ENDED_PER_CALL,
          KeyConditionExpression: "#pk = :pk AND #sk <= :latest",
          ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk },
          ExpressionAttributeValues: { ":pk": pk, ":latest": latest },
          ExclusiveStartKey: after,
        });
        const page = await stored(`reading what ended in ${queue}`, dynamodb.send(query));
        ended.push(...(page.Items ?? []).flatMap((item) => readableIn(item, endedIn, onUnreadable)));
        after = page.LastEvaluatedKey;
      } while (after !== undefined && Number(String(after[KEY.sk]).split("#", 1)[0]) >= since);
      return ended;
    },
  };
};

const endedIn = (item: Item): Ended => parseItem(Ended, item, `the end ${item[KEY.pk]} ${item[KEY.sk]}`);

const ENDED_PER_CALL = 100;

/** Behind the numbers of all requests that ended at one time. */
const LAST_NUMBER = RequestNumber.parse(999_999_999_999);

const whileVersion = (version: number) => ({
  ConditionExpression: "#version = :before",
  ExpressionAttributeNames: { "#version": "version" },
  ExpressionAttributeValues: { ":before": version },
});
