import { type BatchId, buildKeyOf } from "../../contracts/ids.ts";
import { type Path, pathIsActive, sameAssumptions } from "../batch.ts";
import type { QueueIndex } from "../queue-index.ts";
import { Belief } from "../speculation/belief.ts";
import { bundleProposals, canJoinBundle, headsInBundles } from "../speculation/bundles.ts";
import { type PathCandidate, pathCandidates } from "../speculation/candidates.ts";
import { clashOf } from "../speculation/history.ts";
import {
  type BuildProposal,
  baseOf,
  buildsUnderWay,
  compare,
  failuresOf,
  needsNoBuild,
  type Running,
  treeOf,
  type WaitingHead,
  waitingHeads,
} from "../speculation/proposals.ts";
import { scorerFor } from "../speculation/scorer.ts";
import { bypasses } from "./bypass.ts";
import type { Draft } from "./draft.ts";
import { sayRetrying } from "./fold.ts";
import { preempt } from "./preempt.ts";

/**
 * Step 4: spends what is left of the budget on the guesses most likely to come true, then on those that tell something all the same:
 * of a change of which nothing is known, or whether one can be bypassed. What exists already costs nothing.
 */
export function propose(draft: Draft): void {
  const { budget, bundle, speculation } = draft.config;
  const active = draft.batches().flatMap((batch) => batch.paths.filter(pathIsActive));
  let free = budget - active.length;
  let stopping = active.filter((path) => path.state === "cancelling").length;
  if (free <= 0 && speculation.allocator === "sticky") return;
  const { index } = draft;
  const scorer = scorerFor(speculation.scorer, draft.queue.history);
  const belief = new Belief(index, (i) => scorer(index.batch(i)), clashOf(draft.queue.history));
  const running = buildsUnderWay(index);
  const heads = waitingHeads(index, belief);
  const served = headsInBundles(index, heads);
  const floor = Math.log(speculation.minProbability);
  const limits = { maxSize: bundle.maxSize, maxWaitMs: bundle.maxWaitSeconds * 1_000, free, least: floor };
  const crowd =
    bundle.maxSize > 1 && free > 0
      ? bundleProposals(index, belief, running, heads, served, limits, draft.now)
      : undefined;
  // When more wait than can be served, what can be in a bundle is not built alone.
  const alone = crowd ? heads.filter(({ index: i }) => !canJoinBundle(index, belief, i)) : heads;
  const begun = new Set(running.keys());
  const start = (proposal: BuildProposal) => {
    build(draft, belief, proposal);
    for (const i of proposal.heads) begun.add(i);
    free -= 1;
  };
  const guesses = newGuesses(index, belief, running, alone, served, begun, floor);
  if (crowd) {
    const kept = Math.ceil(budget * KEPT) - alone.filter(({ index: i }) => running.has(i)).length;
    for (let i = 0; i < kept && free > 0; i++) {
      const { value } = guesses.next();
      if (!value) break;
      start(value);
    }
    for (const proposal of crowd.slice(0, free)) start(proposal);
  }
  for (const proposal of guesses) {
    if (free > 0) {
      start(proposal);
      continue;
    }
    if (speculation.allocator === "sticky") break;
    // The slot is free once the build that was given up has stopped; the guess is proposed again then.
    if (stopping > 0) stopping -= 1;
    else if (!preempt(draft, belief, proposal)) break;
  }
  for (const proposal of firstGuesses(index, belief, running, heads, begun)) {
    if (free <= 0) break;
    start(proposal);
  }
  if (speculation.bypass && free > 0) for (const bypass of bypasses(draft, belief, running, alone, free)) start(bypass);
}

/** Of the budget, kept from bundles for those that can't be in one. */
const KEPT = 0.25;

/** The guesses worth a build that are not being built, and have no verdict. `begun`: what is being built by then. */
function* newGuesses(
  index: QueueIndex,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  served: ReadonlySet<number>,
  begun: ReadonlySet<number>,
  least: number,
): Generator<BuildProposal, undefined, void> {
  for (const candidate of pathCandidates(heads, least)) {
    const { index: i } = candidate.head;
    if (candidate.flips === 0 && served.has(i)) continue;
    if (index.provesItself(i) && begun.has(i)) continue;
    const proposal = proposalOf(candidate);
    if (!needsNoBuild(index, belief, running, proposal)) yield proposal;
  }
}

/** How many guesses are looked at for one that can be composed. */
const FIRST_GUESSES = 8;

/** The likeliest guess, however unlikely, of each head of which nothing is known, where a build tells of its head whatever is under it. */
function* firstGuesses(
  index: QueueIndex,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  begun: ReadonlySet<number>,
): Generator<BuildProposal, undefined, void> {
  if (index.tests === "everything") return;
  for (const head of heads) {
    if (begun.has(head.index) || index.evidenceOf(head.index).length > 0) continue;
    const likeliest = pathCandidates([head]).take(FIRST_GUESSES).map(proposalOf);
    const first = likeliest.find((proposal) => !needsNoBuild(index, belief, running, proposal));
    if (first) yield first;
  }
}

const proposalOf = ({ head, assumedLanded, logProbability }: PathCandidate<WaitingHead>): BuildProposal => ({
  heads: [head.index],
  assumedLanded,
  logProbability,
});

/** Starts the build: a path of the first head, on its base in landing order. */
export function build(draft: Draft, belief: Belief, proposal: BuildProposal): void {
  const { index } = draft;
  const base = baseOf(index, belief, proposal);
  const assumed = new Set(base);
  const heads = new Set(proposal.heads);
  const without = new Set<number>();
  for (const i of proposal.heads)
    for (const other of index.undecidedAhead(i)) if (!assumed.has(other) && !heads.has(other)) without.add(other);
  const ids = (indexes: Iterable<number>): BatchId[] =>
    [...indexes].sort((a, b) => compare(index, a, b)).map((i) => index.batch(i).id);
  const owner = index.batch(proposal.heads[0] ?? -1);
  const guess = { heads: proposal.heads.map((i) => index.batch(i).id), base: ids(base), without: ids(without) };
  const path: Path = {
    buildKey: buildKeyOf(draft.queue.installation, owner.id, owner.buildCount + 1),
    attempt: 1 + owner.paths.filter((other) => sameAssumptions(other, guess) && other.reason !== undefined).length,
    ...guess,
    state: "building",
    dispatched: false,
    startedAt: draft.now,
  };
  sayRepeat(draft, proposal, base);
  const latest = index.batch(proposal.heads[0] ?? -1);
  draft.put({ ...latest, paths: [...latest.paths, path], buildCount: latest.buildCount + 1 });
}

/** Tells the log when the build repeats one that failed: which, and why that one failed. */
function sayRepeat(draft: Draft, { heads }: BuildProposal, base: readonly number[]): void {
  const { index } = draft;
  const [head] = heads;
  if (head === undefined || heads.length > 1) return;
  const failure = failuresOf(index, head, treeOf(index, { heads, assumedLanded: base })).at(-1);
  if (failure?.path.reason !== undefined) sayRetrying(draft, failure.path, failure.path.reason);
}
