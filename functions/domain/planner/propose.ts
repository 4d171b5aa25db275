import { pathIsActive } from "../batch.ts";
import type { BitSet } from "../bit-set.ts";
import { bundleProposals, canJoinBundle } from "../speculation/bundles.ts";
import { type PathCandidate, pathCandidates } from "../speculation/candidates.ts";
import { type BuildProposal, isLikelyEnough, proposedTreeOf, type WaitingHead } from "../speculation/heads.ts";
import { clashOf } from "../speculation/history.ts";
import { needsNoBuild } from "../speculation/proposals.ts";
import { scorerFor } from "../speculation/scorer.ts";
import { type Speculation, speculationOn } from "../speculation/speculation.ts";
import { isImprobable } from "../speculation/will-fail.ts";
import { bypasses } from "./bypass.ts";
import type { Draft } from "./draft.ts";
import { giveUpFailing } from "./give-up.ts";
import { preempt } from "./preempt.ts";
import { repairProposals } from "./repair.ts";
import { startBuild } from "./start-build.ts";

/**
 * Gives up the running builds that will fail (`giveUpFailing`), and starts new builds in the free slots of the budget (step 4 of `plan`). A
 * path is skipped when its build is running or would tell nothing new (`needsNoBuild`). In this order, until no slot is free:
 * 1. Bundles, when more heads wait than slots are free. A quarter of the budget is kept for heads that cannot join a bundle.
 * 2. The likeliest paths. A preempting allocator may give up running builds for them.
 * 3. Where builds test only what is affected: one build of each head that no build has tested, however unlikely its assumptions are.
 * 4. The builds that let a head bypass a slow batch.
 *
 * While the trunk is red, only batches that may repair it are built (`repairProposals`).
 */
export function propose(draft: Draft): void {
  const { budget, speculation: config } = draft.config;
  giveUpFailing(draft);
  const active = draft.batches().flatMap((batch) => batch.paths.filter(pathIsActive));
  const free = budget - draft.activeBuilds();
  if (free <= 0 && (config.allocator === "sticky" || draft.trunk.red !== undefined)) return;
  const stopping = active.filter((path) => path.state === "cancelling").length;
  const run = new Spending(draft, free, stopping);
  if (draft.trunk.red !== undefined) {
    run.buildRepairs();
    return;
  }
  run.buildBundles();
  run.buildLikeliestPaths();
  run.buildFirstPaths();
  run.buildBypasses();
}

/** The share of the budget that bundles leave to heads that cannot be in a bundle. */
const SHARE_KEPT_FROM_BUNDLES = 0.25;

/**
 * A batch on probation is retried when the probability that the retry's assumptions come true is at least one half. Measured:
 * doc/rfc/speculation.md. With a lower limit, more of the retries are in vain.
 */
const MIN_LOG_PROBABILITY_OF_RETRY = Math.log(0.5);

/** How many of a head's likeliest paths are looked at to find one that should be built (`needsNoBuild`). */
const MOST_FIRST_PATHS = 8;

/** Gives the free slots of the budget to builds, in one run of the planner. */
class Spending {
  readonly #draft: Draft;
  readonly #speculation: Speculation;
  /** Undefined when no bundles are to be built. See `bundleProposals`. */
  readonly #bundles: readonly BuildProposal[] | undefined;
  /** The heads that may be built alone. */
  readonly #alone: readonly WaitingHead[];
  /** The paths of these heads that are worth a build, likeliest first. */
  readonly #paths: Iterator<BuildProposal, undefined>;
  /** The heads that are being built. Grows by the heads whose build is started in this run. */
  readonly #beingBuilt: Set<number>;
  #free: number;
  /** How many slots will become free when builds that were given up have stopped. Falls by one for each path that waits for such a slot. */
  #stopping: number;

  constructor(draft: Draft, free: number, stopping: number) {
    const { index, config, queue } = draft;
    const score = scorerFor(config.speculation.scorer, queue.history);
    this.#draft = draft;
    this.#free = free;
    this.#stopping = stopping;
    const speculation = speculationOn(index, (i) => score(index.batch(i)), clashOf(queue.history));
    const waitForTrunk = headsSetAside(draft);
    this.#speculation = { ...speculation, heads: speculation.heads.filter((head) => !waitForTrunk.has(head.index)) };
    this.#beingBuilt = new Set(this.#speculation.running.keys());
    const { heads } = this.#speculation;
    const minLogProbability = Math.log(config.speculation.minProbability);
    const limits = {
      maxSize: config.bundle.maxSize,
      maxWaitMs: config.bundle.maxWaitSeconds * 1_000,
      free,
      minLogProbability,
    };
    this.#bundles = limits.maxSize > 1 && free > 0 ? bundleProposals(this.#speculation, limits, draft.now) : undefined;
    this.#alone = this.#bundles ? heads.filter((head) => !canJoinBundle(this.#speculation, head.index)) : heads;
    this.#paths = this.#worthwhilePaths(minLogProbability);
  }

