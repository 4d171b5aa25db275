import { type Batch, brokeDown, goesAhead, type Path } from "./batch.ts";
import { addBit, agreeWithin, type Bits, exceedsWithin, hasBit, isWithin, meetWithin, members } from "./bits.ts";
import type { Fact, Field } from "./field.ts";

/** More undecided batches ahead than this, and a bypass would need more than 2^3 builds: nobody proves that. */
export const MOST_BYPASSED = 3;

/**
 * The evidence for landing batch `slot` on `trunk` (what has landed, or was selected to land before it). Undefined unless, for every way
 * in which the undecided batches ahead of it can still turn out, the tree with the batch in it has passed. With none undecided that is the
 * strict rule; with some it is a bypass.
 *
 * Of these builds the answer is the one of the tree that comes true: runway lands what was handed to it first, so the undecided batches
 * that are landing are taken to land, and the others not to. Example: A is landing, B is undecided, both ahead of H. H needs passed builds
 * of {H}, {A, H}, {B, H} and {A, B, H}; the answer is the build of {A, H}.
 *
 * Source: design.md, "Evidence"; Uber, "Bypassing Large Diffs in SubmitQueue" (2023). Proof: doc/rfc/evidence.md.
 */
export function evidenceFor(field: Field, slot: number, trunk: Bits, most = MOST_BYPASSED): Fact | undefined {
  if (field.factsOf(slot).length === 0) return undefined;
  const open = field.aheadOf(slot).filter((other) => !hasBit(trunk, other));
  if (open.length > most) return undefined;
  const comesTrue = open.reduce(
    (subset, other, i) => (field.batch(other).state === "landing" ? subset | (1 << i) : subset),
    0,
  );
  let found: Fact | undefined;
  for (let subset = (1 << open.length) - 1; subset >= 0; subset--) {
    const tree = trunk.slice();
    addBit(tree, slot);
    open.forEach((other, i) => {
      if (subset & (1 << i)) addBit(tree, other);
    });
    const passed = passedBuild(field, slot, tree);
    if (passed === undefined) return undefined;
    if (subset === comesTrue) found = passed;
  }
  return found;
}

/** A passed build that holds the batch and agrees with `tree` about all that conflicts with it. */
export const passedBuild = (field: Field, slot: number, tree: Bits): Fact | undefined =>
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
 * The build that proves that the batch fails on the trunk; undefined while nothing proves it. The batch has failed when no batch ahead of it
 * is undecided, no passed build covers landing it now, and enough failed builds count against it (`isVerdict`). A failed build counts
 * against the batch when
 * - it agrees with the trunk about everything that conflicts with the batch,
 * - everything else that the failure may be due to has landed, and
 * - every other batch that the build tested is cleared (`othersAreCleared`).
 */
export function verdictAgainst(field: Field, slot: number): Fact | undefined {
  const failures = field.factsOf(slot).filter((fact) => !fact.passed);
  if (failures.length === 0 || field.aheadOf(slot).length > 0 || isAboutToChange(field, slot)) return undefined;
  const tree = field.landedWith([slot]);
  if (passedBuild(field, slot, tree)) return undefined;
  const against = failures.filter(
    (fact) =>
      agreeWithin(fact.tree, tree, field.blamedBy(slot)) &&
      !exceedsWithin(field.without(fact.tree, slot), field.landed, field.reachOf(fact)) &&
      othersAreCleared(field, slot, fact, field.landed),
  );
  return isVerdict(field, against) ? against.at(-1) : undefined;
}

/** True when a conflict that a failure must have right is landing. On probation the batch does not wait for all of these to be decided. */
const isAboutToChange = (field: Field, slot: number): boolean =>
  [...members(field.blamedBy(slot))].some((other) => field.batch(other).state === "landing");

/**
 * True when the failures, which all count against one batch, are as many as the queue asks for: one more than its `retries`. A refused
 * composition is one by itself, since composing the same again gives the same; so is a build that broke down as often as the queue allows.
 */
export const isVerdict = (field: Field, against: readonly Fact[]): boolean =>
  against.length > field.retries || against.some(({ path }) => path.unappliable !== undefined || brokeDown(path));

/**
 * True when no other batch that the failed build tested can be the cause, given that the batches of `lands` land: each of them lands, and
 * had in the tree every conflicting batch that lands before it or together with it. A batch that lands is sound with what has landed by
 * then; it may have failed here for want of it. Example: B needs A, and {B, H} has failed. A lands, then B. The failure says nothing of H,
 * since B lacked A in it. Had {A, B, H} failed, it would count against H.
 *
 * A build that broke down says nothing of any batch when it was for several.
 */
export const othersAreCleared = (field: Field, slot: number, fact: Fact, lands: Bits): boolean =>
  isWithin(fact.tested, lands, slot) &&
  !(brokeDown(fact.path) && fact.path.heads.length > 1) &&
  // A batch that was composed below one that was refused did apply.
  (fact.path.unappliable !== undefined || (field.knowsTested(fact) && !lacksWhatOthersNeed(field, slot, fact, lands)));

function lacksWhatOthersNeed(field: Field, slot: number, { path, tree }: Fact, lands: Bits): boolean {
  const tested = field.speaksFor === "tree" ? field.bitsOf(path.base, path.heads) : field.bitsOf(path.heads);
  for (const other of members(tested)) {
    if (other === slot) continue;
    for (const conflict of members(field.conflictsOf(other)))
      if (hasBit(lands, conflict) && !hasBit(tree, conflict) && landsBy(field.batch(conflict), field.batch(other)))
        return true;
  }
  return false;
}

/** True when a lands before b, or together with b. True also when the times do not tell. */
function landsBy(a: Batch, b: Batch): boolean {
  if (a.state !== "landed" || b.state !== "landed") return a.state === "landed" || goesAhead(a, b);
  const { landing } = b;
  if (landing === undefined || landing.landId !== a.landing?.landId) return (a.endedAt ?? 0) <= (b.endedAt ?? 0);
  return landing.bundle?.includes(a.id) === true || landing.train.indexOf(a.id) < landing.train.indexOf(b.id);
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
