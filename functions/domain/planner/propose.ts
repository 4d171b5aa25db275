import { type BatchId, buildKeyOf } from "../../contracts/ids.ts";
import { type Path, pathIsActive, sameGuess } from "../batch.ts";
import type { Field } from "../field.ts";
import { Belief } from "../speculation/belief.ts";
import { bundles, canShare, inBundles } from "../speculation/bundles.ts";
import { type Candidate, candidates } from "../speculation/candidates.ts";
import { clashOf } from "../speculation/history.ts";
import {
  baseOf,
  buildsUnderWay,
  compare,
  failuresOf,
  isKnown,
  type Proposal,
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
  const { budget, batch: bundling, speculation } = draft.config;
  const active = draft.batches().flatMap((batch) => batch.paths.filter(pathIsActive));
  let free = budget - active.length;
  let stopping = active.filter((path) => path.state === "cancelling").length;
  if (free <= 0 && speculation.allocator === "sticky") return;
  const { field } = draft;
  const scorer = scorerFor(speculation.scorer, draft.queue.history);
  const belief = new Belief(field, (slot) => scorer(field.batch(slot)), clashOf(draft.queue.history));
  const running = buildsUnderWay(field);
  const heads = waitingHeads(field, belief);
  const served = inBundles(field, heads);
  const floor = Math.log(speculation.minProbability);
  const limits = { maxSize: bundling.maxSize, maxWaitMs: bundling.maxWaitSeconds * 1_000, free, least: floor };
  const crowd =
    bundling.maxSize > 1 && free > 0 ? bundles(field, belief, running, heads, served, limits, draft.now) : undefined;
  // When more wait than can be served, what can be in a bundle is not built alone.
  const alone = crowd ? heads.filter(({ slot }) => !canShare(field, belief, slot)) : heads;
  const begun = new Set(running.keys());
  const start = (proposal: Proposal) => {
    build(draft, belief, proposal);
    for (const slot of proposal.heads) begun.add(slot);
    free -= 1;
  };
  const guesses = newGuesses(field, belief, running, alone, served, begun, floor);
  if (crowd) {
    const kept = Math.ceil(budget * KEPT) - alone.filter(({ slot }) => running.has(slot)).length;
    for (let i = 0; i < kept && free > 0; i++) {
      const { value } = guesses.next();
      if (!value) break;
      start(value);
    }
    for (const bundle of crowd.slice(0, free)) start(bundle);
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
  for (const proposal of firstGuesses(field, belief, running, heads, begun)) {
    if (free <= 0) break;
    start(proposal);
  }
  if (speculation.bypass && free > 0) for (const bypass of bypasses(draft, belief, running, alone, free)) start(bypass);
}

/** Of the budget, kept from bundles for those that can't be in one. */
const KEPT = 0.25;

/** The guesses worth a build that are not being built, and have no verdict. `begun`: what is being built by then. */
function* newGuesses(
  field: Field,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  served: ReadonlySet<number>,
  begun: ReadonlySet<number>,
  least: number,
): Generator<Proposal, undefined, void> {
  for (const candidate of candidates(heads, least)) {
    const { slot } = candidate.head;
    if (candidate.flips === 0 && served.has(slot)) continue;
    if (field.provesItself(slot) && begun.has(slot)) continue;
    const proposal = proposalOf(candidate);
    if (!isKnown(field, belief, running, proposal)) yield proposal;
  }
}

/** How many guesses are looked at for one that can be composed. */
const FIRST_GUESSES = 8;

/** The likeliest guess, however unlikely, of each head of which nothing is known, where a build tells of its head whatever is under it. */
function* firstGuesses(
  field: Field,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  begun: ReadonlySet<number>,
): Generator<Proposal, undefined, void> {
  if (field.speaksFor === "tree") return;
  for (const head of heads) {
    if (begun.has(head.slot) || field.factsOf(head.slot).length > 0) continue;
    const likeliest = candidates([head]).take(FIRST_GUESSES).map(proposalOf);
    const first = likeliest.find((proposal) => !isKnown(field, belief, running, proposal));
    if (first) yield first;
  }
}

const proposalOf = ({ head, landing, logProbability }: Candidate<WaitingHead>): Proposal => ({
  heads: [head.slot],
  landing,
  logProbability,
});

/** Starts the build: a path of the first head, on its base in landing order. */
export function build(draft: Draft, belief: Belief, proposal: Proposal): void {
  const { field } = draft;
  const base = baseOf(field, belief, proposal);
  const assumed = new Set(base);
  const heads = new Set(proposal.heads);
  const without = new Set<number>();
  for (const slot of proposal.heads)
    for (const other of field.aheadOf(slot)) if (!assumed.has(other) && !heads.has(other)) without.add(other);
  const ids = (slots: Iterable<number>): BatchId[] =>
    [...slots].sort((a, b) => compare(field, a, b)).map((slot) => field.batch(slot).id);
  const owner = field.batch(proposal.heads[0] ?? -1);
  const guess = { heads: proposal.heads.map((slot) => field.batch(slot).id), base: ids(base), without: ids(without) };
  const path: Path = {
    buildKey: buildKeyOf(draft.queue.installation, owner.id, owner.built + 1),
    attempt: 1 + owner.paths.filter((other) => sameGuess(other, guess) && other.reason !== undefined).length,
    ...guess,
    state: "building",
    dispatched: false,
    startedAt: draft.now,
  };
  sayRepeat(draft, proposal, base);
  const latest = field.batch(proposal.heads[0] ?? -1);
  draft.put({ ...latest, paths: [...latest.paths, path], built: latest.built + 1 });
}

/** Tells the log when the build repeats one that failed: which, and why that one failed. */
function sayRepeat(draft: Draft, { heads }: Proposal, base: readonly number[]): void {
  const { field } = draft;
  const [head] = heads;
  if (head === undefined || heads.length > 1) return;
  const failure = failuresOf(field, head, treeOf(field, { heads, landing: base })).at(-1);
  if (failure?.path.reason !== undefined) sayRetrying(draft, failure.path, failure.path.reason);
}
