import { type Batch, goesAhead, type Path } from "./batch.ts";
import { addBit, agreeWithin, type Bits, exceedsWithin, hasBit, isWithin, meetWithin, members } from "./bits.ts";
import type { Fact, Field } from "./field.ts";

/** More undecided batches ahead than this, and a bypass would need more than 2^3 builds: nobody proves that. */
export const MOST_BYPASSED = 3;

/**
 * The evidence for landing `slot` on `trunk` (landed, or boarded ahead of it): a passed build of the tree that lands now, given
 * that for every way in which the undecided batches ahead can still turn out, the tree with it in it has passed. With nobody
 * undecided that is the strict rule; with some it is a bypass. Undefined when the evidence does not cover it. Source: design.md,
 * "Evidence"; Uber, "Bypassing Large Diffs in SubmitQueue" (2023). Proof: doc/rfc/evidence.md.
 */
export function evidenceFor(field: Field, slot: number, trunk: Bits, most = MOST_BYPASSED): Fact | undefined {
  if (field.factsOf(slot).length === 0) return undefined;
  const open = field.aheadOf(slot).filter((other) => !hasBit(trunk, other));
  if (open.length > most) return undefined;
  let found: Fact | undefined;
  for (let subset = (1 << open.length) - 1; subset >= 0; subset--) {
    const tree = trunk.slice();
    addBit(tree, slot);
    open.forEach((other, i) => {
      if (subset & (1 << i)) addBit(tree, other);
    });
    found = passedBuild(field, slot, tree);
    if (found === undefined) return undefined;
  }
  return found;
}

/** A passed build that holds the batch and agrees with `tree` about all that conflicts with it. */
const passedBuild = (field: Field, slot: number, tree: Bits): Fact | undefined =>
  field.factsOf(slot).find((fact) => fact.passed && agreeWithin(fact.tree, tree, field.reckonedBy(slot)));

/**
 * A bundle that may land as one commit point: the heads of a passed build that have not landed. Each of them waits for nobody outside
 * it, and the build agrees with the trunk about all that conflicts with any of them.
 */
export function bundleEvidence(
  field: Field,
  fact: Fact,
  trunk: Bits,
  mayLand: (slot: number) => boolean,
): number[] | undefined {
  const group = [...members(field.bitsOf(fact.path.heads))].filter((slot) => !hasBit(trunk, slot));
  if (group.length < 2 || !group.every(mayLand)) return undefined;
  const after = trunk.slice();
  for (const slot of group) addBit(after, slot);
  const covered = group.every(
    (slot) =>
      field.aheadOf(slot).every((other) => hasBit(after, other)) && agreeWithin(fact.tree, after, field.nearOf(slot)),
  );
  return covered ? group : undefined;
}

/**
 * The build that proves that the batch fails: everything else in its tree has landed, it agrees with the trunk about all that the
 * batch had to reckon with, and nobody ahead is undecided.
 */
export function verdictAgainst(field: Field, slot: number): Fact | undefined {
  const failures = field.factsOf(slot).filter((fact) => !fact.passed && isAlone(field, slot, fact));
  if (failures.length === 0 || field.aheadOf(slot).length > 0) return undefined;
  const tree = field.landedWith([slot]);
  return failures.find((fact) => agreeWithin(fact.tree, tree, field.reckonedBy(slot)));
}

/** Nothing else that has not landed can be the cause. */
const isAlone = (field: Field, slot: number, fact: Fact): boolean =>
  !exceedsWithin(field.without(fact.tree, slot), field.landed, field.reachOf(fact)) &&
  isWithin(field.bitsOf(fact.path.heads), field.landed, slot) &&
  !lacksWhatOthersNeed(field, slot, fact, field.landed);

/** A failure of a whole tree may be due to another in it that was built without what it lands behind. */
export function lacksWhatOthersNeed(field: Field, slot: number, { path, tree }: Fact, lands: Bits): boolean {
  if (field.speaksFor === "heads") return false;
  return [...members(field.bitsOf(path.base, path.heads))].some((built) => {
    if (built === slot) return false;
    const lacking = [...members(field.nearOf(built))].filter((other) => hasBit(lands, other) && !hasBit(tree, other));
    return lacking.some((other) => landsBefore(field.batch(other), field.batch(built)));
  });
}

function landsBefore(a: Batch, b: Batch): boolean {
  if (a.state !== "landed" || b.state !== "landed") return a.state === "landed" || goesAhead(a, b);
  const [first, second] = [a.endedAt ?? 0, b.endedAt ?? 0];
  return first === second ? goesAhead(a, b) : first < second;
}

/** Reality has contradicted the tree as far as `slot` is concerned: it holds what never lands, or lacks what has landed. */
export const isRefuted = (field: Field, slot: number, tree: Bits): boolean =>
  meetWithin(tree, field.lost, field.nearOf(slot)) || exceedsWithin(field.landed, tree, field.reckonedBy(slot));

/** No batch that the path is built for can use its outcome any more. */
export const isUseless = (field: Field, path: Path): boolean => {
  const tree = field.treeOf(path);
  if (field.isOutdated(path)) return true;
  return path.heads.some((id) => {
    const slot = field.slotOf(id);
    return (
      slot === undefined ||
      field.batch(slot).state !== "speculating" ||
      (!field.provesItself(slot) && isRefuted(field, slot, tree))
    );
  });
};
