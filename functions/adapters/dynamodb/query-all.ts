import { type DynamoDBDocumentClient, QueryCommand, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import { stored } from "../aws-errors.ts";
import type { Item } from "./stored-item.ts";

/** Every item that a query finds, in the order of the query. One Query per megabyte read. `doing` is the subject of an error's message. */
export async function queryAll(
  dynamodb: DynamoDBDocumentClient,
  doing: string,
  query: Omit<QueryCommandInput, "ExclusiveStartKey" | "Limit">,
): Promise<readonly Item[]> {
  const found: Item[] = [];
  let after: Item | undefined;
  do {
    const page = await stored(doing, dynamodb.send(new QueryCommand({ ...query, ExclusiveStartKey: after })));
    found.push(...(page.Items ?? []));
    after = page.LastEvaluatedKey;
  } while (after !== undefined);
  return found;
}
