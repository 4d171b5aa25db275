import type { ChangeUri } from "../contracts/change-uri.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { Tip } from "./tip.ts";

interface Addition {
  readonly kind: "applied";
  readonly tip: Tip;
  /** The commits on the line from the old tip to the new, oldest first: of a merge, the merge commit alone. */
  readonly commits: readonly GitSha[];
}
interface Refused {
  readonly kind: "refused";
  readonly reason: Reason;
  /** The paths in conflict, of a merge conflict. */
  readonly conflicts?: readonly string[];
}

/** What came of putting one change onto a tip. */
export type Applied = Addition | Refused;

/** What came of putting all changes of a unit onto a tip. `idle` names the changes that added no commit: the tip held what they hold. */
export type AppliedUnit = (Addition & { readonly idle: readonly ChangeUri[] }) | Refused;
