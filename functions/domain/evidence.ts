import type { BatchId } from "../contracts/ids.ts";
import { type Batch, brokeDown, goesAhead, type Path } from "./batch.ts";
import type { BitSet } from "./bit-set.ts";
import type { Evidence, QueueIndex } from "./queue-index.ts";

/** A bypass of more undecided batches than this is not looked for: it would need more than 2^3 passed builds. */
export const MOST_BYPASSED = 3;

/**
 * The evidence for landing batch i on `trunk`, which holds what has landed and what was selected to land before the batch. Undefined unless
 * a build has passed for every way in which the undecided batches ahead can turn out. With no undecided batch ahead, that is one build (the
 * strict rule). With up to `most`, it is a bypass.
 *
 * Example: A is landing, B is speculating, and both are ahead of H. H needs passed builds of {H}, {A, H}, {B, H} and {A, B, H}. The answer
 * is the build of {A, H}, whose assumptions come true: runway lands in the order in which it was told, so A lands before H, and B does not.
 *
 * Source: design.md, "Evidence"; Uber, "Bypassing Large Diffs in SubmitQueue" (2023). Proof: doc/rfc/evidence.md.
 */
export function evidenceFor(index: QueueIndex, i: number, trunk: BitSet, most = MOST_BYPASSED): Evidence | undefined {
  if (index.evidenceOf(i).length === 0) return undefined;
  const undecided = index.undecidedAhead(i).filter((other) => !trunk.has(other));
  if (undecided.length > most || undecided.some((other) => losesVerdict(index, other))) return undefined;
  const comesTrue = undecided.reduce(
    (subset, other, bit) => (index.batch(other).state === "landing" ? subset | (1 << bit) : subset),
    0,
  );
  let found: Evidence | undefined;
  for (let subset = (1 << undecided.length) - 1; subset >= 0; subset--) {
    const tree = trunk.copy();
    tree.add(i);
    undecided.forEach((other, bit) => {
      if (subset & (1 << bit)) tree.add(other);
    });
    const passed = passedBuild(index, i, tree);
    if (passed === undefined) return undefined;
    if (subset === comesTrue) found = passed;
  }
  return found;
}

/**
 * True when a bypass of the batch would delay the verdict on it: a build of it has failed and none has passed, and that failure would say
 * nothing on a trunk with the batch that bypasses it. All batches behind it would wait for yet another build of it.
 */
const losesVerdict = (index: QueueIndex, i: number): boolean =>
  index.batch(i).state === "speculating" && index.evidenceOf(i).length > 0 && !index.hasPassed(i);

/**
 * A passed build of batch i that agrees with `tree` about the batch's relevant conflicts. Example: A conflicts with H, and X does not. A
 * passed build of {A, X, H} counts for the tree {A, H}, and not for {H}.
 */
export const passedBuild = (index: QueueIndex, i: number, tree: BitSet): Evidence | undefined =>
  index.evidenceOf(i).find((build) => build.passed && build.tree.agreesWith(tree, index.relevantConflicts(i)));

/**
 * The batches that may land as one commit point because `build`, the passed build of a bundle, tested them together. `together` names the
 * batches that are to land as one: the bundle's heads unless the caller says otherwise. `trunk` holds what has landed and what was selected to
 * land before. The answer is `together` without the batches of `trunk`. Undefined unless all of these hold:
 * - At least two batches are left, and `mayLand` is true of each.
 * - No batch ahead of any of them is undecided, except batches of the answer.
 * - The tree of the build and the trunk after the landing hold the same batches among the conflicts of each.
 *
 * Example: the bundle A ← B was built on X, and both conflict with X. When X has landed, the answer is A and B. While X is undecided, it is
 * undefined; with `together` X, A and B, the three may land as one commit point.
 */