  buildRepairs(): void {
    for (const repair of repairProposals(this.#draft).slice(0, this.#free)) this.#start(repair);
  }

  /** Likeliest paths of heads that cannot join a bundle, in the share of the budget that is kept for them; then bundles. */
  buildBundles(): void {
    if (this.#bundles === undefined) return;
    const { running } = this.#speculation;
    const kept =
      Math.ceil(this.#draft.config.budget * SHARE_KEPT_FROM_BUNDLES) -
      this.#alone.filter((head) => running.has(head.index)).length;
    for (let i = 0; i < kept && this.#free > 0; i++) {
      const { value } = this.#paths.next();
      if (!value) break;
      this.#start(value);
    }
    for (const bundle of this.#bundles.slice(0, this.#free)) this.#start(bundle);
  }

  buildLikeliestPaths(): void {
    const { allocator } = this.#draft.config.speculation;
    for (let next = this.#paths.next(); !next.done; next = this.#paths.next()) {
      if (this.#free > 0) this.#start(next.value);
      else if (allocator === "sticky") return;
      // The slot is free once the build that was given up has stopped. The path is proposed again then.
      else if (this.#stopping > 0) this.#stopping -= 1;
      else if (!preempt(this.#draft, this.#speculation, next.value)) return;
    }
  }

  /**
   * Where builds test only what is affected, the first build of a head tells whether the head passes, whether or not its assumptions come true.
   * So each head that no build has tested yet gets one, on the likeliest path that should be built.
   */
  buildFirstPaths(): void {
    const { index, heads } = this.#speculation;
    if (index.tests === "everything") return;
    for (const head of heads) {
      if (this.#free <= 0) return;
      if (this.#beingBuilt.has(head.index) || index.evidenceOf(head.index).length > 0) continue;
      const likeliest = pathCandidates([head]).take(MOST_FIRST_PATHS).map(proposalOf);
      const first = likeliest.find((proposal) => !needsNoBuild(this.#speculation, proposal));
      if (first) this.#start(first);
    }
  }

  buildBypasses(): void {
    if (!this.#draft.config.speculation.bypass || this.#free <= 0) return;
    for (const bypass of bypasses(this.#draft, this.#speculation, this.#alone, this.#free)) this.#start(bypass);
  }

  #start(proposal: BuildProposal): void {
    startBuild(this.#draft, this.#speculation, proposal);
    for (const i of proposal.heads) this.#beingBuilt.add(i);
    this.#free -= 1;
  }

  /**
   * The paths of the heads that may be built alone, likeliest first. Left out are paths that should not be built (`needsNoBuild`), paths that
   * are too improbable, and the likeliest path of a head that is in a running bundle.
   */
  *#worthwhilePaths(minLogProbability: number): Generator<BuildProposal, undefined, void> {
    const { index, belief, inBundles } = this.#speculation;
    const heads = this.#alone.filter((head) => isLikelyEnough(index, belief, head.index, minLogProbability));
    for (const candidate of pathCandidates(heads, minLogProbability)) {
      const i = candidate.head.index;
      const isLikeliestOfHead = candidate.unlikelyAssumptions === 0;
      if (isLikeliestOfHead && inBundles.has(i)) continue;
      if (index.batch(i).position === undefined && !this.#isWorthOnProbation(candidate)) continue;
      const proposal = proposalOf(candidate);
      if (isImprobable(this.#speculation, candidate, minLogProbability)) continue;
      if (!needsNoBuild(this.#speculation, proposal)) yield proposal;
    }
  }

  /**
   * True when the path of a batch on probation is worth a slot. The first build of a batch always is. A retry (`isRetriedOnProbation`) is when
   * it is the batch's likeliest path, and its assumptions come true with one half or more. A retry may run beside one other build of the batch
   * when the batch is expected to fail and the other build lacks a batch that the retry holds: that failure would decide nothing.
   *
   * Example: H will probably fail and is being built alone. R, which arrived earlier, passes. {R, H} is built at once: the failure of {H}
   * would say nothing, since H may need R.
   */
  #isWorthOnProbation({
    head,
    assumedLanded,
    unlikelyAssumptions,
    logProbability,
  }: PathCandidate<WaitingHead>): boolean {
    const { index, belief, running } = this.#speculation;
    const i = head.index;
    if (!index.isRetriedOnProbation(i)) return true;
    if (unlikelyAssumptions > 0 || logProbability < MIN_LOG_PROBABILITY_OF_RETRY) return false;
    const underWay = running.get(i) ?? [];
    if (underWay.length === 0) return !this.#beingBuilt.has(i);
    const tree = proposedTreeOf(index, { heads: [i], assumedLanded });
    const isLacking = (build: BitSet) => tree.anyMissingIn(build, index.relevantToFailure(i));
    return underWay.length === 1 && belief.landProbability(i) < 0.5 && underWay.every(isLacking);
  }
}

/** The heads whose build failed on a trunk commit that is to be built first: the same build would fail the same way. */
const headsSetAside = ({ index }: Draft): BitSet =>
  index.bitsOf(
    ...index.batches.flatMap(({ paths }) =>
      paths.flatMap((path) => (path.setAside === "unproven" ? [path.heads] : [])),
    ),
  );

const proposalOf = ({ head, assumedLanded, logProbability }: PathCandidate<WaitingHead>): BuildProposal => ({
  heads: [head.index],
  assumedLanded,
  logProbability,
});
