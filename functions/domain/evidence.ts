import type { BatchId } from "../contracts/ids.ts";
import { type Batch, brokeDown, goesAhead, type Path } from "./batch.ts";
import type { BitSet } from "./bit-set.ts";
import type { Evidence, QueueIndex } from "./queue-index.ts";

/** At most this many undecided batches are bypassed at once. A bypass of n batches needs 2^n passed builds. */
export const MOST_BYPASSED = 3;

/**
 * The passed build that is the evidence for landing batch i on `trunk`. `trunk` holds the batches that have landed and the batches that were
 * selected to land before batch i. The rule: for each set of the undecided batches ahead, a build of batch i with exactly that set has passed.
 * With no undecided batch ahead, that is one build. With n undecided batches, it is a bypass, and takes 2^n builds.
 *
 * Undefined when one of these builds is missing, when more than `most` undecided batches are ahead, or when the bypass would delay the
 * rejection of one of them (`wouldDelayRejection`).
 *
 * Example: A and B are ahead of H. A is landing, which counts as undecided until runway has answered, and B is speculating. H needs passed
 * builds of {H}, {A, H}, {B, H} and {A, B, H}. The answer is the build of {A, H}: runway lands batches in the order in which it was told, so
 * A lands before H, and B does not.
 *
 * Source: Uber, "Bypassing Large Diffs in SubmitQueue" (2023). Proof: doc/rfc/evidence.md.
 */
