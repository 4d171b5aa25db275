import type { BatchId } from "../../contracts/ids.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type Batch, batchHasEnded, type Landing, mergeUnitOf, outcomeOf, type Path, pathIsActive } from "../batch.ts";
import { lowerQuartileOf } from "../speculation/history.ts";
import type { Draft } from "./draft.ts";
import type { Command } from "./plan.ts";
import { trunkCommands } from "./trunk-build.ts";

/** A landing that runway has not answered for this long is sent again. Runway recognises the repeat. */
export const RESEND_AFTER_MS = 120_000;

/**
 * The commands that the state of the queue asks for. First those about the trunk (`trunkCommands`), then for each batch: to start the builds that
 * are not known to be started, to send the landings that are not known to be sent or were not answered in time, and to end the requests that
 * are not known to be ended. Last, one command with all log entries that are not known to be sent.
 */
export function commandsFor(draft: Draft): Command[] {
  const commands: Command[] = trunkCommands(draft);
  const sent = new Set<string>();
  for (const batch of draft.batches()) {
    for (const path of batch.paths)
      if (pathIsActive(path) && !path.dispatched) commands.push(buildCommand(draft, path));
    if (batch.landing && landIsDue(batch, draft.now) && !sent.has(batch.landing.landId)) {
      sent.add(batch.landing.landId);
      commands.push(landCommand(draft, batch.landing));
    }
    const outcome = outcomeOf(batch);
    if (outcome === undefined || batch.concluded) continue;
    const reason = batch.reason && outcome !== "landed" ? { reason: batch.reason } : {};
    commands.push({ kind: "end-request", sqid: batch.request.sqid, outcome, batchId: batch.id, ...reason });
  }
  for (const { sqid, status, reason } of draft.loose)
    commands.push({ kind: "end-request", sqid, outcome: status, ...(reason && status !== "landed" ? { reason } : {}) });
  const events = [...draft.batches().flatMap((batch) => batch.outbox), ...draft.loose];
  if (events.length > 0) commands.push({ kind: "announce", events });
  return commands;
}

/** The batch with its commands recorded as carried out. The same object when it has no commands. */
export function acknowledge(batch: Batch, now: EpochMs): Batch {
  const undispatched = batch.paths.some((path) => pathIsActive(path) && !path.dispatched);
  const due = landIsDue(batch, now);
  const unconcluded = batchHasEnded(batch) && !batch.concluded;
  if (!undispatched && !due && !unconcluded && batch.outbox.length === 0) return batch;
  return {
    ...batch,
    outbox: [],
    paths: undispatched
      ? batch.paths.map((path) => (pathIsActive(path) ? { ...path, dispatched: true } : path))
      : batch.paths,
    ...(due && batch.landing ? { landing: { ...batch.landing, sentAt: now } } : {}),
    concluded: batch.concluded || unconcluded,
    version: batch.version + 1,
  };
}

const landIsDue = (batch: Batch, now: EpochMs): boolean =>
  batch.state === "landing" && (batch.landing?.sentAt === undefined || now - batch.landing.sentAt >= RESEND_AFTER_MS);

/**
 * The command to start the build of the path. A bundle is composed as its last head, on the base and the other heads. Throws when no head is
 * live.
 */
function buildCommand(draft: Draft, path: Path): Command {
  const live = (ids: readonly BatchId[]) => ids.flatMap((id) => draft.lookup(id) ?? []);
  const heads = live(path.heads);
  const last = heads.at(-1);
  if (!last) throw new Error(`${path.buildKey} has no head`);
  return {
    kind: "start-build",
    installation: draft.queue.installation,
    batchId: heads[0]?.id ?? last.id,
    buildKey: path.buildKey,
    attempt: path.attempt,
    base: [...live(path.base), ...heads.slice(0, -1)].map(mergeUnitOf),
    head: mergeUnitOf(last),
    sqids: heads.map((batch) => batch.request.sqid),
    without: path.without,
    ...lowerQuartileOf(draft.queue.history),
  };
}

/** The command to land the batches of the landing, without those that runway has answered already. */
function landCommand(draft: Draft, landing: Landing): Command {
  const exact = draft.config.conflictAnalyzer.type === "all";
  const batches = landing.landedTogether.flatMap((id) => {
    const batch = draft.lookup(id);
    return batch?.landing?.landId === landing.landId && batch.state === "landing"
      ? [{ ...mergeUnitOf(batch), tested: batch.landing.tested, exact, ...bundleLabel(batch.landing) }]
      : [];
  });
  return {
    kind: "land",
    message: {
      v: 1,
      kind: "land-batch",
      id: landing.landId,
      queue: draft.config.name,
      installation: draft.queue.installation,
      batches,
    },
    nonce: landing.sentAt === undefined ? "first" : String(draft.now),
  };
}

const bundleLabel = ({ bundle }: Landing): { bundle?: string } => (bundle?.[0] ? { bundle: bundle[0] } : {});
