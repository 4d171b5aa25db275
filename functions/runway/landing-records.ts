import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { type Made, make } from "../adapters/git/commits.ts";
import { asBytes } from "../adapters/git/encodings.ts";
import type { GitObject } from "../adapters/git/object-reader.ts";
import { branchRef, pathRef } from "../contracts/build-refs.ts";
import { ChangeUri } from "../contracts/change-uri.ts";
import { hashOf } from "../contracts/hash.ts";
import { BatchId, BuildKey, GitSha, QueueName } from "../contracts/ids.ts";
import { LandOutcome } from "../contracts/messages/landing-messages.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { Committer } from "../contracts/queues.ts";
import { EpochMs } from "../contracts/time.ts";
import { type Addressed, type Entry, entryName, type Keeper, newestOf } from "./records-tree.ts";

// Runway keeps no state of its own. Its records are in the repository: landings and answers in the tree of the target's records ref, composed
// commits in annotated tags. Each record is JSON, and is pushed in the same atomic push as the commits that it is about.

/** The outcome of a batch that has landed. */
export type LandedOutcome = Extract<LandOutcome, { kind: "landed" }>;

/** A record is signed with the name of the installation that wrote it, which other users who may push do not know. */
const Signed = z.object({ v: z.literal(2), content: z.string(), mac: z.string() });

/** The landing of a batch. `unit`: the fingerprint of what the batch consisted of. */
const LandedRecord = z.object({ batchId: BatchId, unit: z.string(), outcome: LandOutcome });
/** The landing of a batch, as its record tells. `unit`: the fingerprint of what the batch consisted of (`fingerprintOf`). */
export interface Landed {
  readonly unit: string;
  /** The last of the batch's commits. */
  readonly commit: GitSha;
  readonly outcome: LandedOutcome;
}

/** A hash of what a unit consists of, without its id: the same for the same requests, changes and strategies. */
export const fingerprintOf = ({ steps }: MergeUnit): string =>
  hashOf(...steps.flatMap(({ strategy, changes }) => [strategy, ...changes])).slice(0, 32);

/** The answer to one message. */
const AnswerRecord = z.object({
  landId: z.string(),
  results: z.array(z.object({ batchId: BatchId, unit: z.string(), outcome: LandOutcome })),
});
export type Answered = z.infer<typeof AnswerRecord>["results"][number];

/** The last batch that the host refused without saying what its rule is about: the host's words, and the trunk at that time. */
const DeclinedRecord = z.object({ batchId: BatchId, words: z.string(), trunk: GitSha });
export type Declined = z.infer<typeof DeclinedRecord>;

const landedKey = ({ installation }: Keeper, batchId: BatchId): string => hashOf("landed", installation, batchId);
const answerKey = ({ installation }: Keeper, queue: QueueName, landId: string): string =>
  hashOf("answer", installation, queue, landId);
const declinedKey = ({ installation }: Keeper): string => hashOf("declined", installation);

/** The address, in the records tree, of the record of the batch's landing. */
export const landedAt = (keeper: Keeper, batchId: BatchId): Addressed => entryName(landedKey(keeper, batchId));
/** The address of the record of the answer to a message. */
export const answerAt = (keeper: Keeper, queue: QueueName, landId: string): Addressed =>
  entryName(answerKey(keeper, queue, landId));
/** The address of the record of the last refusal whose rule is not known. */
export const declinedAt = (keeper: Keeper): Addressed => entryName(declinedKey(keeper));

/** The record of a landing, to be written. */
export const landedEntry = (keeper: Keeper, batchId: BatchId, unit: string, outcome: LandedOutcome): Entry => ({
  at: landedAt(keeper, batchId),
  blob: signed(keeper, landedAt(keeper, batchId), { batchId, unit, outcome }),
});
/** The record of the answer to a message, to be written. */
export const answerEntry = (keeper: Keeper, queue: QueueName, landId: string, results: readonly Answered[]): Entry => ({
  at: answerAt(keeper, queue, landId),
  blob: signed(keeper, answerAt(keeper, queue, landId), { landId, results }),
});
/** The record of a refusal whose rule is not known, to be written. */
export const declinedEntry = (keeper: Keeper, content: Declined): Entry => ({
  at: declinedAt(keeper),
  blob: signed(keeper, declinedAt(keeper), content),
});

const macOf = ({ installation }: Keeper, at: string, content: string): string =>
  createHmac("sha256", installation).update(`${at}\n${content}`).digest("hex");

