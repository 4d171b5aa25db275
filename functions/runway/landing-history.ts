import { tipOf } from "../adapters/git/pinned-changes.ts";
import { composedPrefix, composedRef, recordsRef, seenRef } from "../adapters/git/refs.ts";
import type { Repository } from "../adapters/git/repository.ts";
import { MOVED_ROOT } from "../contracts/build-refs.ts";
import type { BatchId, GitSha } from "../contracts/ids.ts";
import type { LandBatch } from "../contracts/messages/landing-messages.ts";
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
import { type HeadMove, readMoved } from "./moved-heads.ts";
import { type Keeper, namesToAdd, namesToFind } from "./records-tree.ts";
import { changesOf, type RemoteSnapshot, readSnapshot } from "./remote-snapshot.ts";

interface ComposedBefore extends ComposedRecord {
  readonly batchId: BatchId;
  readonly tree: GitSha;
}

/** A recorded move of a head branch, and where the branch is now. */
export interface HeadMoveNow extends HeadMove {
  /** What the branch holds now. Undefined when the branch is gone. */
  readonly at: GitSha | undefined;
}

/** What runway has done for the batches of a message before, according to the remote. */
export interface LandingHistory {
  readonly keeper: Keeper;
  readonly snapshot: RemoteSnapshot;
  /** A text of everything on the remote that a push depends on: another text means that another push may succeed. */
  readonly facts: string;
  readonly composed: readonly ComposedBefore[];
  /** The moves of head branches that were begun for the batches, and were neither finished nor undone. */
  readonly moves: readonly HeadMoveNow[];
}

/** The records that landing a message reads, and may write. */
const addressesOf = (keeper: Keeper, { queue, id, batches }: LandBatch) => [
  answerAt(keeper, queue, id),
  declinedAt(keeper),
  ...batches.map(({ batchId }) => landedAt(keeper, batchId)),
];

/**
 * Five git processes, one of them a fetch; and those of `bearersOf` when a batch has landed. One more fetch when a landing that was cut off
 * has moved head branches.
 */
export async function readHistory(repository: Repository, message: LandBatch, keeper: Keeper): Promise<LandingHistory> {
  const addresses = addressesOf(keeper, message);
  const snapshot = await readSnapshot(repository, {
    units: message.batches,
    keeper,
    refs: message.batches.map(({ batchId }) => composedPrefix(batchId)),
    objects: [...namesToFind(keeper, addresses), ...namesToAdd(keeper, addresses)],
    commits: message.batches.map(({ tested }) => tested.commit),
  });
  const { composed, moved } = await recallTags(repository, message, keeper);
  const branches = moved.map(({ branch }) => `refs/heads/${branch}`);
  const tips = branches.length === 0 ? new Map() : await repository.see(branches);
  const moves = moved.map((move) => ({ ...move, at: tips.get(`refs/heads/${move.branch}`)?.sha }));
  const facts = [
    snapshot.trunk,
    snapshot.seen.get(recordsRef(keeper.branch))?.sha,
    ...message.batches.flatMap((batch) => changesOf(batch).map(({ ref }) => snapshot.seen.get(tipOf(ref))?.sha)),
    ...moves.flatMap(({ to, at }) => [to, at]),
  ].join(" ");
  return { keeper, snapshot, facts, composed, moves };
}

/** The tag objects about the batches: of commits that were composed for them, and of head branches that their landing moves. */
async function recallTags(repository: Repository, { batches }: LandBatch, keeper: Keeper) {
  const rooms = batches.map(({ batchId }) => ({ batchId, room: seenRef(composedPrefix(batchId)) }));
  const movedRoom = seenRef(MOVED_ROOT);
  const format = "--format=%(refname) %(*tree) %(contents:subject)";
  const found = await repository.run(["for-each-ref", format, ...rooms.map(({ room }) => room), movedRoom]);
  const composed: ComposedBefore[] = [];
  const moved: HeadMove[] = [];
  for (const line of found.split("\n")) {
    const [name = "", tree = "", ...words] = line.split(" ");
    const text = words.join(" ");
    if (name.startsWith(movedRoom)) {
      const move = readMoved(keeper, name.slice(movedRoom.length) as GitSha, text);
      if (move && batches.some(({ batchId }) => batchId === move.batchId)) moved.push(move);
      continue;
    }
    const batchId = rooms.find(({ room }) => name.startsWith(room))?.batchId;
    const record = readComposed(text);
    if (batchId && record) composed.push({ ...record, batchId, tree: tree as GitSha });
  }
  return { composed, moved };
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
