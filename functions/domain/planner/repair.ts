import { type Batch, compareLandingOrder, type Path, pathIsActive } from "../batch.ts";
import { mayLand } from "../evidence.ts";
import type { Evidence } from "../queue-index.ts";
import type { BuildProposal } from "../speculation/heads.ts";
import { isOnRed, type Trunk } from "../trunk.ts";
import type { Draft } from "./draft.ts";

/**
 * What is built while the trunk is red: each speculating batch alone on the trunk, since any of them may be the repair. The order is:
 * 1. Batches that arrived since the trunk became red, as the likeliest repairs. Then all others.
 * 2. Within each of the two groups, the higher priority first, then landing order.
 *
 * A batch is left out while it is being built alone, when it has passed alone on the red trunk, when it has failed alone on the newest commit
 * more often than the queue's `retries`, and when it did not apply to that commit. Empty while a batch is landing, because the trunk is about
 * to move.
 *
 * Example: A ← B wait, and the trunk is red. R arrives with the repair. The builds are {R}, {A} and {B}, in this order.
 */
export function repairProposals(draft: Draft): BuildProposal[] {
  const { index, trunk } = draft;
  if (isLanding(draft)) return [];
  const since = trunk.red?.since ?? 0;
  const isLate = (i: number) => index.batch(i).createdAt >= since;
  const waiting = [...index.batches.keys()].filter((i) => index.batch(i).state === "speculating");
  return waiting
    .filter((i) => {
      const alone = index.batch(i).paths.filter((path) => path.heads.length === 1 && path.base.length === 0);
      if (alone.some(pathIsActive) || repairOf(draft, i) !== undefined) return false;
      const failed = alone.filter((path) => path.state === "failed" && isOnNewest(trunk, path));
      return failed.length <= draft.config.retries && !failed.some(({ unappliable }) => unappliable !== undefined);
    })
    .sort((a, b) => Number(isLate(b)) - Number(isLate(a)) || compareUrgency(index.batch(a), index.batch(b)))
    .map((i) => ({ heads: [i], assumedLanded: [], logProbability: 0 }));
}

/** True when the path was composed on the newest known commit of the trunk, or was to be composed since that commit is known. */
const isOnNewest = ({ unproven, knownAt }: Trunk, { composed, startedAt }: Path): boolean =>
  composed === undefined ? startedAt >= knownAt : composed.trunk === unproven.at(-1);

/** The higher priority first, also of batches on probation. Within a priority, landing order. */
const compareUrgency = (a: Batch, b: Batch): number => b.priority - a.priority || compareLandingOrder(a, b);

const isLanding = ({ index }: Draft): boolean => index.batches.some(({ state }) => state === "landing");

/**
 * The one batch that may land while the trunk is red, with its evidence: the first in landing order that has passed alone on the red trunk and
 * has a position. Undefined when there is none, or while another batch is landing.
 */
export function selectRepair(draft: Draft): { readonly index: number; readonly evidence: Evidence } | undefined {
  const { index } = draft;
  if (isLanding(draft)) return undefined;
  const inOrder = [...index.batches.keys()]
    .filter((i) => mayLand(index, i))
    .sort((a, b) => compareLandingOrder(index.batch(a), index.batch(b)));
  for (const i of inOrder) {
    const evidence = repairOf(draft, i);
    if (evidence !== undefined) return { index: i, evidence };
  }
  return undefined;
}

/** A passed build of batch i on the red trunk, with no other head and no unlanded conflict of batch i in its tree. Undefined when there is none. */
function repairOf({ index, trunk }: Draft, i: number): Evidence | undefined {
  return index.evidenceOf(i).find(({ passed, path, tree: built }) => {
    const isAlone = path.heads.length === 1 && built.agreesWith(index.landed, index.unbypassedConflicts(i));
    return passed && isAlone && path.composed !== undefined && isOnRed(trunk, path.composed.trunk, path.startedAt);
  });
}
