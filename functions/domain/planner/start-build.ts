import { type BatchId, type BuildKey, buildKeyOf } from "../../contracts/ids.ts";
import { type Path, sameAssumptions } from "../batch.ts";
import { type BuildProposal, compareIndexes, proposedTreeOf } from "../speculation/heads.ts";
import { baseOf, failuresOf } from "../speculation/proposals.ts";
import type { Speculation } from "../speculation/speculation.ts";
import { announceRetry } from "./announce-retry.ts";
import type { Draft } from "./draft.ts";

/**
 * Starts a build of the proposal: its first head gets a new path, which `commandsFor` turns into a command. For a bundle, too, only the first
 * head has the path. The attempt is 1 more than the builds of these heads on the same assumptions that failed.
 */
export function startBuild(draft: Draft, speculation: Speculation, proposal: BuildProposal): void {
  const { index } = speculation;
  const { heads } = proposal;
  const [first] = heads;
  if (first === undefined) throw new Error("a proposal has at least one head");
  const base = baseOf(speculation, proposal);
  const included = new Set([...base, ...heads]);
  const without = new Set(heads.flatMap((i) => index.undecidedAhead(i).filter((other) => !included.has(other))));
  const inOrder = (batches: Iterable<number>): BatchId[] =>
    [...batches].sort((a, b) => compareIndexes(index, a, b)).map((i) => index.batch(i).id);
  const buildKey = buildKeyOf(draft.queue.installation, index.batch(first).id, index.batch(first).buildCount + 1);
  announceRepeat(draft, proposal, base, buildKey);
  const owner = index.batch(first);
  const assumptions = {
    heads: heads.map((i) => index.batch(i).id),
    base: inOrder(base),
    without: inOrder(without),
  };
  const attempts = owner.paths.filter((other) => sameAssumptions(other, assumptions) && other.reason !== undefined);
  const path: Path = {
    buildKey,
    attempt: 1 + attempts.length,
    ...assumptions,
    state: "building",
    tests: index.tests,
    dispatched: false,
    startedAt: draft.now,
  };
  draft.put({ ...owner, paths: [...owner.paths, path], buildCount: owner.buildCount + 1 });
}

/** When the head has failed on this base before, tells the log which build `repeat` repeats, and why that build failed. Not for bundles. */
function announceRepeat(draft: Draft, { heads }: BuildProposal, base: readonly number[], repeat: BuildKey): void {
  const { index } = draft;
  const [head] = heads;
  if (head === undefined || heads.length > 1) return;
  const failure = failuresOf(index, head, proposedTreeOf(index, { heads, assumedLanded: base })).at(-1);
  if (failure?.path.reason !== undefined) announceRetry(draft, failure.path, failure.path.reason, { repeat });
}