const signed = (keeper: Keeper, at: Addressed, value: object): Made =>
  make("blob", asBytes(`${sealed(keeper, at, value)}\n`));

/** A line of JSON that holds a value, signed by this installation for an address: a ref, or a place in the records tree. */
export function sealed(keeper: Keeper, at: string, value: object): string {
  const content = JSON.stringify(value);
  return JSON.stringify({ v: 2, content, mac: macOf(keeper, at, content) });
}

/** The value of a line that this installation signed for the address. Undefined for any other text. */
export function unsealed<T>(schema: z.ZodType<T>, keeper: Keeper, at: string, line: string): T | undefined {
  const record = parsed(Signed, line);
  if (record === undefined) return undefined;
  const [mac, expected] = [record.mac, macOf(keeper, at, record.content)].map((text) => Buffer.from(text));
  if (!mac || !expected || mac.length !== expected.length || !timingSafeEqual(mac, expected)) return undefined;
  return parsed(schema, record.content);
}

/** The newest record at an address. Undefined when there is none, or none that this installation wrote there. */
function read<T>(schema: z.ZodType<T>, keeper: Keeper, at: Addressed, seen: Seen): T | undefined {
  const object = newestOf(keeper, at, seen);
  return object?.type === "blob" ? unsealed(schema, keeper, at, object.body.toString("utf8")) : undefined;
}

type Seen = ReadonlyMap<string, GitObject>;

/** The record of the batch's landing, among the objects that were read. Undefined when there is none that this installation wrote. */
export function readLanded(keeper: Keeper, batchId: BatchId, seen: Seen): Landed | undefined {
  const found = read(LandedRecord, keeper, landedAt(keeper, batchId), seen);
  if (found?.outcome.kind !== "landed" || found.batchId !== batchId) return undefined;
  return { unit: found.unit, commit: found.outcome.commit, outcome: found.outcome };
}

/** The recorded answer to a message. Undefined when there is none that this installation wrote. */
export const readAnswer = (
  keeper: Keeper,
  queue: QueueName,
  landId: string,
  seen: Seen,
): readonly Answered[] | undefined => read(AnswerRecord, keeper, answerAt(keeper, queue, landId), seen)?.results;

/** The last recorded refusal whose rule is not known. Undefined when there is none that this installation wrote. */
export const readDeclined = (keeper: Keeper, seen: Seen): Declined | undefined =>
  read(DeclinedRecord, keeper, declinedAt(keeper), seen);

/**
 * The record at `composedRef`: the commit that was composed for this batch, the commit below the batch's own commits, and the time from which
 * no build can need the composed commit any more. `idle` names the batch's changes that added no commit.
 */
const ComposedRecord = z.object({
  v: z.literal(2),
  buildKey: BuildKey,
  /**
   * The queue whose branch holds the commit. Absent when a path ref holds it. The name of a queue and no other text, because the ref to
   * delete is derived from it.
   */
  branchOf: QueueName.optional(),
  commit: GitSha,
  base: GitSha,
  until: EpochMs,
  idle: z.array(ChangeUri).default([]),
});
export type ComposedRecord = z.infer<typeof ComposedRecord>;

/** Where the composed commit was pushed. */
export const refOf = ({ buildKey, branchOf }: Pick<ComposedRecord, "buildKey" | "branchOf">): string =>
  branchOf === undefined ? pathRef(buildKey) : branchRef(branchOf, buildKey);

/** Who makes a commit or a tag, and when. */
export type Stamp = { readonly committer: Committer; readonly now: EpochMs };

/** The committer and the time as git stores them in an object: `<name> <<email>> <seconds> +0000`. */
export function identity({ committer: { name, email }, now }: Stamp): string {
  const clean = (text: string) => text.replace(/[<>\n\0]/g, "").trim();
  return `${clean(name)} <${clean(email)}> ${Math.floor(now / 1000)} +0000`;
}

/** An annotated tag that points at the composed commit. */
export function composedRecord(content: Omit<ComposedRecord, "v">, stamp: Stamp): Made {
  const head = `object ${content.commit}\ntype commit\ntag composed\ntagger ${identity(stamp)}`;
  return make("tag", asBytes(`${head}\n\n${JSON.stringify({ v: 2, ...content })}\n`));
}

/** The record in the text that `for-each-ref` prints for `%(contents)`. Undefined when the text is no record. */
export const readComposed = (text: string): ComposedRecord | undefined => parsed(ComposedRecord, text);

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
