import { goesAhead, pathIsActive } from "../batch.ts";
import { mayLand } from "../evidence.ts";
import type { Evidence } from "../queue-index.ts";
import type { BuildProposal } from "../speculation/heads.ts";
import { isOnRed } from "../trunk.ts";
import type { Draft } from "./draft.ts";

/**
 * What is built while the trunk is red: each waiting batch alone on the trunk, since any of them may be the repair. Batches that arrived
 * since the trunk is red come first, as the likeliest repairs; then all others in landing order. A batch is built as often on one commit as
 * the queue builds any change before it is rejected. None is built while a batch is landing, for the trunk is about to move.
 *
 * Example: A ← B wait, and the trunk is red. R arrives with the repair. {R} is built first, then {A} and {B}.
 */
export function repairProposals(draft: Draft): BuildProposal[] {
  const { index, trunk } = draft;
  if (isLanding(draft)) return [];
  const newest = trunk.unproven.at(-1);
  const since = trunk.red?.since ?? 0;
  const isLate = (i: number) => index.batch(i).createdAt >= since;
  const waiting = [...index.batches.keys()].filter((i) => index.batch(i).state === "speculating");
  return waiting
    .filter((i) => {
      const alone = index.batch(i).paths.filter((path) => path.heads.length === 1 && path.base.length === 0);
      const onNewest = alone.filter(({ composed, state }) => state === "failed" && composed?.trunk === newest);
      return !alone.some(pathIsActive) && onNewest.length <= draft.config.retries && repairOf(draft, i) === undefined;
    })
    .sort((a, b) => Number(isLate(b)) - Number(isLate(a)) || (goesAhead(index.batch(a), index.batch(b)) ? -1 : 1))
    .map((i) => ({ heads: [i], assumedLanded: [], logProbability: 0 }));
}

const isLanding = ({ index }: Draft): boolean => index.batches.some(({ state }) => state === "landing");

/**
 * The one batch that lands while the trunk is red: the first that has passed alone on the red trunk. Undefined when there is none, or while
 * another batch is landing.
 */
export function selectRepair(draft: Draft): { readonly index: number; readonly evidence: Evidence } | undefined {
  const { index } = draft;
  if (isLanding(draft)) return undefined;
  const found = [...index.batches.keys()]
    .filter((i) => mayLand(index, i))
    .sort((a, b) => (goesAhead(index.batch(a), index.batch(b)) ? -1 : 1));
  for (const i of found) {
    const evidence = repairOf(draft, i);
    if (evidence !== undefined) return { index: i, evidence };
  }
  return undefined;
}

/** The passed build of batch i alone on the red trunk. */
function repairOf({ index, trunk }: Draft, i: number): Evidence | undefined {
  const tree = index.landedWith([i]);
  return index.evidenceOf(i).find(({ passed, path, tree: built }) => {
    const isAlone = path.heads.length === 1 && built.agreesWith(tree, index.unbypassedConflicts(i));
    return passed && isAlone && path.composed !== undefined && isOnRed(trunk, path.composed.trunk, path.startedAt);
  });
}
