import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { CodedError } from "../../contracts/errors.ts";
import { type Member, PullNumber, PullRow, RepositoryName } from "../../contracts/github.ts";
import type { GitSha, Sqid } from "../../contracts/ids.ts";
import { KEY, OPEN_PULLS, pullKeys } from "../../contracts/tables.ts";
import { type EpochMs, epochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { queryAll } from "./query-all.ts";
import { type Item, type OnUnreadable, parseItem, readableIn } from "./stored-item.ts";

/** How many days the row of a pull request without an open request is kept. */
const KEPT_DAYS = 90;

/**
 * GitHub accepts 80 pieces of new content a minute and 500 an hour from one installation of the App. Some are left for the App's other calls.
 */
export const CONTENT_LIMITS = { minute: 70, hour: 450 } as const;

export interface PullRef {
  readonly repository: RepositoryName;
  readonly pull: number;
}

const Placed = z.object({ repository: RepositoryName, pulls: z.array(PullNumber).min(1) });
const AtHead = z.object({ pull: PullNumber });
const Opened = z.object({ repository: RepositoryName, pull: PullNumber });

/**
 * The pull requests with a request. Every method throws store.unavailable or internal, and store.unreadable for the item that it reads. An item
 * that can't be read is left out of a list, and given to `onUnreadable`. Reads are strongly consistent.
 */
export interface PullsStore {
  /** Undefined when the pull request has no row. One GetItem. */
  get(of: PullRef): Promise<PullRow | undefined>;
  /**
   * Writes the next version of a row: one PutItem, and one PutItem or DeleteItem that lists it as open or not. Throws store.version_conflict
   * when another function wrote meanwhile. Answers the row as written.
   */
  put(row: PullRow, now: EpochMs): Promise<PullRow>;
  /** Stores the pull requests that a request lands, the lowest of the stack first. One PutItem, and one for each pull request. */
  place(sqid: Sqid, repository: RepositoryName, members: readonly Member[], now: EpochMs): Promise<void>;
  /** The pull requests with that head for which `place` was called. One Query. */
  pullsAt(repository: RepositoryName, head: GitSha): Promise<readonly number[]>;
  /** The pull requests that a request lands. Undefined when `place` was never called for the request. One GetItem. */
  placeOf(
    sqid: string,
  ): Promise<{ readonly repository: RepositoryName; readonly pulls: readonly number[] } | undefined>;
  /** Every pull request with an open request: one Query per megabyte. */
  open(): Promise<readonly PullRef[]>;
  /** Counts one piece of new content: two UpdateItem. Throws github.limited, with the time to come back, when the limit is used up. */
  spend(repository: RepositoryName, now: EpochMs): Promise<void>;
}

const nameOf = (item: Item) => `${item[KEY.pk]} ${item[KEY.sk]}`;
const atHeadIn = (item: Item) => parseItem(AtHead, item, nameOf(item));
const openedIn = (item: Item) => parseItem(Opened, item, nameOf(item));

const seconds = (at: number): number => Math.floor(at / 1_000);
const expiry = (now: EpochMs) => ({ [KEY.ttl]: seconds(now) + KEPT_DAYS * 86_400 });

export function pullsStore(dynamodb: DynamoDBDocumentClient, table: string, onUnreadable: OnUnreadable): PullsStore {
  async function read(Key: Record<string, string>): Promise<Record<string, unknown> | undefined> {
    const get = new GetCommand({ TableName: table, Key, ConsistentRead: true });
    return (await stored(`reading ${Key["pk"]}`, dynamodb.send(get))).Item;
  }

  async function list({ repository, pull, open }: PullRow): Promise<void> {
    const Key = pullKeys.open(repository, pull);
    const write = open
      ? new PutCommand({ TableName: table, Item: { ...Key, repository, pull } })
      : new DeleteCommand({ TableName: table, Key });
    await stored(`listing ${repository}#${pull}`, dynamodb.send(write as PutCommand));
  }

  async function count(repository: RepositoryName, period: "minute" | "hour", now: EpochMs): Promise<void> {
    const length = period === "minute" ? 60 : 3_600;
    const start = Math.floor(seconds(now) / length) * length;
    const counted = await won(
      `counting what ${repository} was told`,
      dynamodb.send(
        new UpdateCommand({
          TableName: table,
          Key: pullKeys.used(repository, period, start),
          UpdateExpression: "ADD #used :one SET #ttl = :ttl",
          ConditionExpression: "attribute_not_exists(#used) OR #used < :most",
          ExpressionAttributeNames: { "#used": "used", "#ttl": KEY.ttl },
          ExpressionAttributeValues: { ":one": 1, ":most": CONTENT_LIMITS[period], ":ttl": start + 2 * 86_400 },
        }),
      ),
    );
    if (!counted)
      throw new CodedError("github.limited", `the content that GitHub takes in this ${period} is used up`, {
        detail: { retryAt: epochMs((start + length) * 1_000) },
      });
  }

  return {
    async get({ repository, pull }) {
      const item = await read(pullKeys.pull(repository, pull));
      return item === undefined ? undefined : parseItem(PullRow, item, `the row of ${repository}#${pull}`);
    },
    async put(row, now) {
      const next = { ...row, version: row.version + 1 };
      // The list is written before a row becomes open, and after a row is no longer open, so that every open row is always in the list.
      if (next.open) await list(next);
      const written = await won(
        `writing ${row.repository}#${row.pull}`,
        dynamodb.send(
          new PutCommand({
            TableName: table,
            Item: { ...pullKeys.pull(row.repository, row.pull), ...next, ...(next.open ? {} : expiry(now)) },
            ConditionExpression: row.version === 0 ? "attribute_not_exists(#pk)" : "#version = :version",
            ExpressionAttributeNames: row.version === 0 ? { "#pk": KEY.pk } : { "#version": "version" },
            ...(row.version === 0 ? {} : { ExpressionAttributeValues: { ":version": row.version } }),
          }),
        ),
      );
      if (!written)
        throw new CodedError("store.version_conflict", `${row.repository}#${row.pull} was written meanwhile`);
      if (!next.open) await list(next);
      return next;
    },
    async place(sqid, repository, members, now) {
      const put = (Item: Record<string, unknown>) =>
        stored(
          `placing ${sqid}`,
          dynamodb.send(new PutCommand({ TableName: table, Item: { ...Item, ...expiry(now) } })),
        );
      const pulls = members.map(({ pull }) => pull);
      await put({ ...pullKeys.request(sqid), repository, pulls });
      await Promise.all(members.map(({ pull, head }) => put({ ...pullKeys.head(repository, head, pull), pull })));
    },
    async pullsAt(repository, head) {
      const items = await queryAll(dynamodb, `the pull requests at ${head}`, {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": KEY.pk },
        ExpressionAttributeValues: { ":pk": pullKeys.head(repository, head, 0).pk },
      });
      return items.flatMap((item) => readableIn(item, atHeadIn, onUnreadable)).map(({ pull }) => pull);
    },
    async placeOf(sqid) {
      const item = await read(pullKeys.request(sqid));
      return item === undefined ? undefined : parseItem(Placed, item, `the pull requests of ${sqid}`);
    },
    async open() {
      const items = await queryAll(dynamodb, "listing the open pull requests", {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "#pk = :pk",
        ExpressionAttributeNames: { "#pk": KEY.pk },
        ExpressionAttributeValues: { ":pk": OPEN_PULLS },
      });
      return items.flatMap((item) => readableIn(item, openedIn, onUnreadable));
    },
    async spend(repository, now) {
      await count(repository, "minute", now);
      await count(repository, "hour", now);
    },
  };
}
