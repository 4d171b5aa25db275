import { Belief } from "../speculation/belief.ts";
import { clashOf } from "../speculation/history.ts";
import { scorerFor } from "../speculation/scorer.ts";
import { containsFailure } from "../speculation/will-fail.ts";
import type { Draft } from "./draft.ts";

/**
 * Gives up the running builds that will fail, because a part of their tree has failed. Does nothing where builds test only what is affected:
 * there the failure of a part says nothing about the heads.
 *
 * Example: {A}, {A, B}, {A, B, C} and {A, B, C, D} are being built, and {A, B} fails. A or B is at fault, so {A, B, C} and {A, B, C, D} are
 * given up. {A} goes on, and the free slots go to builds without B.
 */
export function giveUpFailing(draft: Draft): void {
  const { index, config, queue } = draft;
  if (index.tests === "affected") return;
  const score = scorerFor(config.speculation.scorer, queue.history);
  const { failures } = new Belief(index, (i) => score(index.batch(i)), clashOf(queue.history));
  if (failures.length === 0) return;
  for (const batch of draft.batches()) {
    const given = new Set(
      batch.paths.filter(
        (path) =>
          path.state === "building" &&
          containsFailure(index, failures, index.treeOf(path), [...index.bitsOf(path.heads)]),
      ),
    );
    if (given.size === 0) continue;
    const paths = batch.paths.map((path) => (given.has(path) ? { ...path, state: "cancelling" as const } : path));
    draft.put({ ...batch, paths });
  }
}
