import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { afterAll } from "vitest";
import { startDynalite } from "../../support/dynalite.ts";

/** The client of an emulator with one table, which is there until the end of the file. Awaited at the top of a test file. */
export async function clientWith(table: string): Promise<DynamoDBDocumentClient> {
  const { client, stop } = await startDynalite(table);
  afterAll(stop);
  return client;
}
