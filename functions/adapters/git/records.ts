import { z } from "zod";
import { hashOf } from "../../contracts/hash.ts";
import { BatchId, BuildKey, GitSha } from "../../contracts/ids.ts";
import { LandOutcome, type MergeUnit } from "../../contracts/messages.ts";
import type { Committer } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type Made, make } from "./commits.ts";
import { asBytes } from "./encodings.ts";
import { type GitObject, peeled } from "./objects.ts";

// Runway keeps nothing that lasts: what it must remember, it writes into the repository, as annotated tags whose message is JSON, under
// refs of its own and in the same atomic push as what they tell of.

export type LandedOutcome = Extract<LandOutcome, { kind: "landed" }>;

/** At landedRef: how the batch came onto the trunk. `unit` says what it consisted of. */
const LandedRecord = z.object({ v: z.literal(1), unit: z.string(), outcome: LandOutcome });
export interface Landed {
  readonly unit: string;
  /** The last of its commits. */
  readonly commit: GitSha;
  readonly outcome: LandedOutcome;
}

/** What a unit consists of, whatever its id. */
export const fingerprintOf = ({ steps }: MergeUnit): string =>
  hashOf(...steps.flatMap(({ strategy, changes }) => [strategy, ...changes])).slice(0, 32);

/** At composedRef: which commit was composed for this batch, and the commit under the first of its own. */
const ComposedRecord = z.object({ v: z.literal(1), buildKey: BuildKey, commit: GitSha, base: GitSha });
export type ComposedRecord = z.infer<typeof ComposedRecord>;

/** At answerRef: what was answered to one message. */
const AnswerRecord = z.object({
  v: z.literal(1),
  landId: z.string(),
  results: z.array(z.object({ batchId: BatchId, unit: z.string(), outcome: LandOutcome })),
});
export type Answered = z.infer<typeof AnswerRecord>["results"][number];

/** A tag object. The date says how old the record is: refs that nobody needs any more are swept by it. */
function record(target: GitSha, name: string, by: { committer: Committer; now: EpochMs }, content: object): Made {
  const { name: who, email } = by.committer;
  const clean = (text: string) => text.replace(/[<>\n\0]/g, "").trim();
  const tagger = `${clean(who)} <${clean(email)}> ${Math.floor(by.now / 1000)} +0000`;
  const head = `object ${target}\ntype commit\ntag ${name}\ntagger ${tagger}`;
  return make("tag", asBytes(`${head}\n\n${JSON.stringify(content)}\n`));
}

export type Stamp = { readonly committer: Committer; readonly now: EpochMs };

export const landedRecord = (unit: string, outcome: LandedOutcome, stamp: Stamp): Made =>
  record(outcome.commit, "landed", stamp, { v: 1, unit, outcome } satisfies z.input<typeof LandedRecord>);

export const composedRecord = (content: Omit<ComposedRecord, "v">, stamp: Stamp): Made =>
  record(content.commit, "composed", stamp, { v: 1, ...content });

export const answerRecord = (target: GitSha, landId: string, results: readonly Answered[], stamp: Stamp): Made =>
  record(target, "answer", stamp, { v: 1, landId, results });

/** The content of a record; undefined when there is none, or none that we wrote. */
function contentOf<T>(schema: z.ZodType<T>, object: GitObject | undefined): T | undefined {
  if (object?.type !== "tag") return undefined;
  return parsed(schema, object.body.subarray(object.body.indexOf("\n\n") + 2).toString("utf8"));
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function readLanded(object: GitObject | undefined): Landed | undefined {
  const found = contentOf(LandedRecord, object);
  if (object === undefined || found?.outcome.kind !== "landed") return undefined;
  return { unit: found.unit, commit: peeled(object), outcome: found.outcome };
}

export const readAnswer = (object: GitObject | undefined): readonly Answered[] | undefined =>
  contentOf(AnswerRecord, object)?.results;

/** From the text that `for-each-ref` gives for `%(contents)`. */
export const readComposed = (text: string): ComposedRecord | undefined => parsed(ComposedRecord, text);