export function bundleThatMayLand(
  index: QueueIndex,
  build: Evidence,
  trunk: BitSet,
  mayLand: (i: number) => boolean,
  together: readonly BatchId[] = build.path.heads,
): number[] | undefined {
  const bundle = [...index.bitsOf(together)].filter((i) => !trunk.has(i));
  if (bundle.length < 2 || !bundle.every(mayLand)) return undefined;
  const after = trunk.copy();
  for (const i of bundle) after.add(i);
  const covered = bundle.every(
    (i) =>
      index.undecidedAhead(i).every((other) => after.has(other)) &&
      build.tree.agreesWith(after, index.unbypassedConflicts(i)),
  );
  return covered ? bundle : undefined;
}

/**
 * The verdict against batch i: a failed build that can be blamed on batch i alone, so that the planner fails the batch for the reason of that
 * build. Undefined while there is no such verdict. There is one when all of these hold:
 * - No conflicting batch ahead of batch i is undecided (for a batch on probation, see `cannotBeJudgedYet`), and none is landing.
 * - No passed build is evidence for landing batch i on the trunk as it is.
 * - More failed builds count against batch i than the queue's `retries`, or one of them is final (`isVerdict`).
 *
 * A failed build counts against batch i when
 * - its tree and the trunk with batch i hold the same batches among the conflicts of batch i,
 * - each other batch that may have caused the failure has landed, and
 * - each other batch that the build tested is cleared of having caused it (`othersAreCleared`).
 *
 * Example: A ← H, and {A, H} has failed. While A is undecided, A may be the cause, so there is no verdict. When A lands, {A, H} is the verdict
 * against H. When A fails, {A, H} says nothing about H, and H is built alone.
 */
