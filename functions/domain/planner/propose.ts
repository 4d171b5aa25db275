import { type BatchId, buildKeyOf } from "../../contracts/ids.ts";
import { type Batch, neverLands, type Path, pathIsActive } from "../batch.ts";
import { standingOf } from "../evidence.ts";
import type { Draft } from "./draft.ts";

/** A guess: every unfinished batch that the head conflicts with, directly or through others, is either under it or left out. */
interface Guess {
  readonly base: readonly BatchId[];
  readonly without: readonly BatchId[];
}

/** Step 4: spends what is left of the budget on the likeliest guess of each head, first come first served. */
export function propose(draft: Draft): void {
  let free =
    draft.config.budget - draft.batches().reduce((sum, batch) => sum + batch.paths.filter(pathIsActive).length, 0);
  for (const batch of draft.batches()) {
    if (free <= 0) return;
    if (batch.state !== "speculating") continue;
    const guess = guessFor(draft, batch);
    if (!isWorthBuilding(batch, guess)) continue;
    draft.put(withPath(draft, batch, guess));
    free -= 1;
  }
}

/** Those ahead succeed, but for the ones whose own guess has failed already. */
function guessFor(draft: Draft, head: Batch): Guess {
  const ancestors = ancestorsOf(draft, head);
  const without = new Set<BatchId>();
  for (const ancestor of ancestors) if (looksLost(draft, ancestor)) without.add(ancestor.id);
  const ids = ancestors.map((batch) => batch.id);
  return { base: ids.filter((id) => !without.has(id)), without: ids.filter((id) => without.has(id)) };
}

/** The unfinished batches that may yet land and that the head conflicts with, directly or through others; in order. */
function ancestorsOf(draft: Draft, head: Batch): Batch[] {
  const found = new Map<BatchId, Batch>();
  const visit = (batch: Batch) => {
    for (const id of batch.dependencies) {
      const other = draft.lookup(id);
      if (!other || found.has(id) || neverLands(other) || other.state === "landed") continue;
      found.set(id, other);
      visit(other);
    }
  };
  visit(head);
  return [...found.values()].sort((a, b) => a.order - b.order);
}

/** A guess of it that may yet come true has failed, and none has passed or is being built. */
function looksLost(draft: Draft, batch: Batch): boolean {
  const standing = batch.paths.filter((path) => standingOf(path, draft.lookup) !== "refuted");
  return (
    standing.some((path) => path.state === "failed") &&
    !standing.some((path) => path.state === "passed" || path.state === "building")
  );
}

const sameGuess = (a: Guess, b: Guess): boolean =>
  a.base.join() === b.base.join() && a.without.join() === b.without.join();

/** Not when this guess is being built, or has its verdict; a guess whose builds were all given up may be built again. */
const isWorthBuilding = (batch: Batch, guess: Guess): boolean =>
  !batch.paths.some((path) => sameGuess(path, guess) && path.state !== "cancelled");

function withPath(draft: Draft, batch: Batch, guess: Guess): Batch {
  const path: Path = {
    buildKey: buildKeyOf(batch.id, batch.built + 1),
    attempt: 1 + batch.paths.filter((other) => sameGuess(other, guess) && other.reason !== undefined).length,
    ...guess,
    state: "building",
    dispatched: false,
    startedAt: draft.now,
  };
  return { ...batch, paths: [...batch.paths, path], built: batch.built + 1 };
}
