import type { BatchId } from "../../../functions/contracts/ids.ts";
import { batchLabel } from "../../../functions/contracts/ids.ts";
import { type Batch, neverLands, type Path } from "../../../functions/domain/batch.ts";
import { conflicts, type Story } from "./stories.ts";
import type { Run } from "./world.ts";

export const numberOf = ({ id }: Pick<Batch, "id">): number => Number(batchLabel(id));

/** The live batches as a run has decided that they shall be. */
export function batchesAfter({ batches, result }: Run): Map<BatchId, Batch> {
  const after = new Map(batches.map((batch) => [batch.id, batch]));
  for (const { next } of result.writes) after.set(next.id, next);
  return after;
}

/** The running builds that a run has given up. */
export const givenUp = ({ result }: Run): Path[] =>
  result.writes.flatMap(({ before, next }) =>
    next.paths.filter(
      ({ state, buildKey }) =>
        state === "cancelling" && before?.paths.some((path) => path.buildKey === buildKey && path.state === "building"),
    ),
  );

/**
 * For each batch, the batches that had a position when it arrived. A run that crashed may not have written all batches that it made: the next
 * run sees which it has.
 */
export function placedBefore(runs: readonly Run[]): Map<BatchId, ReadonlySet<BatchId>> {
  const placed = new Map<BatchId, ReadonlySet<BatchId>>();
  for (const [i, { batches, result, crashed }] of runs.entries()) {
    const isStored = ({ id }: Batch) => !crashed || runs[i + 1]?.batches.some((batch) => batch.id === id) === true;
    const joined = result.writes.flatMap(({ before, next }) => (before ? [] : [next])).filter(isStored);
    for (const batch of joined) {
      const there = [...batches, ...joined.filter((other) => other.arrival < batch.arrival)];
      placed.set(batch.id, new Set(there.flatMap(({ id, position: order }) => (order === undefined ? [] : [id]))));
    }
  }
  return placed;
}

/**
 * Reality is known to have gone another way than the build assumes: one of its heads needs no more builds, its tree holds what never
 * lands, or lacks what has landed. What joined while a head was on probation contradicts nothing by landing.
 */
export function isContradicted(
  story: Story,
  run: Run,
  path: Path,
  placed: ReadonlyMap<BatchId, ReadonlySet<BatchId>>,
): boolean {
  const after = batchesAfter(run);
  const inTree = ({ id, state, endedAt }: Batch) =>
    path.heads.includes(id) || path.base.includes(id) || (state === "landed" && (endedAt ?? 0) <= path.startedAt);
  return path.heads.some((id) => {
    const head = after.get(id);
    if (head?.state !== "speculating") return true;
    return [...after.values()].some((other) => {
      if (!conflicts(story, numberOf(head), numberOf(other))) return false;
      if (neverLands(other)) return inTree(other);
      const isLate = head.position === undefined && !placed.get(id)?.has(other.id);
      return other.state === "landed" && !inTree(other) && !isLate;
    });
  });
}

/**
 * True when builds test everything, and the build holds the whole tree of another one that has failed: it will fail too.
 *
 * Example: {A, B} has failed. A build of {A, B, C} may be given up, and one of {A, C} may not.
 */
export function containsFailure(story: Story, run: Run, path: Path): boolean {
  if (story.tests === "affected") return false;
  const after = [...batchesAfter(run).values()];
  const treeOf = ({ heads, base, startedAt }: Path): Set<BatchId> =>
    new Set([
      ...heads,
      ...base,
      ...after.flatMap(({ id, state, endedAt }) => (state === "landed" && (endedAt ?? 0) <= startedAt ? [id] : [])),
    ]);
  const tree = treeOf(path);
  const failed = after.flatMap(({ paths }) => paths.filter(({ state }) => state === "failed"));
  return failed.some((other) => [...treeOf(other)].every((id) => tree.has(id)));
}