export function evidenceFor(index: QueueIndex, i: number, trunk: BitSet, most = MOST_BYPASSED): Evidence | undefined {
  if (index.evidenceOf(i).length === 0) return undefined;
  const undecided = index.undecidedAhead(i).filter((other) => !trunk.has(other));
  if (undecided.length > most || undecided.some((other) => wouldDelayRejection(index, other))) return undefined;
  const comesTrue = undecided.reduce(
    (subset, other, bit) => (index.batch(other).state === "landing" ? subset | (1 << bit) : subset),
    0,
  );
  let found: Evidence | undefined;
  for (let subset = (1 << undecided.length) - 1; subset >= 0; subset--) {
    const tree = trunk.copy();
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
 * True when batch i has failed builds and no passed one. A bypass of batch i would put a batch on the trunk that these failed builds did not
 * contain, so they would no longer count against batch i. Batch i would be built once more, and the batches behind it would wait for that build.
 */
const wouldDelayRejection = (index: QueueIndex, i: number): boolean =>
  index.batch(i).state === "speculating" && index.evidenceOf(i).length > 0 && !index.hasPassed(i);

/**
 * The first passed build of batch i that agrees with `tree` about the relevant conflicts of batch i. Undefined when there is none. Example: A
 * conflicts with H, and X does not. A passed build of {A, X, H} counts for the tree {A, H}, and not for {H}.
 */
export const passedBuild = (index: QueueIndex, i: number, tree: BitSet): Evidence | undefined =>
  index.evidenceOf(i).find((build) => build.passed && build.tree.agreesWith(tree, index.relevantConflicts(i)));

/** True when batch i may land once there is evidence for it: it is speculating, and not on probation. */
export const mayLand = (index: QueueIndex, i: number): boolean =>
  index.batch(i).state === "speculating" && index.batch(i).position !== undefined;

/**
 * The batches that may land as one commit point because the passed build `build` tested them together: `together` without the batches of
 * `trunk`. `together` is the heads of the build, or its base and its heads. `trunk` holds the batches that have landed and the batches
 * that were selected to land before. Undefined unless all of these hold:
 * - At least two batches are left, and `mayLand` is true of each.
 * - Every undecided batch ahead of one of them is itself one of them.
 * - The tree of the build agrees with the trunk after the landing, about the conflicts of each (`unbypassedConflicts`).
 *
 * Example: the bundle A ← B was built on X, and both conflict with X. With `together` = A, B, the answer is A and B once X has landed, and
 * undefined before. With `together` = X, A, B, the answer is all three while X is undecided.
 */
export function bundleThatMayLand(
  index: QueueIndex,
  build: Evidence,
  together: readonly BatchId[],
  trunk: BitSet,
): number[] | undefined {
  const bundle = [...index.bitsOf(together)].filter((i) => !trunk.has(i));
  if (bundle.length < 2 || !bundle.every((i) => mayLand(index, i))) return undefined;
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
 * The failed build for whose reason the planner fails batch i. Undefined while batch i is not to be failed. It is when all of these hold:
 * - No conflicting batch ahead of batch i is undecided (for a batch on probation, see `cannotBeJudgedYet`).
 * - No passed build is evidence for landing batch i on the trunk as it is.
 * - The failed builds that count against batch i are enough (`areEnoughToReject`).
 *
 * A failed build counts against batch i when
 * - its tree agrees with the trunk, about the conflicts of batch i,
 * - each other batch of the tree that can break the tests that were run has landed (`possibleCausesOf`), and
 * - each other batch whose tests were run is cleared of having caused the failure (`othersAreCleared`).
 *
 * The last two differ where builds test only what the heads affect: then a build of {A, H} with head H does not run the tests of A, but A can
 * break the tests of H.
 *
 * Example: A ← H, and {A, H} has failed. While A is undecided, A may be the cause, so H is not failed. When A lands, H fails for the reason of
 * {A, H}. When A fails, {A, H} says nothing about H, and H is built alone.
 */
export function rejectingBuild(index: QueueIndex, i: number): Evidence | undefined {
  const failures = index.evidenceOf(i).filter((build) => !build.passed);
  if (failures.length === 0 || cannotBeJudgedYet(index, i)) return undefined;
  if (passedBuild(index, i, index.landed)) return undefined;
  const against = failures.filter(
    (build) =>
      build.tree.agreesWith(index.landed, index.relevantToFailure(i)) &&
      !build.tree.without(i).anyMissingIn(index.landed, index.possibleCausesOf(build)) &&
      othersAreCleared(index, i, build, index.landed),
  );
  return areEnoughToReject(index, against) ? against.at(-1) : undefined;
}

/**
 * True while the outcome of an undecided batch may still change what the failed builds of batch i say about batch i. For a batch with a
 * position: while any conflicting batch ahead of batch i is undecided. For a batch on probation that has failed: while at least one of these
 * is undecided:
 * - A conflicting batch that had a position when batch i arrived.
 * - A conflicting batch X that arrived before batch i, and that batch i may need. Batch i does not need X when X has passed and batch i has
 *   failed with X in the tree, or when X is on probation, has failed, and can be judged itself (`needsNoneOf`).
 *
 * `known` holds the answers of this function so far, by batch.
 *
 * Example: R and H are on probation, R arrived first, and {H} has failed. While R has not passed, H may need R, so H cannot be judged yet. R
 * passes, and {R, H} fails. Now H fails, though R has not landed yet.
 */
function cannotBeJudgedYet(index: QueueIndex, i: number, known = new Map<number, boolean>()): boolean {
  const before = known.get(i);
  if (before !== undefined) return before;
  const undecided = index.undecidedAheadSet(i);
  const found =
    undecided.first(1).length > 0 &&
    (!index.hasFailedOnProbation(i) ||
      undecided.intersects(index.relevantConflicts(i)) ||
      !needsNoneOf(index, i, undecided, known));
  known.set(i, found);
  return found;
}

/**
 * True when batch i needs none of the `undecided` batches, as far as its builds tell. Both of these hold then:
 * - A build of batch i has failed whose tree held, of the conflicts that arrived before batch i, exactly those that have landed and those of
 *   `undecided` that have passed. It can be blamed on batch i alone if these land (`othersAreCleared`).
 * - Every other batch of `undecided` is on probation, has failed, and can be judged.
 *
 * Example: H is on probation behind R, which has passed, and S, which is on probation. S has failed and can be judged, and L has landed. H
 * needs a failed build of {L, R, H}. One of {L, H}, or of {L, R, S, H}, does not count.
 */
function needsNoneOf(index: QueueIndex, i: number, undecided: BitSet, known: Map<number, boolean>): boolean {
  const needed = index.landed.copy();
  const toBeJudged: number[] = [];
  for (const other of undecided) {
    if (index.hasPassed(other)) needed.add(other);
    else if (!index.hasFailedOnProbation(other)) return false;
    else toBeJudged.push(other);
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
  return covers && toBeJudged.every((other) => !cannotBeJudgedYet(index, other, known));
}

/**
 * True when these failed builds, which all count against one batch, are enough to fail the batch: when they are more than the queue's
 * `retries`, or when one of them need not be repeated. A build need not be repeated when its tree could not be made (`unappliable`), since
 * the same tree can't be made the next time either, or when its infrastructure failed as often as the queue allows.
 */
export const areEnoughToReject = (index: QueueIndex, against: readonly Evidence[]): boolean =>
  against.length > index.retries || against.some(({ path }) => path.unappliable !== undefined || brokeDown(path));

/**
 * True when the failed build can be blamed on batch i alone, supposing that exactly the batches of `lands` land. Two things hold for each
 * other batch X that the build tested:
 * - X is in `lands`, so X is not at fault itself.
 * - The tree held each batch of `lands` that conflicts with X and lands before X or together with X. Otherwise X may have failed because it
 *   lacked that batch. When the tree could not be made (`unappliable`), this does not matter: X did apply.
 *
 * False for a bundle's build whose infrastructure failed, and for a build that tested a batch that has been archived.
 *
 * Example: B needs A, and {B, H} failed as one bundle. A and B land, together or one after the other. The failure is not H's: B lacked A.
 */
export const othersAreCleared = (index: QueueIndex, i: number, build: Evidence, lands: BitSet): boolean =>
  build.tested.isSubsetOf(lands, i) &&
  !(brokeDown(build.path) && build.path.heads.length > 1) &&
  (build.path.unappliable !== undefined || (index.knowsTested(build) && !lacksWhatOthersNeed(index, i, build, lands)));

/** True when the tree lacked a batch of `lands` that conflicts with another tested batch X and lands before X or together with X. */
function lacksWhatOthersNeed(index: QueueIndex, i: number, { path, tree }: Evidence, lands: BitSet): boolean {
  const tested = index.tests === "everything" ? index.bitsOf(path.base, path.heads) : index.bitsOf(path.heads);
  for (const other of tested) {
    if (other === i) continue;
    for (const conflict of index.conflictsOf(other))
      if (lands.has(conflict) && !tree.has(conflict) && landsBy(index.batch(conflict), index.batch(other))) return true;
  }
  return false;
}

/**
 * True when a lands before b or together with b, supposing that both land. Also true when both landed at the same time and it is not known which
 * came first. Example: A is ahead of B, but B has landed by a bypass. B lands before A.
 */
function landsBy(a: Batch, b: Batch): boolean {
  const { landing } = b;
  if (landing !== undefined && landing.landId === a.landing?.landId)
    return (
      landing.bundle?.includes(a.id) === true ||
      landing.landedTogether.indexOf(a.id) < landing.landedTogether.indexOf(b.id)
    );
  if (a.state === "landed" && b.state === "landed") return (a.endedAt ?? 0) <= (b.endedAt ?? 0);
  for (const state of ["landed", "landing"]) if ((a.state === state) !== (b.state === state)) return a.state === state;
  return goesAhead(a, b);
}

/**
 * True when reality has contradicted what `tree` assumes about the conflicts of batch i: the tree holds one that will never land, or lacks a
 * relevant one that has landed. Example: A conflicts with H. {A, H} is refuted when A fails, and {H} is refuted when A lands.
 */
export const isRefuted = (index: QueueIndex, i: number, tree: BitSet): boolean =>
  tree.intersects(index.neverLanding, index.unbypassedConflicts(i)) ||
  index.landed.anyMissingIn(tree, index.relevantConflicts(i));

/**
 * True when the build of the path is no longer needed. That is so when a push from outside the queue moved the trunk since the build was
 * proposed, or when one head of the path is not speculating any more, or when the path is refuted for one head (`isRefuted`). A head that
 * proves itself (`provesItself`) needs its build also when the path is refuted.
 */
export const isUseless = (index: QueueIndex, path: Path): boolean => {
  if (index.isOutdated(path)) return true;
  const tree = index.treeOf(path);
  return path.heads.some((id) => {
    const i = index.indexOf(id);
    return (
      i === undefined ||
      index.batch(i).state !== "speculating" ||
      (!index.anyPassEndsProbation(i) && isRefuted(index, i, tree))
    );
  });
};
