import { type DynamoDBDocumentClient, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { CodedError } from "../../contracts/errors.ts";
import type { QueueName } from "../../contracts/ids.ts";
import { FIRST_NUMBER, KEY, viewKeys } from "../../contracts/tables.ts";
import type { Summary } from "../../domain/request-log.ts";
import { stored } from "../aws-errors.ts";
import { type Item, readableIn } from "./stored-item.ts";
import { summaryIn } from "./view-items.ts";

/** The requests of a queue that have not been archived. */
export interface LiveSummaries {
  /** By number, oldest first. */
  readonly summaries: readonly Summary[];
  /** True when the queue holds more than `summaries`. */
  readonly more: boolean;
  /** Why requests were left out that can't be read. */
  readonly unreadable: readonly CodedError[];
}

/** Four megabytes are some 2,000 requests. */
const LIVE_PAGES = 4;

/** What the partition of a queue holds from a sort key on: the requests in flight, and `others`, which sort before them. */
export interface LivePartition extends LiveSummaries {
  readonly others: readonly Item[];
  /** The key of the last item read, after which the queue holds more. Undefined when it holds no more. */
  readonly last: Item | undefined;
}

/** One Query per megabyte, at most `pages`. Strongly consistent. */
export async function liveFrom(
  dynamodb: DynamoDBDocumentClient,
  table: string,
  queue: QueueName,
  {
    from,
    after,
    pages = LIVE_PAGES,
  }: { readonly from: string; readonly after?: Item | undefined; readonly pages?: number },
): Promise<LivePartition> {
  const items: Item[] = [];
  let last = after;
  for (let page = 0; page === 0 || (last !== undefined && page < pages); page++) {
    const query = new QueryCommand({
      TableName: table,
      ConsistentRead: true,
      KeyConditionExpression: "#pk = :pk AND #sk >= :from",
      ExpressionAttributeNames: { "#pk": KEY.pk, "#sk": KEY.sk },
      ExpressionAttributeValues: { ":pk": viewKeys.partition(queue), ":from": from },
      ExclusiveStartKey: last,
    });
    const { Items = [], LastEvaluatedKey } = await stored(`reading what ${queue} holds`, dynamodb.send(query));
    items.push(...Items);
    last = LastEvaluatedKey;
  }
  const isRequest = (item: Item) => String(item[KEY.sk]) >= FIRST_NUMBER;
  const unreadable: CodedError[] = [];
  return {
    summaries: items
      .filter(isRequest)
      .flatMap((item) => readableIn(item, summaryIn, (error) => unreadable.push(error))),
    others: items.filter((item) => !isRequest(item)),
    more: last !== undefined,
    unreadable,
    last,
  };
}
