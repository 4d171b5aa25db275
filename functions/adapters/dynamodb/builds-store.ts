import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";
import { BatchId, BuildKey, GitSha, QueueName, Sqid } from "../../contracts/ids.ts";
import { Composed } from "../../contracts/messages.ts";
import { buildKeys, KEY } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { FORMAT, parseItem } from "./stored-item.ts";

const KEEP_SECONDS = 30 * 86_400;

const Outcome = z.object({
  result: z.enum(["passed", "failed", "cancelled", "infrastructure"]),
  message: z.string().exactOptional(),
  url: z.string().exactOptional(),
});

/** One build that a runner was, or is about to be, asked for. */
export const Build = z.object({
  buildKey: BuildKey,
  queue: QueueName,
  batchId: BatchId,
  composed: Composed,
  /** The commit under all that the build is for; the trunk that it was composed on when absent. */
  under: GitSha.optional(),
  startedAt: EpochMs,
  /** The requests that it is for, and which attempt it is: what a report tells. Absent in a row of an earlier deployment. */
  sqids: z.array(Sqid).optional(),
  attempt: z.int().positive().optional(),
  /** How long it will probably take; 0 or absent when nobody knows. */
  expectedSeconds: z.int().nonnegative().optional(),
  /** Running longer than that, it is stopped and has failed. */
  deadline: EpochMs,
  /**
   * Why the orchestrator asked the build to stop: no batch needs it any more, it took too long, or it waited too long in the CI system's own
   * queue. Undefined when it did not ask: then a build that stops was stopped by another hand.
   */
  stop: z.enum(["unwanted", "deadline", "waiting"]).optional(),
  /** True once the planner and the log have been told how it came out. */
  reported: z.boolean().optional(),
  /** When it was asked to stop. */
  stoppedAt: EpochMs.optional(),
  url: z.string().optional(),
  /** The CI system's own name of the build. */
  id: z.string().optional(),
  /** How it ended, as the CI system has told by itself. The first word stands. Only of a runner that is told the result. */
  outcome: Outcome.optional(),
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

  /** Stores how a build of that commit ended. False when there is no such build, or when it had ended already. */
  settle(buildKey: BuildKey, commit: GitSha, outcome: NonNullable<Build["outcome"]>): Promise<boolean> {
    return won(
      `ending build ${buildKey}`,
      this.#dynamodb.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: buildKeys(buildKey),
          UpdateExpression: "SET #outcome = :outcome",
          ConditionExpression: "#composed.#commit = :commit AND attribute_not_exists(#outcome)",
          ExpressionAttributeNames: { "#outcome": "outcome", "#composed": "composed", "#commit": "commit" },
          ExpressionAttributeValues: { ":outcome": outcome, ":commit": commit },
        }),
      ),
    );
  }

  /** Records facts about a build that exists; undefined ones are left as they are. */
  async note(
    buildKey: BuildKey,
    facts: Partial<Pick<Build, "stop" | "stoppedAt" | "url" | "id" | "reported">>,
  ): Promise<void> {
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
