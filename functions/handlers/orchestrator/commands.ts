import type { Clients } from "../../adapters/clients.ts";
import type { ClaimsStore } from "../../adapters/dynamodb/claims-store.ts";
import type { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { send, sendAll } from "../../adapters/sqs.ts";
import { startExecution } from "../../adapters/step-functions.ts";
import { logTopic, mergesTopic } from "../../contracts/messages.ts";
import { type QueueConfig, targetOf } from "../../contracts/queues.ts";
import type { BuildOrder } from "../../contracts/workflows.ts";
import type { Command } from "../../domain/planner/plan.ts";
import { releaseClaims, terminate, UNFINISHED } from "./termination.ts";

export interface CommandTargets {
  readonly clients: Clients;
  readonly requests: RequestsStore;
  readonly claims: ClaimsStore;
  readonly buildWorkflow: string;
  readonly merges: string;
  readonly log: string;
}

type CommandOf<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/** Carries a command of the planner out. One call, one per ten announcements, or two and one per change to end a request. */
export async function carryOut(targets: CommandTargets, config: QueueConfig, command: Command): Promise<void> {
  const { sqs, sfn } = targets.clients;
  switch (command.kind) {
    case "start-build": {
      const order = orderOf(config, command);
      await startExecution(sfn, targets.buildWorkflow, order.buildKey, order);
      return;
    }
    case "land":
      return land(targets, config, command);
    case "announce":
      return sendAll(sqs, targets.log, logTopic, command.events);
    case "end-request":
      return endRequest(targets, command);
  }
}

function land({ clients, merges }: CommandTargets, config: QueueConfig, command: CommandOf<"land">): Promise<void> {
  const target = targetOf(config.repository);
  return send(clients.sqs, merges, mergesTopic(target, command.nonce), { ...command.message, target });
}

const orderOf = (
  { name, repository, buildRunner }: QueueConfig,
  { installation, batchId, buildKey, attempt, base, head, sqids, without }: CommandOf<"start-build">,
): BuildOrder => ({
  queue: name,
  target: targetOf(repository),
  installation,
  batchId,
  buildKey,
  attempt,
  base: [...base],
  head,
  sqids: [...sqids],
  without: [...without],
  pollSeconds: buildRunner.pollSeconds,
});

/** A request that has ended another way stays so: the planner's announcement has the lower version, or says the same. */
async function endRequest(targets: CommandTargets, command: CommandOf<"end-request">): Promise<void> {
  const { clients, requests, claims } = targets;
  const { sqid, outcome, reason } = command;
  const ended = await terminate(requests, sqid, { outcome, reason, now: clients.now(), from: UNFINISHED });
  if (ended.kind === "ended" || ended.kind === "already") await releaseClaims(claims, sqid, ended.request.changes);
  else clients.log.warn({ sqid, outcome, found: ended.kind }, "not ended");
}
