import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { BatchId, BuildKey, GitSha, QueueName } from "../../contracts/ids.ts";
import { Composed } from "../../contracts/messages.ts";
import { buildKeys, KEY } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { FORMAT, parseItem } from "./stored-item.ts";

const KEEP_SECONDS = 30 * 86_400;

/** One build that a runner was, or is about to be, asked for. */
export const Build = z.object({
  buildKey: BuildKey,
  queue: QueueName,
  batchId: BatchId,
  composed: Composed,
  /** The commit under all that the build is for; the trunk that it was composed on when absent. */
  under: GitSha.optional(),
  startedAt: EpochMs,
  /** Running longer than that, it is stopped and has failed. */
  deadline: EpochMs,
  /** Why we asked it to stop, once we have: a build that stopped though nobody asked is another matter. */
  stop: z.enum(["unwanted", "deadline"]).optional(),
  /** When it was asked to stop. */
  stoppedAt: EpochMs.optional(),
  url: z.string().optional(),
  /** The CI system's own name of the build. */
  id: z.string().optional(),
});
export type Build = z.infer<typeof Build>;

/** The builds by their keys. Each method is one call. All throw store.unavailable. */
export class BuildsStore {
  readonly #dynamodb: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(dynamodb: DynamoDBDocumentClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /** Strongly consistent. Undefined when no runner was ever asked. */
  async get(buildKey: BuildKey): Promise<Build | undefined> {
    const { Item } = await stored(
      `reading build ${buildKey}`,
      this.#dynamodb.send(new GetCommand({ TableName: this.#table, Key: buildKeys(buildKey), ConsistentRead: true })),
    );
    return Item === undefined ? undefined : parseItem(Build, Item, `build ${buildKey}`);
  }

  /** False when it exists already: its commit and its deadline stand. */
  create(build: Build): Promise<boolean> {
    const Item = {
      ...buildKeys(build.buildKey),
      v: FORMAT,
      ...build,
      [KEY.ttl]: Math.floor(build.startedAt / 1_000) + KEEP_SECONDS,
    };
    return won(
      `creating build ${build.buildKey}`,
      this.#dynamodb.send(
        new PutCommand({ TableName: this.#table, Item, ConditionExpression: "attribute_not_exists(pk)" }),
      ),
    );
  }

  /** Records facts about a build that exists; undefined ones are left as they are. */
  async note(buildKey: BuildKey, facts: Partial<Pick<Build, "stop" | "stoppedAt" | "url" | "id">>): Promise<void> {
    const known = Object.entries(facts).filter(([, value]) => value !== undefined);
    await won(
      `writing build ${buildKey}`,
      this.#dynamodb.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: buildKeys(buildKey),
          UpdateExpression: `SET ${known.map(([name]) => `#${name} = :${name}`).join(", ")}`,
          ConditionExpression: "attribute_exists(pk)",
          ExpressionAttributeNames: Object.fromEntries(known.map(([name]) => [`#${name}`, name])),
          ExpressionAttributeValues: Object.fromEntries(known.map(([name, value]) => [`:${name}`, value])),
        }),
      ),
    );
  }
}
