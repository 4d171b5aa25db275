import { type Batch, brokeDown, goesAhead, type Path } from "./batch.ts";
import type { BitSet } from "./bit-set.ts";
import type { Evidence, QueueIndex } from "./queue-index.ts";

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
export function evidenceFor(index: QueueIndex, i: number, trunk: BitSet, most = MOST_BYPASSED): Evidence | undefined {
  if (index.evidenceOf(i).length === 0) return undefined;
  const open = index.undecidedAhead(i).filter((other) => !trunk.has(other));
  if (open.length > most) return undefined;
  const comesTrue = open.reduce(
    (subset, other, i) => (index.batch(other).state === "landing" ? subset | (1 << i) : subset),
    0,
  );
  let found: Evidence | undefined;
  for (let subset = (1 << open.length) - 1; subset >= 0; subset--) {
    const tree = trunk.copy();
    tree.add(i);
    open.forEach((other, i) => {
      if (subset & (1 << i)) tree.add(other);
    });
    const passed = passedBuild(index, i, tree);
    if (passed === undefined) return undefined;
    if (subset === comesTrue) found = passed;
  }
  return found;
}

/** A passed build that holds the batch and agrees with `tree` about all that conflicts with it. */
export const passedBuild = (index: QueueIndex, i: number, tree: BitSet): Evidence | undefined =>
  index.evidenceOf(i).find((build) => build.passed && build.tree.agreesWith(tree, index.relevantConflicts(i)));

/**
 * A bundle that may land as one commit point: the heads of a passed build that have not landed. Each of them waits for nobody outside
 * it, and the build agrees with the trunk about all that conflicts with any of them.
 */
export function bundleEvidence(
  index: QueueIndex,
  build: Evidence,
  trunk: BitSet,
  mayLand: (i: number) => boolean,
): number[] | undefined {
  const group = [...index.bitsOf(build.path.heads)].filter((i) => !trunk.has(i));
  if (group.length < 2 || !group.every(mayLand)) return undefined;
  const after = trunk.copy();
  for (const i of group) after.add(i);
  const covered = group.every(
    (i) =>
      index.undecidedAhead(i).every((other) => after.has(other)) &&
      build.tree.agreesWith(after, index.unbypassedConflicts(i)),
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
export function verdictAgainst(index: QueueIndex, i: number): Evidence | undefined {
  const failures = index.evidenceOf(i).filter((build) => !build.passed);
  if (failures.length === 0 || index.undecidedAhead(i).length > 0 || isAboutToChange(index, i)) return undefined;
  const tree = index.landedWith([i]);
  if (passedBuild(index, i, tree)) return undefined;
  const against = failures.filter(
    (build) =>
      build.tree.agreesWith(tree, index.relevantToFailure(i)) &&
      !build.tree.without(i).exceeds(index.landed, index.possibleCausesOf(build)) &&
      othersAreCleared(index, i, build, index.landed),
  );
  return isVerdict(index, against) ? against.at(-1) : undefined;
}

/** True when a conflict that a failure must have right is landing. On probation the batch does not wait for all of these to be decided. */
const isAboutToChange = (index: QueueIndex, i: number): boolean =>
  [...index.relevantToFailure(i)].some((other) => index.batch(other).state === "landing");

/**
 * True when the failures, which all count against one batch, are as many as the queue asks for: one more than its `retries`. A refused
 * composition is one by itself, since composing the same again gives the same; so is a build that broke down as often as the queue allows.
 */
export const isVerdict = (index: QueueIndex, against: readonly Evidence[]): boolean =>
  against.length > index.retries || against.some(({ path }) => path.unappliable !== undefined || brokeDown(path));

/**
 * True when no other batch that the failed build tested can be the cause, given that the batches of `lands` land: each of them lands, and
 * had in the tree every conflicting batch that lands before it or together with it. A batch that lands is sound with what has landed by
 * then; it may have failed here for want of it. Example: B needs A, and {B, H} has failed. A lands, then B. The failure says nothing of H,
 * since B lacked A in it. Had {A, B, H} failed, it would count against H.
 *
 * A build that broke down says nothing of any batch when it was for several.
 */
export const othersAreCleared = (index: QueueIndex, i: number, build: Evidence, lands: BitSet): boolean =>
  build.tested.isSubsetOf(lands, i) &&
  !(brokeDown(build.path) && build.path.heads.length > 1) &&
  // A batch that was composed below one that was refused did apply.
  (build.path.unappliable !== undefined || (index.knowsTested(build) && !lacksWhatOthersNeed(index, i, build, lands)));

function lacksWhatOthersNeed(index: QueueIndex, i: number, { path, tree }: Evidence, lands: BitSet): boolean {
  const tested = index.tests === "everything" ? index.bitsOf(path.base, path.heads) : index.bitsOf(path.heads);
  for (const other of tested) {
    if (other === i) continue;
    for (const conflict of index.conflictsOf(other))
      if (lands.has(conflict) && !tree.has(conflict) && landsBy(index.batch(conflict), index.batch(other))) return true;
  }
  return false;
}

/** True when a lands before b, or together with b. True also when the times do not tell. */
function landsBy(a: Batch, b: Batch): boolean {
  if (a.state !== "landed" || b.state !== "landed") return a.state === "landed" || goesAhead(a, b);
  const { landing } = b;
  if (landing === undefined || landing.landId !== a.landing?.landId) return (a.endedAt ?? 0) <= (b.endedAt ?? 0);
  return (
    landing.bundle?.includes(a.id) === true ||
    landing.landedTogether.indexOf(a.id) < landing.landedTogether.indexOf(b.id)
  );
}

/** Reality has contradicted the tree as far as `slot` is concerned: it holds what never lands, or lacks what has landed. */
export const isRefuted = (index: QueueIndex, i: number, tree: BitSet): boolean =>
  tree.meets(index.neverLanding, index.unbypassedConflicts(i)) ||
  index.landed.exceeds(tree, index.relevantConflicts(i));

/** No batch that the path is built for can use its outcome any more. */
export const isUseless = (index: QueueIndex, path: Path): boolean => {
  const tree = index.treeOf(path);
  if (index.isOutdated(path)) return true;
  return path.heads.some((id) => {
    const i = index.indexOf(id);
    return (
      i === undefined || index.batch(i).state !== "speculating" || (!index.provesItself(i) && isRefuted(index, i, tree))
    );
  });
};