export function verdictAgainst(index: QueueIndex, i: number): Evidence | undefined {
  const failures = index.evidenceOf(i).filter((build) => !build.passed);
  if (failures.length === 0 || isAboutToChange(index, i) || cannotBeJudgedYet(index, i)) return undefined;
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

/**
 * True while the outcome of an undecided batch may still change what the failed builds of batch i say about batch i. For a batch with a
 * position: while any conflicting batch ahead of it is undecided. For a batch on probation that has failed: while
 * - a conflicting batch that had a position when batch i arrived is undecided, or
 * - a conflicting batch that arrived earlier is undecided and may be what batch i needs. It may not be when it has passed and batch i has
 *   failed with it in the tree (`hasFailedOnAll`), or when it is on probation, has failed, and can be judged itself.
 *
 * `known` holds the answers for batches that were asked about before.
 *
 * Example: R and H are on probation, R arrived first, and {H} has failed. While R has not passed, H may need R, so H cannot be judged yet. R
 * passes, and {R, H} fails. H is rejected, though R has not landed yet.
 */
function cannotBeJudgedYet(index: QueueIndex, i: number, known = new Map<number, boolean>()): boolean {
  const before = known.get(i);
  if (before !== undefined) return before;
  const undecided = index.undecidedAheadSet(i);
  const found =
    index.batch(i).position === undefined && index.hasFailedOnProbation(i)
      ? undecided.meets(index.relevantConflicts(i)) || !hasFailedOnAll(index, i, undecided, known)
      : undecided.toArray().length > 0;
  known.set(i, found);
  return found;
}

/**
 * True when one build of batch i has failed whose tree held every relevant batch that has landed, and every batch of `undecided` that has
 * passed; and when every other batch of `undecided` is on probation, has failed, and can be judged.
 */
function hasFailedOnAll(index: QueueIndex, i: number, undecided: BitSet, known: Map<number, boolean>): boolean {
  const needed = index.landed.copy();
  const open: number[] = [];
  for (const other of undecided) {
    if (index.hasPassed(other)) needed.add(other);
    else if (index.batch(other).position !== undefined || !index.hasFailedOnProbation(other)) return false;
    else open.push(other);
  }
  const conflicts = index.relevantToFailure(i);
  const covers = index
    .evidenceOf(i)
    .some(
      (build) =>
        !build.passed &&
        build.path.unappliable === undefined &&
        build.tree.agreesWith(needed, conflicts) &&
        othersAreCleared(index, i, build, needed),
    );
  return covers && open.every((other) => !cannotBeJudgedYet(index, other, known));
}

/** True when a batch that a failure of batch i must have right is landing. A batch on probation does not wait for all of these. */
const isAboutToChange = (index: QueueIndex, i: number): boolean =>
  [...index.relevantToFailure(i)].some((other) => index.batch(other).state === "landing");

/**
 * True when the failures, which all count against one batch, are enough to fail the batch: one more than the queue's `retries`. A single
 * refused composition is enough, since composing the same again is refused again. So is a build whose infrastructure failed as often as the
 * queue allows.
 */
export const isVerdict = (index: QueueIndex, against: readonly Evidence[]): boolean =>
  against.length > index.retries || against.some(({ path }) => path.unappliable !== undefined || brokeDown(path));

/**
 * True when the failed build can be blamed on batch i alone, supposing that exactly the batches of `lands` land. For each other batch X that
 * the build tested, X is in `lands`, and the tree held each batch of `lands` that conflicts with X and lands before X or together with X.
 * Otherwise X may have failed because that batch was missing. When a composition was refused, only the first is asked. A bundle's build
 * whose infrastructure failed can be blamed on no batch, nor can a build that tested a batch that has been archived.
 *
 * Example: B needs A, and {B, H} failed as one bundle. A and B land, together or one after the other. The failure is not H's: B lacked A.
 */
export const othersAreCleared = (index: QueueIndex, i: number, build: Evidence, lands: BitSet): boolean =>
  build.tested.isSubsetOf(lands, i) &&
  !(brokeDown(build.path) && build.path.heads.length > 1) &&
  // A batch that was composed below one that was refused did apply.
  (build.path.unappliable !== undefined || (index.knowsTested(build) && !lacksWhatOthersNeed(index, i, build, lands)));

/** True when another batch that the build tested lacked, in that build, a conflicting batch that lands before it or together with it. */
function lacksWhatOthersNeed(index: QueueIndex, i: number, { path, tree }: Evidence, lands: BitSet): boolean {
  const tested = index.tests === "everything" ? index.bitsOf(path.base, path.heads) : index.bitsOf(path.heads);
  for (const other of tested) {
    if (other === i) continue;
    for (const conflict of index.conflictsOf(other))
      if (lands.has(conflict) && !tree.has(conflict) && landsBy(index.batch(conflict), index.batch(other))) return true;
  }
  return false;
}

/** True when a lands before b or together with b. Also true when both landed at the same time and it is not known which came first. */
function landsBy(a: Batch, b: Batch): boolean {
  if (a.state !== "landed" || b.state !== "landed") return a.state === "landed" || goesAhead(a, b);
  const { landing } = b;
  if (landing === undefined || landing.landId !== a.landing?.landId) return (a.endedAt ?? 0) <= (b.endedAt ?? 0);
  return (
    landing.bundle?.includes(a.id) === true ||
    landing.landedTogether.indexOf(a.id) < landing.landedTogether.indexOf(b.id)
  );
}

/**
 * True when the assumptions of `tree` about the conflicts of batch i no longer hold: it contains a batch that will never land, or lacks a
 * relevant batch that has landed. Example: A conflicts with H. {A, H} is refuted when A fails, and {H} is refuted when A lands.
 */
export const isRefuted = (index: QueueIndex, i: number, tree: BitSet): boolean =>
  tree.meets(index.neverLanding, index.unbypassedConflicts(i)) ||
  index.landed.exceeds(tree, index.relevantConflicts(i));

/**
 * True when one of the path's heads can no longer use the build: the head is not speculating any more, or the assumptions no longer hold.
 */
export const isUseless = (index: QueueIndex, path: Path): boolean => {
  const tree = index.treeOf(path);
  if (index.isOutdated(path)) return true;
  return path.heads.some((id) => {
    const i = index.indexOf(id);
    return (
      i === undefined ||
      index.batch(i).state !== "speculating" ||
      (!index.anyPassEndsProbation(i) && isRefuted(index, i, tree))
    );
  });
};
