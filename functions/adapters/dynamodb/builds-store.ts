import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { BatchId, BuildKey, GitSha, QueueName } from "../../contracts/ids.ts";
import { Composed } from "../../contracts/messages/merge-unit.ts";
import { buildKeys, KEY } from "../../contracts/tables.ts";
import { EpochMs } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { FORMAT, parseItem } from "./stored-item.ts";

const KEEP_SECONDS = 30 * 86_400;

const Outcome = z.object({
  result: z.enum(["passed", "failed", "cancelled", "infrastructure"]),
  message: z.string().exactOptional(),
  url: z.string().exactOptional(),
  /** By the queue's clock. Absent when the CI system did not say, and in a row of an earlier release. */
  endedAt: EpochMs.exactOptional(),
});

/** One build that the build runner was asked for, or is about to be asked for. */
export const Build = z.object({
  buildKey: BuildKey,
  queue: QueueName,
  batchId: BatchId,
  composed: Composed,
  /** The commit that the heads of the build were composed on. Absent when that is the trunk which `composed` names. */
  under: GitSha.optional(),
  startedAt: EpochMs,
  /** How long the build will probably take; 0 or absent when unknown. */
  expectedSeconds: z.int().nonnegative().optional(),
  /** A build that still runs at this time is stopped, and has failed. */
  deadline: EpochMs,
  /**
   * Why the orchestrator asked the build to stop: no batch needs the build any more (unwanted), the build ran past its deadline, or the build
   * waited too long in the CI system's own queue (waiting). Undefined when the orchestrator did not ask: then a build that was cancelled was
   * cancelled in the CI system.
   */
  stop: z.enum(["unwanted", "deadline", "waiting"]).optional(),
  /** True once the planner and the request log were sent the verdict. */
  reported: z.boolean().optional(),
  /** When the orchestrator asked the build to stop. */
  stoppedAt: EpochMs.optional(),
  url: z.string().optional(),
  /** The CI system's own name of the build. */
  id: z.string().optional(),
  /**
   * How the build ended, as the CI system reported. A second report does not change the first. Only for CI systems that report by themselves.
   */
  outcome: Outcome.optional(),
});
export type Build = z.infer<typeof Build>;

/** The builds by their keys. Every method is one call, and throws store.unavailable. */
export interface BuildsStore {
  /** Strongly consistent. Undefined when no runner was ever asked for the build. Throws store.unreadable. */
  get(buildKey: BuildKey): Promise<Build | undefined>;
  /** False when the build is stored already: its commit and its deadline stay as they are. */
  create(build: Build): Promise<boolean>;
  /** Stores how a build of that commit ended. False when no such build is stored, or when an end is stored already. */
  settle(buildKey: BuildKey, commit: GitSha, outcome: NonNullable<Build["outcome"]>): Promise<boolean>;
  /** Stores facts about a build; undefined ones stay as they are. Does nothing when the build is not stored. */
  note(
    buildKey: BuildKey,
    facts: Partial<Pick<Build, "stop" | "stoppedAt" | "url" | "id" | "reported" | "deadline">>,
  ): Promise<void>;
}

export function buildsStore(dynamodb: DynamoDBDocumentClient, table: string): BuildsStore {
  const keyOf = (buildKey: BuildKey) => ({ TableName: table, Key: buildKeys(buildKey) });
  return {
    async get(buildKey) {
      const get = new GetCommand({ ...keyOf(buildKey), ConsistentRead: true });
      const { Item } = await stored(`reading build ${buildKey}`, dynamodb.send(get));
      return Item === undefined ? undefined : parseItem(Build, Item, `build ${buildKey}`);
    },

    create(build) {
      const expiresAt = Math.floor(build.startedAt / 1_000) + KEEP_SECONDS;
      const Item = { ...buildKeys(build.buildKey), v: FORMAT, ...build, [KEY.ttl]: expiresAt };
      const put = new PutCommand({ TableName: table, Item, ConditionExpression: "attribute_not_exists(pk)" });
      return won(`creating build ${build.buildKey}`, dynamodb.send(put));
    },

    settle(buildKey, commit, outcome) {
      const update = new UpdateCommand({
        ...keyOf(buildKey),
        UpdateExpression: "SET #outcome = :outcome",
        ConditionExpression: "#composed.#commit = :commit AND attribute_not_exists(#outcome)",
        ExpressionAttributeNames: { "#outcome": "outcome", "#composed": "composed", "#commit": "commit" },
        ExpressionAttributeValues: { ":outcome": outcome, ":commit": commit },
      });
      return won(`ending build ${buildKey}`, dynamodb.send(update));
    },

    async note(buildKey, facts) {
      const known = Object.entries(facts).filter(([, value]) => value !== undefined);
      const update = new UpdateCommand({
        ...keyOf(buildKey),
        UpdateExpression: `SET ${known.map(([name]) => `#${name} = :${name}`).join(", ")}`,
        ConditionExpression: "attribute_exists(pk)",
        ExpressionAttributeNames: Object.fromEntries(known.map(([name]) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(known.map(([name, value]) => [`:${name}`, value])),
      });
      await won(`writing build ${buildKey}`, dynamodb.send(update));
    },
  };
}
