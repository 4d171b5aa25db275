import type * as z from "zod";

/**
 * A topic: the schema of its messages, in which group their order is kept, and which repeats are the same message. A standard topic keeps no
 * order and recognises no repeat.
 *
 * A receiver ignores fields that it does not know, so that a sender may be newer than its receiver. The field `v` of a message changes when an
 * older receiver would misread the message.
 */
export interface Topic<M> {
  readonly name: string;
  readonly schema: z.ZodType<M>;
  readonly fifo?: { readonly group: (message: M) => string; readonly dedup: (message: M) => string };
}
