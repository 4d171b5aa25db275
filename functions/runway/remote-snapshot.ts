import type { Graph } from "../adapters/git/commit-graph.ts";
import { faultOf, type PinnedChange, pinned, type RemoteRefs, readRemote } from "../adapters/git/pinned-changes.ts";
import { recordsRef } from "../adapters/git/refs.ts";
import { refusals } from "../adapters/git/refusals.ts";
import type { Repository } from "../adapters/git/repository.ts";
import { MOVED_ROOT } from "../contracts/build-refs.ts";
import type { ChangeUri } from "../contracts/change-uri.ts";
import type { BatchId, GitSha } from "../contracts/ids.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { QueueConfig } from "../contracts/queues.ts";
import type { Reason } from "../contracts/reasons.ts";
import { bearersOf, bears } from "./landing-proof.ts";
import { fingerprintOf, type Landed, landedAt, readLanded } from "./landing-records.ts";
import { type HeadMove, movedAmong } from "./moved-heads.ts";
import { type Keeper, namesToFind } from "./records-tree.ts";

/** The part of the remote that matters to some units, as it was at one moment. */
export interface RemoteSnapshot extends RemoteRefs {
  readonly graph: Graph;
  /** Of the units and of `Questions.batches`, the batches that the trunk holds. */
  readonly landed: ReadonlyMap<BatchId, Landed>;
  /** The changes whose pull request shows another commit because a landing of this installation has moved the head branch there. */
  readonly moved: ReadonlyMap<ChangeUri, HeadMove>;
}

/** What a snapshot is to hold, beside the trunk. */
export interface Questions {
  readonly units: readonly MergeUnit[];
  /** Says which records of landings to read. Absent when the units are not batches yet, so that they can't have landed. */
  readonly keeper?: Keeper;
  /** Further batches for which `landed` is to tell whether they have landed. */
  readonly batches?: readonly BatchId[];
  readonly refs?: readonly string[];
  /** Further objects to read, by any name that git resolves once the refs have been fetched. */
  readonly objects?: readonly string[];
  /** Further commits for the graph, as far as they exist in this repository. */
  readonly commits?: readonly GitSha[];
}

/** The pinned changes of a unit, in order. A change URI that git can't resolve is left out. */
export const changesOf = (unit: MergeUnit): readonly PinnedChange[] =>
  unit.steps.flatMap((step) => step.changes.flatMap((uri) => pinned(uri) ?? []));

/**
 * Reads the snapshot. Four git processes, one of them a fetch; two more when a change has to be fetched by its commit, one more when a batch
 * has landed.
 */
export async function readSnapshot(repository: Repository, questions: Questions): Promise<RemoteSnapshot> {
  const { units, keeper, batches = [], refs = [], objects = [], commits = [] } = questions;
  const asked = keeper ? [...new Set([...units.map((unit) => unit.batchId), ...batches])] : [];
  const names = keeper
    ? namesToFind(
        keeper,
        asked.map((batchId) => landedAt(keeper, batchId)),
      )
    : [];
  const also = {
    refs: [...(keeper ? [recordsRef(keeper.branch), MOVED_ROOT] : []), ...refs],
    objects: [...names, ...objects, ...commits],
  };
  const recordOf = (batchId: BatchId, seen: RemoteRefs["seen"]) => keeper && readLanded(keeper, batchId, seen);
  const owners = new Map(units.flatMap((unit) => changesOf(unit).map((change) => [change, unit.batchId] as const)));
  const remote = await readRemote(repository, [...owners.keys()], also, (change, seen) => {
    const owner = owners.get(change);
    return owner === undefined || recordOf(owner, seen) === undefined;
  });
  const recorded = asked.flatMap((batchId) => {
    const landed = recordOf(batchId, remote.seen);
    const unit = units.find((one) => one.batchId === batchId);
    return landed && (unit === undefined || fingerprintOf(unit) === landed.unit) ? [{ batchId, landed, unit }] : [];
  });
  const tips = [...owners.keys()].map(({ sha }) => sha).filter((sha) => remote.seen.get(sha)?.type === "commit");
  const wanted = [...tips, ...commits.filter((sha) => remote.seen.has(sha))];
  const bearers = await bearersOf(repository, remote.trunk, recorded, wanted);
  const isHere = (sha: GitSha) => remote.seen.get(sha)?.type === "commit";
  const landed = new Map<BatchId, Landed>();
  for (const record of recorded)
    if (await bears(repository, bearers, record, isHere)) landed.set(record.batchId, record.landed);
  const moved = keeper ? await movedAmong(repository, keeper, remote, [...owners.keys()]) : new Map();
  return { ...remote, graph: bearers.graph, landed, moved };
}

/** Why no change of the unit can be applied on any trunk. Found without touching a tree. Undefined when there is no such reason. */
export function unusable(
  snapshot: Pick<RemoteSnapshot, "seen" | "trunk" | "moved">,
  unit: MergeUnit,
  { checkStaleness }: QueueConfig,
): Reason | undefined {
  for (const { changes, strategy } of unit.steps) {
    if (strategy === "PROMOTE" && changes.length > 1) return refusals.promoteAlone();
    for (const uri of changes) {
      const change = pinned(uri);
      const reason = change
        ? faultOf(snapshot, change, checkStaleness && !snapshot.moved.has(uri))
        : refusals.unsupported(uri);
      if (reason) return reason;
    }
  }
  return undefined;
}
