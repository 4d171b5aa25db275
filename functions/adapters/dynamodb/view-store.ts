import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { ChangeUri } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type QueueName, RequestNumber } from "../../contracts/ids.ts";
import { KEY, viewKeys } from "../../contracts/tables.ts";
import { CLOCKS_DIFFER_MS, EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { getAll } from "./batch-get.ts";
import type { OnUnreadable } from "./stored-item.ts";
import { type ViewFlakes, viewFlakes } from "./view-flakes.ts";
import { type FirstUse, firstUseIn, type ModeSet, modeIn } from "./view-items.ts";
import { type ViewListings, viewListings } from "./view-listings.ts";
import { type ViewModes, viewModes } from "./view-modes.ts";
import { type ViewNow, viewNow } from "./view-now.ts";
import { type ViewQuestions, viewQuestions } from "./view-questions.ts";
import { refusedIn, type ViewRefusals, viewRefusals } from "./view-refusals.ts";
import { type ViewSummaries, viewSummaries } from "./view-summaries.ts";
import { type ViewTrends, viewTrends } from "./view-trends.ts";
import { type ViewTrunks, viewTrunks } from "./view-trunks.ts";

/** How long an idempotency key is remembered. */
const KEY_LIVES_SECONDS = 24 * 60 * 60;

/** A key that is remembered for longer was used under a clock that was wrong, and counts as expired. */
const LONGEST_KEY_SECONDS = KEY_LIVES_SECONDS + CLOCKS_DIFFER_MS / 1_000;

/** DynamoDB removes an expired item up to days late, so a reader checks the item's date. */
const secondsOf = (at: EpochMs): number => Math.floor(at / 1000);

/** The number of a new request, and the time that counts as its receipt. */
interface Minted {
  readonly number: RequestNumber;
  readonly receivedAt: EpochMs;
}

/** What a Land has to know before it is accepted. */
export interface BeforeLand {
  /** The first use of the idempotency key. Absent when the key is new, or was first used more than a day ago. */
  readonly first?: FirstUse;
  /** Absent when the queue's mode was never set. */
  readonly mode?: ModeSet;
  /** By change, in the order asked: the requests that named it and were refused, within the last days. Newest first. */
  readonly refused: readonly (readonly RequestNumber[])[];
}

/**
 * The view table: what the gateway knows of each request beside the request log. Every method throws store.unavailable or internal, and
 * store.unreadable for the item that it reads. An item that can't be read is left out of a list; why is given to `onUnreadable`, or is in the
 * answer. Every method is one call, and every read is strongly consistent, unless the docstring says otherwise.
 */
export interface ViewStore
  extends ViewSummaries,
    ViewListings,
    ViewModes,
    ViewNow,
    ViewQuestions,
    ViewRefusals,
    ViewTrends,
    ViewTrunks,
    ViewFlakes {
  /** What a Land has to know. One BatchGetItem. */
  beforeLand(
    queue: QueueName,
    asked: { readonly key?: string | undefined; readonly changes: readonly ChangeUri[] },
    now: EpochMs,
  ): Promise<BeforeLand>;
  /** Stores the first use of an idempotency key. False when the key is in use already. */
  claimKey(queue: QueueName, key: string, use: FirstUse, now: EpochMs): Promise<boolean>;
  /** True when the queue has ever given out a number. */
  hasMinted(queue: QueueName): Promise<boolean>;
  /**
   * The queue's next number, from 1, and its time of receipt. Times of receipt do not decrease as numbers grow, although the clocks of two
   * instances may differ: `receivedAt` is `now`, or the time of the number before when `now` is earlier than that (then two calls). With one
   * exception: a time before that is minutes ahead of `now` was a wrong clock's, and `receivedAt` is then `now`.
   */
  mint(queue: QueueName, now: EpochMs): Promise<Minted>;
}

export function viewStore(dynamodb: DynamoDBDocumentClient, table: string, onUnreadable: OnUnreadable): ViewStore {
  const put = (Item: { pk: string; sk: string; [name: string]: unknown }, condition = {}) =>
    dynamodb.send(new PutCommand({ TableName: table, Item, ...condition }));

  return {
    ...viewSummaries(dynamodb, table, onUnreadable),
    ...viewListings(dynamodb, table, onUnreadable),
    ...viewModes(dynamodb, table),
    ...viewNow(dynamodb, table),
    ...viewQuestions(dynamodb, table),
    ...viewRefusals(dynamodb, table),
    ...viewTrends(dynamodb, table),
    ...viewTrunks(dynamodb, table),
    ...viewFlakes(dynamodb, table),
    ...counting(dynamodb, table),

    async beforeLand(queue, { key, changes }, now) {
      const of = { mode: viewKeys.mode(queue), refused: changes.map((uri) => viewKeys.refused(queue, uri)) };
      const keys = [of.mode, ...of.refused, ...(key === undefined ? [] : [viewKeys.idempotency(queue, key)])];
      const items = await getAll(dynamodb, table, keys, `reading what a Land to ${queue} has to know`);
      const at = ({ pk, sk }: (typeof keys)[number]) =>
        items.find((item) => item[KEY.pk] === pk && item[KEY.sk] === sk);
      const used = key === undefined ? undefined : at(viewKeys.idempotency(queue, key));
      const mode = at(of.mode);
      const leftSeconds = Number(used?.[KEY.ttl] ?? 0) - secondsOf(now);
      return {
        ...(used === undefined || leftSeconds <= 0 || leftSeconds > LONGEST_KEY_SECONDS
          ? {}
          : { first: firstUseIn(used) }),
        ...(mode === undefined ? {} : { mode: modeIn(mode) }),
        refused: of.refused.map((place) => refusedIn(at(place))),
      };
    },

    claimKey: (queue, key, use, now) =>
      won(
        `claiming an idempotency key of ${queue}`,
        put(
          { ...viewKeys.idempotency(queue, key), ...use, [KEY.ttl]: secondsOf(now) + KEY_LIVES_SECONDS },
          {
            ConditionExpression: "attribute_not_exists(#pk) OR #ttl <= :now OR #ttl > :longest",
            ExpressionAttributeNames: { "#pk": KEY.pk, "#ttl": KEY.ttl },
            ExpressionAttributeValues: {
              ":now": secondsOf(now),
              ":longest": secondsOf(now) + LONGEST_KEY_SECONDS,
            },
          },
        ),
      ),
  };
}

const counting = (dynamodb: DynamoDBDocumentClient, table: string): Pick<ViewStore, "hasMinted" | "mint"> => ({
  async hasMinted(queue) {
    const get = new GetCommand({ TableName: table, Key: viewKeys.counter(queue), ConsistentRead: true });
    return (await stored(`reading the counter of ${queue}`, dynamodb.send(get))).Item !== undefined;
  },

  async mint(queue, now) {
    const Key = viewKeys.counter(queue);
    const update = { TableName: table, Key, ReturnValues: "ALL_NEW" } as const;
    const doing = `minting a number in ${queue}`;
    const advance = new UpdateCommand({
      ...update,
      UpdateExpression: "SET #last = :now ADD #n :one",
      ConditionExpression: "attribute_not_exists(#last) OR #last <= :now OR #last > :ahead",
      ExpressionAttributeNames: { "#n": "n", "#last": "lastAt" },
      ExpressionAttributeValues: { ":one": 1, ":now": now, ":ahead": now + CLOCKS_DIFFER_MS },
    });
    try {
      return mintedIn((await stored(doing, dynamodb.send(advance))).Attributes);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "store.version_conflict") throw error;
    }
    const count = new UpdateCommand({
      ...update,
      UpdateExpression: "ADD #n :one",
      ExpressionAttributeNames: { "#n": "n" },
      ExpressionAttributeValues: { ":one": 1 },
    });
    return mintedIn((await stored(doing, dynamodb.send(count))).Attributes);
  },
});

const Counter = z.object({ n: RequestNumber, lastAt: EpochMs });

function mintedIn(item: unknown): Minted {
  const { n, lastAt } = Counter.parse(item);
  return { number: n, receivedAt: lastAt };
}
