import type { Ahead } from "../adapters/git/refusals.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { Tip } from "./tip.ts";

interface Addition {
  readonly kind: "applied";
  readonly tip: Tip;
  /** The new commits along first parents, from the old tip (excluded) to the new one, oldest first. For a merge: the merge commit alone. */
  readonly commits: readonly GitSha[];
}
/** A unit, or one change of it, that does not apply. */
export interface Refused {
  readonly kind: "refused";
  readonly reason: Reason;
  /** The paths in conflict, of a merge conflict. */
  readonly conflicts?: readonly string[];
  /** The reason of a merge conflict, when it is known which requests ahead it is with. */
  readonly reasonWith?: (ahead: Ahead) => Reason;
}

/** A merge conflict in some paths. `isAhead`: the change was put onto more than the trunk. */
export const conflicting = (
  paths: readonly string[],
  isAhead: boolean,
  reasonWith: (ahead: Ahead) => Reason,
): Refused => ({
  kind: "refused",
  reason: reasonWith({ kind: isAhead ? "unnamed" : "none" }),
  conflicts: paths,
  reasonWith,
});

/** The result of applying one change to a tip. */
export type Applied = Addition | Refused;

/**
 * The result of applying all changes of a unit to a tip. `idle`: the changes that added no commit, because the tip had their content already.
 * `ends`: the last commit of each change, without those.
 */
export type AppliedUnit =
  | (Addition & { readonly idle: readonly ChangeUri[]; readonly ends: ReadonlyMap<ChangeUri, GitSha> })
  | Refused;
