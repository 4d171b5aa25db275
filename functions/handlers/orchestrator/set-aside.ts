import { send } from "../../adapters/sqs.ts";
import { type BatchId, sqidOfBatch } from "../../contracts/ids.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import type { LandOutcome } from "../../contracts/messages/landing-messages.ts";
import { logTopic } from "../../contracts/messages/log-messages.ts";
import type { Signal } from "../../contracts/messages/signals.ts";
import type { CommandTargets } from "./commands.ts";
import { releaseClaims, terminate, UNFINISHED } from "./termination.ts";

type Targets = Pick<CommandTargets, "clients" | "requests" | "claims" | "log">;

/**
 * Takes the signals of a queue that can't be planned, because the queue is not configured, or is configured for another target. A batch that
 * runway has landed is on the trunk, so its request ends as landed, also when the request had ended otherwise. All other signals are only
 * logged: should the queue be put back, the sweeps repeat reports of builds, ready requests and cancels. Three calls and one per change for a
 * landed batch, none for another signal.
 */
export async function setAsideSignals(targets: Targets, signals: readonly Signal[]): Promise<void> {
  for (const signal of signals) {
    targets.clients.log.info({ queue: signal.queue, kind: signal.kind }, "set aside: the queue is not planned");
    if (signal.kind !== "land-finished" && signal.kind !== "land-held") continue;
    for (const { batchId, outcome } of signal.results)
      if (outcome.kind === "landed") await endLanded(targets, batchId, outcome);
  }
}

async function endLanded(
  { clients, requests, claims, log }: Targets,
  batchId: BatchId,
  { commit, tree, testedTree }: Extract<LandOutcome, { kind: "landed" }>,
): Promise<void> {
  const metadata = { batch_id: batchId, commit, tree, tested_tree: testedTree };
  const sqid = sqidOfBatch(batchId);
  const ended = await terminate(requests, sqid, { outcome: "landed", now: clients.now(), from: UNFINISHED });
  if (ended.kind !== "ended" && ended.kind !== "already") return;
  const { changes, endedAt, receivedAt, version } = ended.request;
  await send(clients.sqs, log, logTopic, statusEvent(sqid, "landed", endedAt ?? receivedAt, { version, metadata }));
  await releaseClaims(claims, sqid, changes);
}
