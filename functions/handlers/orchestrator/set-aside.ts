import { send } from "../../adapters/sqs.ts";
import { statusEvent } from "../../contracts/log-event.ts";
import { logTopic, type Signal } from "../../contracts/messages.ts";
import type { Batch } from "../../domain/batch.ts";
import type { CommandTargets } from "./commands.ts";
import { releaseClaims, terminate, UNFINISHED } from "./termination.ts";

type Targets = Pick<CommandTargets, "clients" | "requests" | "claims" | "log">;

/**
 * Takes the signals of a queue that can't be planned, because it is not configured, or is configured for another target. What runway says that
 * it landed before is true, and ends its request. The other signals say what is found again should the queue be put back: reports of builds,
 * ready requests and cancels are repeated by the sweeps. Two calls and one per change for a landing, none for the others.
 */
export async function setAsideSignals(
  targets: Targets,
  signals: readonly Signal[],
  batches: readonly Batch[],
): Promise<void> {
  for (const signal of signals) {
    targets.clients.log.info({ queue: signal.queue, kind: signal.kind }, "set aside: the queue is not planned");
    if (signal.kind !== "land-finished") continue;
    for (const { batchId, outcome } of signal.results) {
      const batch = batches.find(({ id }) => id === batchId);
      if (batch && outcome.kind === "landed") await endLanded(targets, batch, outcome);
    }
  }
}

async function endLanded(
  { clients, requests, claims, log }: Targets,
  batch: Batch,
  { commit, tree, testedTree }: { readonly commit: string; readonly tree: string; readonly testedTree: string },
): Promise<void> {
  const metadata = { batch_id: batch.id, commit, tree, tested_tree: testedTree };
  const { sqid, changes } = batch.request;
  const ended = await terminate(requests, sqid, { outcome: "landed", now: clients.now(), from: UNFINISHED });
  if (ended.kind !== "ended" && ended.kind !== "already") return;
  const { endedAt, receivedAt, version } = ended.request;
  await send(clients.sqs, log, logTopic, statusEvent(sqid, "landed", endedAt ?? receivedAt, { version, metadata }));
  await releaseClaims(claims, sqid, changes);
}
