import * as z from "zod";
import { hashOf } from "./hash.ts";

/** A named lane onto one target branch of one repository. */
export const QueueName = z
  .string()
  .max(100, "a queue name has at most 100 characters")
  .regex(/^[a-z0-9][a-z0-9._-]*$/, "a queue name matches [a-z0-9][a-z0-9._-]*")
  .brand<"QueueName">();
export type QueueName = z.infer<typeof QueueName>;

/** The number of a request within its queue: from 1, unique, with gaps. */
export const RequestNumber = z.int().positive().max(999_999_999_999).brand<"RequestNumber">();
export type RequestNumber = z.infer<typeof RequestNumber>;

/** The id of a land request: `<queue>/<n>`. */
export const Sqid = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}\/[1-9][0-9]{0,11}$/, "a sqid is <queue>/<n>")
  .brand<"Sqid">();
export type Sqid = z.infer<typeof Sqid>;

export const sqidOf = (queue: QueueName, n: RequestNumber): Sqid => `${queue}/${n}` as Sqid;

/** A queue's name holds no slash, so the first one divides. */
export function partsOfSqid(sqid: Sqid): { queue: QueueName; n: RequestNumber } {
  const [queue, n] = sqid.split("/");
  return { queue: queue as QueueName, n: Number(n) as RequestNumber };
}

/** The id of a batch: `<queue>/batch/<n>`, where n is the number of its request. 0 stands for the trunk itself (`trunkIdOf`). */
export const BatchId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}\/batch\/(0|[1-9][0-9]{0,11})$/)
  .brand<"BatchId">();
export type BatchId = z.infer<typeof BatchId>;

/** The id of the batch of a request. */
export const batchIdOf = (sqid: Sqid): BatchId => {
  const { queue, n } = partsOfSqid(sqid);
  return `${queue}/batch/${n}` as BatchId;
};

/** What a build of the queue's trunk itself is for, in the place of a batch. */
export const trunkIdOf = (queue: QueueName): BatchId => `${queue}/batch/0` as BatchId;

/** The request of a batch: the inverse of `batchIdOf`. */
export const sqidOfBatch = (id: BatchId): Sqid => id.replace("/batch/", "/") as Sqid;

/** The last segment of a batch id, which is its request's number: `7` of `main/batch/7`. */
export const batchLabel = (id: BatchId): string => id.slice(id.lastIndexOf("/") + 1);

/** One attempt at building one path. Hex, 32 characters: fits execution names, message ids and git refs. */
export const BuildKey = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<"BuildKey">();
export type BuildKey = z.infer<typeof BuildKey>;

/** Names one deployment of a queue: a queue that is deployed anew, or twice, numbers its batches from 1 again. Chosen at random, once. */
export const Installation = z.string().min(1).max(64);
export type Installation = z.infer<typeof Installation>;

/** The installation that a string which was never given out before stands for: 32 hex digits. */
export const installationOf = (nonce: string): Installation => hashOf("installation", nonce).slice(0, 32);

/** The key of a batch's `count`th build in one installation. */
export const buildKeyOf = (installation: Installation, batchId: BatchId, count: number): BuildKey =>
  hashOf("build", installation, batchId, count).slice(0, 32) as BuildKey;

/** Names a question: 32 hex digits. */
export const QuestionId = z
  .string()
  .regex(/^[0-9a-f]{32}$/, "the id of a trial or a preflight is 32 hex digits")
  .brand<"QuestionId">();
export type QuestionId = z.infer<typeof QuestionId>;

/** The id of the question that the parts make up: the same for the same parts. */
export const questionIdOf = (...parts: readonly (string | number)[]): QuestionId =>
  hashOf("question", ...parts).slice(0, 32) as QuestionId;

/** An SQS message group or deduplication id: hashed, since sqids and paths outgrow the 128 characters that SQS allows. */
export const messageId = (...parts: readonly (string | number)[]): string => hashOf(...parts).slice(0, 64);

/** The name of a Step Functions execution (at most 80 of [A-Za-z0-9-_]): readable first, hashed for uniqueness. */
export const executionName = (...parts: readonly (string | number)[]): string =>
  `${parts
    .join("-")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .slice(0, 50)}-${hashOf(...parts).slice(0, 24)}`;

/** A git commit or tree id: 40 lowercase hex digits. */
export const GitSha = z
  .string()
  .regex(/^[0-9a-f]{40}$/, "a commit is 40 lowercase hex digits")
  .brand<"GitSha">();
export type GitSha = z.infer<typeof GitSha>;
