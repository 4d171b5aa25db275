import type { ChangeUri } from "../../contracts/change-uri.ts";
import type { Reason } from "../../contracts/reasons.ts";
import type { Touches } from "../../contracts/touches.ts";

export type TouchesResult =
  | { readonly kind: "touches"; readonly touches: Touches }
  /** The changes can't be read, now or ever: they are unknown, or of a kind that this queue does not take. */
  | { readonly kind: "refused"; readonly reason: Reason };

/** Knows what changes change. Throws repository.unavailable when it can't be reached. */
export interface ChangeProvider {
  /** What the stack touches as a whole: the first change measured from where it left the target branch, each next from the one before. */
  touches(changes: readonly ChangeUri[]): Promise<TouchesResult>;
}
