import { type BatchId, batchLabel } from "../../contracts/ids.ts";
import type { Blocker } from "../../contracts/log-event.ts";
import { happeningEvent } from "../../contracts/log-event.ts";
import type { Batch } from "../batch.ts";
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
  const spent = draft.activeBuilds() >= draft.config.budget;
  let left = MOST_TOLD;
  for (const batch of draft.batches()) {
    if (batch.state !== "speculating") continue;
    const isWritten = batch !== draft.lookupBefore(batch.id);
    if (!isWritten && left <= 0) continue;
    const blocked = blockerOf(draft, batch, spent);
    if (blocked === undefined || isAnnounced(draft, batch, blocked.by)) continue;
    if (!isWritten) left -= 1;
    const metadata = {
      batch_id: batch.id,
      blocker: blocked.by,
      ...(blocked.on.length > 0 ? { on: blocked.on.map(batchLabel).join(" ") } : {}),
    };
    const { red } = draft.trunk;
    const reason = blocked.by === "trunk.red" && red ? redReason(draft.config.repository.branch, red) : undefined;
    const details = { occurrence: `${batch.id}/${batch.version + 1}`, metadata, reason };
    const event = happeningEvent(batch.request.sqid, "blocked", draft.now, details);
    draft.put(announce({ ...batch, blocked }, [event]));
  }
}

/** What blocks the batch. Undefined while the batch is being built. `spent`: no slot of the budget is free. */
function blockerOf(draft: Draft, batch: Batch, spent: boolean): Batch["blocked"] {
  if (batch.paths.some((path) => path.state === "building")) return undefined;
  if (draft.trunk.red !== undefined) return { by: "trunk.red", on: [] };
  if (batch.paths.some(({ setAside }) => setAside === "unproven")) return { by: "trunk.unproven", on: [] };
  const { index } = draft;
  const i = index.indexOf(batch.id);
  if (i === undefined) return undefined;
  const on = index
    .undecidedAheadSet(i)
    .first(MOST_NAMED)
    .map((other) => index.batch(other).id);
  const passed = index.hasPassed(i);
  if (passed && on.length > 0) return { by: "dependency", on };
  if (passed && draft.queue.paused) return { by: "pause", on: [] };
  if (batch.position === undefined && batch.paths.length > 0) return { by: "probation", on };
  return { by: spent ? "budget" : "missing-path", on: [] };
}

/**
 * True when the last announcement still holds: the blocker is of the same kind, and one of the batches that were named is still undecided.
 * A batch that waits for a build is not told each time that the last slot is taken or becomes free, only when a build of its own has ended.
 * While the trunk is red, a batch is told again when a build of its own has ended.
 */
function isAnnounced(draft: Draft, batch: Batch, by: Blocker): boolean {
  const told = batch.blocked?.by;
  const isNewBuild = hasNewBuilds(draft, batch);
  const isSame =
    (by === told && !(by === "trunk.red" && isNewBuild)) || (waitsForBuild(by) && waitsForBuild(told) && !isNewBuild);
  if (!isSame || batch.blocked === undefined) return false;
  const isUndecided = (id: BatchId) => {
    const state = draft.lookup(id)?.state;
    return state === "speculating" || state === "landing";
  };
  return by !== "dependency" || batch.blocked.on.some(isUndecided);
}

const waitsForBuild = (by: Blocker | undefined): boolean => by === "budget" || by === "missing-path";

const hasNewBuilds = (draft: Draft, { id, paths }: Batch): boolean => draft.lookupBefore(id)?.paths !== paths;
