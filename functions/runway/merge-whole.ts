import { type Merged, mergeTrees } from "../adapters/git/merge.ts";
import type { Composer, PlacedChange } from "./composer.ts";
import type { Tip } from "./tip.ts";

/**
 * The three-way merge of a tip and the last commit of a change: the tree that the change is expected to give, with every strategy. The base
 * is the commit where the change left the trunk, or the last commit of the change below it in a stack. The git processes of `mergeTrees`;
 * none when the tip has the base's tree.
 */
export async function mergeWhole(
  composer: Composer,
  tip: Tip,
  { sha, range: { boundary, stacked } }: PlacedChange,
): Promise<Merged> {
  const [left] = boundary;
  if (boundary.size === 1 && left !== undefined && composer.commit(left).tree === tip.tree)
    return { kind: "clean", tree: composer.commit(sha).tree };
  const ours = stacked ? composer.scaffold(tip.tree, [tip.sha, ...boundary]) : tip.sha;
  await composer.flush();
  return mergeTrees(composer.repository, ours, sha);
}
