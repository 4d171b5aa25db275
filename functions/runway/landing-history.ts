import { composedPrefix, composedRef, recordsRef, seenRef } from "../adapters/git/refs.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { BatchId, GitSha } from "../contracts/ids.ts";
import type { LandBatch } from "../contracts/messages.ts";
import {
  type Answered,
  answerAt,
  type ComposedRecord,
  type Declined,
  declinedAt,
  fingerprintOf,
  landedAt,
  readAnswer,
  readComposed,
  readDeclined,
  refOf,
} from "./landing-records.ts";
import { type Keeper, namesToAdd, namesToFind } from "./records-tree.ts";
import { type RemoteSnapshot, readSnapshot } from "./remote-snapshot.ts";

export interface ComposedBefore extends ComposedRecord {
  readonly batchId: BatchId;
  readonly tree: GitSha;
}

/** What runway has done for the batches of a message before, according to the remote. */
export interface LandingHistory {
  readonly keeper: Keeper;
  readonly snapshot: RemoteSnapshot;
  /** A text of everything on the remote that a push depends on: another text means that another push may succeed. */
  readonly facts: string;
  readonly composed: readonly ComposedBefore[];
}

/** The records that landing a message reads, and may write. */
const addressesOf = (keeper: Keeper, { queue, id, batches }: LandBatch) => [
  answerAt(keeper, queue, id),
  declinedAt(keeper),
  ...batches.map(({ batchId }) => landedAt(keeper, batchId)),
];

/** Five git processes, one of them a fetch; and those of `bearersOf` when a batch has landed. */
export async function readHistory(repository: Repository, message: LandBatch, keeper: Keeper): Promise<LandingHistory> {
  const addresses = addressesOf(keeper, message);
  const snapshot = await readSnapshot(repository, {
    units: message.batches,
    keeper,
    refs: message.batches.map(({ batchId }) => composedPrefix(batchId)),
    objects: [...namesToFind(keeper, addresses), ...namesToAdd(keeper, addresses)],
    commits: message.batches.map(({ tested }) => tested.commit),
  });
  const facts = `${snapshot.trunk} ${snapshot.seen.get(recordsRef(keeper.branch))?.sha ?? "-"}`;
  return { keeper, snapshot, facts, composed: await recallComposed(repository, message) };
}

async function recallComposed(repository: Repository, { batches }: LandBatch): Promise<readonly ComposedBefore[]> {
  const rooms = batches.map(({ batchId }) => ({ batchId, room: seenRef(composedPrefix(batchId)) }));
  const format = "--format=%(refname) %(*tree) %(contents:subject)";
  const lines = await repository.run(["for-each-ref", format, ...rooms.map(({ room }) => room)]);
  return lines.split("\n").flatMap((line) => {
    const [name = "", tree = "", ...text] = line.split(" ");
    const batchId = rooms.find(({ room }) => name.startsWith(room))?.batchId;
    const record = readComposed(text.join(" "));
    return batchId && record ? [{ ...record, batchId, tree: tree as GitSha }] : [];
  });
}

/**
 * The answer that was recorded for this message. Undefined when none was, or when the answer says of a batch that it landed and the trunk
 * does not hold that batch.
 */
export function earlierAnswer(
  { keeper, snapshot }: LandingHistory,
  message: LandBatch,
): readonly Answered[] | undefined {
  const answer = readAnswer(keeper, message.queue, message.id, snapshot.seen);
  const results = message.batches.flatMap((batch) => {
    const unit = fingerprintOf(batch);
    const found = answer?.find((one) => one.batchId === batch.batchId && one.unit === unit);
    const belied = found?.outcome.kind === "landed" && !snapshot.landed.has(batch.batchId);
    return found && !belied ? [found] : [];
  });
  return results.length === message.batches.length ? results : undefined;
}

/** The batch that the host declined last in words that do not say what its rule is about. Undefined when the trunk has moved since. */
export function earlierDecline({ keeper, snapshot }: LandingHistory): Declined | undefined {
  const declined = readDeclined(keeper, snapshot.seen);
  return declined?.trunk === snapshot.trunk ? declined : undefined;
}

/** The refs of composed commits that are not needed any more, because their batches have landed or were refused. */
export function spentRefs({ composed }: LandingHistory, results: readonly Answered[]): readonly string[] {
  const ended = new Set(
    results.filter(({ outcome }) => outcome.kind === "landed" || outcome.kind === "refused").map((one) => one.batchId),
  );
  return composed
    .filter(({ batchId }) => ended.has(batchId))
    .flatMap((record) => [refOf(record), composedRef(record.batchId, record.buildKey)]);
}
