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
 * Step 4: starts new builds in the free slots of the budget. It skips each path whose build is running or would tell nothing new. In this
 * order, until no slot is free:
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
 * A batch on probation is retried once the retry's assumptions come true with one half. Measured: doc/rfc/speculation.md. Sooner, more of
 * the retries are in vain.
 */
const MIN_LOG_PROBABILITY_OF_RETRY = Math.log(0.5);

/** How many of a head's likeliest paths are tried for one that can be composed. */
const MOST_FIRST_PATHS = 8;

/** One run's spending of the budget. */
class Spending {
  readonly #draft: Draft;
  readonly #speculation: Speculation;
  /** Undefined when bundles are not called for. */
  readonly #bundles: readonly BuildProposal[] | undefined;
  /** The heads that may be built alone. */
  readonly #alone: readonly WaitingHead[];
  /** The paths of these heads that are worth a build, likeliest first. */
  readonly #paths: Iterator<BuildProposal, undefined>;
  /** The heads that are being built, with those whose build was started in this run. */
  readonly #beingBuilt: Set<number>;
  #free: number;
  /** How many slots will be free once builds that were given up have stopped. */
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
   * So each head that no build has tested yet gets one, on the likeliest path that can be composed.
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

  /** The paths of heads that may be built alone, likeliest first, that are neither being built nor decided. */
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
   * A later build of a batch on probation is worth its slot when it is the likeliest path over everything that arrived earlier, and has a
   * good chance to come true. It may run beside the build under way when the batch is expected to fail, and the build under way lacks a
   * batch that the proposal holds: then the build under way will not decide anything.
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
