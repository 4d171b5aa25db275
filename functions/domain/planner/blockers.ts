import { type BatchId, batchLabel } from "../../contracts/ids.ts";
import { type Blocker, happeningEvent, type LogEvent } from "../../contracts/log-event.ts";
import type { Batch, Path } from "../batch.ts";
import type { BitSet } from "../bit-set.ts";
import { isRefuted, isUseless } from "../evidence.ts";
import { isEndedByABuild } from "../progress.ts";
import type { QueueIndex } from "../queue-index.ts";
import { announce, type Draft } from "./draft.ts";
import { redReason } from "./set-aside.ts";

/** An announcement names at most this many of the batches in the way. */
const MOST_NAMED = 5;

/**
 * One run of the planner announces a new blocker for at most this many batches that it would not write otherwise. Each of these costs a write,
 * and one landing can give hundreds of batches a new blocker. The earliest arrivals are told first, and the others in later runs.
 */
export const MOST_TOLD = 25;

/** Tells the log what each waiting batch waits for, when that has changed. `GET …/why` answers from these entries. */
export function noteBlockers(draft: Draft): void {
  const builds = buildsOf(draft);
  let left = MOST_TOLD;
  for (const batch of draft.batches()) {
    if (batch.state !== "speculating") continue;
    const isWritten = batch !== draft.lookupBefore(batch.id);
    if (!isWritten && left <= 0 && !builds.ended.has(batch.id)) continue;
    const blocked = blockerOf(draft, batch, builds);
    if (blocked === undefined || isAnnounced(draft, batch, blocked.by, builds)) continue;
    if (!isWritten) left -= 1;
    draft.put(announce({ ...batch, blocked }, [blockedEntry(draft, batch, blocked)]));
  }
}

/** The batches, by what their builds come to. The heads of a bundle share its build, although only the first head has the path. */
interface Builds {
  /** A build of the batch is under way. */
  readonly running: ReadonlySet<BatchId>;
  /** A build of the batch has failed on a commit of the trunk that no passed build vouches for. */
  readonly unproven: ReadonlySet<BatchId>;
  /** A build of the batch was under way before this run of the planner, and has ended or was given up. */
  readonly ended: ReadonlySet<BatchId>;
  /** True when no slot of the budget is free. */
  readonly areSpent: boolean;
}

function buildsOf(draft: Draft): Builds {
  const batches = draft.batches();
  const headsOf = (isMeant: (path: Path, owner: Batch) => boolean) =>
    new Set(batches.flatMap((owner) => owner.paths.flatMap((path) => (isMeant(path, owner) ? path.heads : []))));
  return {
    running: headsOf(({ state }) => state === "building"),
    unproven: headsOf(({ setAside }) => setAside === "unproven"),
    ended: headsOf((path, owner) => path.state !== "building" && wasRunning(draft, owner, path)),
    areSpent: draft.activeBuilds() >= draft.config.budget,
  };
}

function wasRunning(draft: Draft, { id, paths }: Batch, { buildKey }: Path): boolean {
  const before = draft.lookupBefore(id)?.paths;
  return before !== paths && before?.some((path) => path.buildKey === buildKey && path.state === "building") === true;
}

/** The log entry that says what the batch waits for. */
function blockedEntry(draft: Draft, batch: Batch, { by, on }: NonNullable<Batch["blocked"]>): LogEvent {
  const { red } = draft.trunk;
  return happeningEvent(batch.request.sqid, "blocked", draft.now, {
    occurrence: `${batch.id}/${batch.version + 1}`,
    reason: by === "trunk.red" && red ? redReason(draft.config.repository.branch, red) : undefined,
    metadata: {
      batch_id: batch.id,
      blocker: by,
      ...(on.length > 0 ? { on: on.map(batchLabel).join(" ") } : {}),
    },
  });
}

/** What the batch waits for. Undefined while a build of the batch, or of a bundle with it, is under way. */
function blockerOf(draft: Draft, batch: Batch, builds: Builds): Batch["blocked"] {
  if (builds.running.has(batch.id)) return undefined;
  if (draft.trunk.red !== undefined) return { by: "trunk.red", on: [] };
  if (builds.unproven.has(batch.id)) return { by: "trunk.unproven", on: [] };
  const { index } = draft;
  const i = index.indexOf(batch.id);
  if (i === undefined) return undefined;
  const ahead = index.undecidedAheadSet(i);
  const namesOf = (set: BitSet) => set.first(MOST_NAMED).map((other) => index.batch(other).id);
  const on = namesOf(ahead);
  if (index.hasPassed(i)) {
    const before = on.length > 0 ? on : namesOf(aheadOfBundle(index, i));
    if (before.length > 0) return { by: "dependency", on: before };
    if (draft.queue.paused) return { by: "pause", on: [] };
  }
  if (on.length > 0 && mayBeFaultOfOthers(index, i, ahead)) return { by: "failure", on };
  if (batch.position === undefined && batch.paths.length > 0) return { by: "probation", on };
  return builds.areSpent ? { by: "budget", on: [] } : { by: "missing-path", on };
}

/**
 * The undecided batches ahead of a bundle that has passed with batch i: the bundle lands as a whole, so batch i waits for them too. Empty when
 * no such bundle can land.
 *
 * Example: A ← H, and the bundle {G, H} has passed on A. Batch G conflicts with no batch, and waits for A.
 */
function aheadOfBundle(index: QueueIndex, i: number): BitSet {
  const ahead = index.emptySet();
  for (const { passed, path } of index.evidenceOf(i)) {
    if (!passed || path.heads.length < 2 || isUseless(index, path)) continue;
    const heads = index.bitsOf(path.heads);
    if (!heads.has(i)) continue;
    for (const head of heads) ahead.addAll(index.undecidedAheadSet(head));
    ahead.deleteAll(heads);
  }
  return ahead;
}

/**
 * True when a build of batch i has failed that held every batch of `ahead`, the undecided batches ahead of batch i: one of them may be at fault.
 * False when reality has contradicted the build's assumptions.
 */
const mayBeFaultOfOthers = (index: QueueIndex, i: number, ahead: BitSet): boolean =>
  index
    .evidenceOf(i)
    .some(
      ({ passed, path, tree }) =>
        !passed &&
        (path.unappliable !== undefined || path.heads.includes(index.batch(i).id)) &&
        ahead.isSubsetOf(tree) &&
        !isRefuted(index, i, tree),
    );

/**
 * True when the last announcement about the batch still holds, so that the log is not told again:
 * - The blocker is the announced one. After `missing-path`, `budget` is no news either, so that the log is not told each time that the last slot
 *   is taken or becomes free.
 * - One of the batches that the announcement names is still undecided, or it names none.
 * - For a blocker that the start of a build ends: no build of the batch has ended since. The log told of that build, so for its readers the
 *   announced blocker is over (`standingBlock`).
 */
function isAnnounced(draft: Draft, batch: Batch, by: Blocker, { ended }: Builds): boolean {
  const told = batch.blocked?.by;
  const isSame = by === told || (by === "budget" && told === "missing-path");
  if (!isSame || batch.blocked === undefined) return false;
  if (isEndedByABuild(by) && ended.has(batch.id)) return false;
  const isUndecided = (id: BatchId) => {
    const state = draft.lookup(id)?.state;
    return state === "speculating" || state === "landing";
  };
  return batch.blocked.on.length === 0 || batch.blocked.on.some(isUndecided);
}
