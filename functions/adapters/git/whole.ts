import type { Bench, PlacedChange } from "./bench.ts";
import { type Merged, mergeTrees } from "./merge.ts";
import type { Tip } from "./tip.ts";

/**
 * The three-way merge of a tip and a change, in one go: what a change is expected to leave, whatever the strategy. The base is where the
 * change left the trunk or, when it is stacked, the change below it. The git processes of mergeTrees; none when the tip has the base's tree.
 */
export async function mergeWhole(
  bench: Bench,
  tip: Tip,
  { sha, range: { boundary, stacked } }: PlacedChange,
): Promise<Merged> {
  const [left] = boundary;
  if (boundary.size === 1 && left !== undefined && bench.commit(left).tree === tip.tree)
    return { kind: "clean", tree: bench.commit(sha).tree };
  const ours = stacked ? bench.scaffold(tip.tree, [tip.sha, ...boundary]) : tip.sha;
  await bench.flush();
  return mergeTrees(bench.repository, ours, sha);
}
