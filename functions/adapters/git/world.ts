import type { BatchId, GitSha } from "../../contracts/ids.ts";
import type { MergeUnit } from "../../contracts/messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { faultOf, type PinnedChange, pinned, type Sight, sightOf } from "./ensure.ts";
import { type Graph, graphAbove } from "./history.ts";
import { fingerprintOf, type Landed, readLanded } from "./records.ts";
import { landedRef } from "./refs.ts";
import { refusals } from "./refusals.ts";
import type { Repository } from "./repository.ts";

/** The remote as it was at one moment, as far as it matters to some units. */
export interface World extends Sight {
  readonly graph: Graph;
  /** The batches that the trunk holds, of those that were asked about. */
  readonly landed: ReadonlyMap<BatchId, Landed>;
}

export interface Questions {
  readonly units: readonly MergeUnit[];
  /** False when the units are no batches yet, and can't have landed. */
  readonly recall?: boolean;
  /** Batches beside the units: have they landed? */
  readonly batches?: readonly BatchId[];
  readonly refs?: readonly string[];
  /** Commits that the graph should cover too, when they are here. */
  readonly commits?: readonly GitSha[];
}

export const changesOf = (unit: MergeUnit): readonly PinnedChange[] =>
  unit.steps.flatMap((step) => step.changes.flatMap((uri) => pinned(uri) ?? []));

/** Four git processes, one of them a fetch; two more when a change has to be fetched by its commit. */
export async function look(repository: Repository, questions: Questions): Promise<World> {
  const { units, recall = true, batches = [], refs = [], commits = [] } = questions;
  const asked = recall ? [...new Set([...units.map((unit) => unit.batchId), ...batches])] : [];
  const also = { refs: [...asked.map(landedRef), ...refs], objects: commits };
  const owners = new Map(units.flatMap((unit) => changesOf(unit).map((change) => [change, unit.batchId] as const)));
  const sight = await sightOf(repository, [...owners.keys()], also, (change, seen) => {
    const owner = owners.get(change);
    return owner === undefined || !seen.has(landedRef(owner));
  });
  const prints = new Map(units.map((unit) => [unit.batchId, fingerprintOf(unit)]));
  const records = asked.flatMap((batchId) => {
    const landed = readLanded(sight.seen.get(landedRef(batchId)));
    const print = prints.get(batchId);
    // A deployment that starts anew on the same repository gives out the same ids: only the same changes are the same batch.
    return landed && (print === undefined || print === landed.unit) ? [[batchId, landed] as const] : [];
  });
  const tips = [...owners.keys()].map(({ sha }) => sha).filter((sha) => sight.seen.get(sha)?.type === "commit");
  const wanted = [...tips, ...records.map(([, { commit }]) => commit), ...commits.filter((sha) => sight.seen.has(sha))];
  const graph = await graphAbove(repository, sight.trunk, wanted);
  // A record without its commit on the trunk is of a trunk that somebody has since reset.
  return { ...sight, graph, landed: new Map(records.filter(([, { commit }]) => !graph.has(commit))) };
}

/** Why nothing of the unit can be applied, whatever the trunk: found without touching a tree. */
export function unusable(world: Sight, unit: MergeUnit, { checkStaleness }: QueueConfig): Reason | undefined {
  for (const { changes, strategy } of unit.steps) {
    if (strategy === "PROMOTE" && changes.length > 1) return refusals.promoteAlone();
    for (const uri of changes) {
      const change = pinned(uri);
      const reason = change ? faultOf(world, change, checkStaleness) : refusals.unsupported(uri);
      if (reason) return reason;
    }
  }
  return undefined;
}
