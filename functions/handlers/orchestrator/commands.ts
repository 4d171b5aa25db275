import type { Clients } from "../../adapters/aws-clients.ts";
import type { ClaimsStore } from "../../adapters/dynamodb/claims-store.ts";
import { putPayload } from "../../adapters/dynamodb/payloads.ts";
import type { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { send, sendEach } from "../../adapters/sqs.ts";
import { startExecution } from "../../adapters/step-functions.ts";
import { isRetryable } from "../../contracts/errors.ts";
import { INLINE_BYTES } from "../../contracts/limits.ts";
import { type MergeMessage, mergesTopic } from "../../contracts/messages/landing-messages.ts";
import { logMessages, logTopic } from "../../contracts/messages/log-messages.ts";
import { type QueueConfig, targetOf } from "../../contracts/queues.ts";
import { asciiJson } from "../../contracts/text.ts";
import type { BuildInput } from "../../contracts/workflows.ts";
import type { Refusal } from "../../domain/planner/carry-out.ts";
import type { Command } from "../../domain/planner/plan.ts";
import { releaseClaims, terminate, UNFINISHED } from "./termination.ts";

export interface CommandTargets {
  readonly clients: Clients;
  readonly requests: RequestsStore;
  readonly claims: ClaimsStore;
  readonly buildWorkflow: string;
  readonly merges: string;
  readonly log: string;
  /** The table for payloads that are too large for a message or a workflow's input. */
  readonly payloads: string;
}

type CommandOf<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/**
 * Carries a command of the planner out. Answers the announcements that were refused for good, and throws when the whole command failed. A
 * failure that can't pass is logged. One call to start a build or to land, one per ten announcements, one to end a request, and one per
 * change unless the request has landed; one more per 300 KB of a build or a landing that is too large for its message.
 */
export async function carryOut(
  targets: CommandTargets,
  config: QueueConfig,
  command: Command,
): Promise<readonly Refusal[]> {
  const { log } = targets.clients;
  const about = { queue: config.name, command: command.kind };
  try {
    const refusals = await attempt(targets, config, command);
    for (const { command: refused, error } of refusals)
      log.error({ ...about, entries: refused.events.map(({ id }) => id), err: error }, "refused for good");
    return refusals;
  } catch (error) {
    if (!isRetryable(error)) log.error({ ...about, ...nameOf(command), err: error }, "refused for good");
    throw error;
  }
}

async function attempt(targets: CommandTargets, config: QueueConfig, command: Command): Promise<readonly Refusal[]> {
  switch (command.kind) {
    case "start-build":
      await startBuild(targets, config, command);
      return [];
    case "land":
      await land(targets, config, command);
      return [];
    case "announce": {
      const refused = await sendEach(targets.clients.sqs, targets.log, logTopic, command.events);
      return refused.map(({ message, error }) => ({ command: { kind: "announce", events: [message] }, error }));
    }
    case "announce-trunk":
      await send(targets.clients.sqs, targets.log, logMessages, command.message);
      return [];
    case "end-request":
      await endRequest(targets, command);
      return [];
  }
}

function nameOf(command: Command): Readonly<Record<string, string>> {
  switch (command.kind) {
    case "start-build":
      return { buildKey: command.buildKey };
    case "land":
      return { landId: command.message.id };
    case "announce":
    case "announce-trunk":
      return {};
    case "end-request":
      return { sqid: command.sqid };
  }
}

async function startBuild(
  { clients, buildWorkflow, payloads }: CommandTargets,
  { name: queue, repository }: QueueConfig,
  {
    installation,
    batchId,
    buildKey,
    attempt,
    base,
    head,
    sqids,
    without,
    lowerQuartileMs = 0,
  }: CommandOf<"start-build">,
): Promise<void> {
  const composition = { base: [...base], head, without: [...without] };
  const order = {
    queue,
    target: targetOf(repository),
    installation,
    batchId,
    buildKey,
    attempt,
    sqids: [...sqids],
    expectedSeconds: Math.round(lowerQuartileMs / 1_000),
  };
  const whole: BuildInput = { ...order, ...composition, payload: null };
  const input: BuildInput =
    asciiJson(whole).length <= INLINE_BYTES
      ? whole
      : {
          ...order,
          base: [],
          head: null,
          without: [],
          payload: await putPayload(clients.dynamodb, payloads, composition, clients.now()),
        };
  await startExecution(clients.sfn, buildWorkflow, buildKey, input);
}

async function land(
  { clients, merges, payloads }: CommandTargets,
  { repository }: QueueConfig,
  { message, nonce }: CommandOf<"land">,
): Promise<void> {
  const target = targetOf(repository);
  const whole = { ...message, target };
  const { v, id, queue } = message;
  const travelling: MergeMessage =
    asciiJson(whole).length <= INLINE_BYTES
      ? whole
      : {
          v,
          kind: "land-batch-ref",
          id,
          queue,
          payload: await putPayload(clients.dynamodb, payloads, whole, clients.now()),
        };
  await send(clients.sqs, merges, mergesTopic(target, nonce), travelling);
}

/**
 * A request that has ended in another way keeps that end, unless it has landed (`terminate`). A request that has landed keeps its claims: a
 * later request for another commit of the change takes the claim over.
 */
async function endRequest(targets: CommandTargets, command: CommandOf<"end-request">): Promise<void> {
  const { clients, requests, claims } = targets;
  const { sqid, outcome, reason } = command;
  const ended = await terminate(requests, sqid, { outcome, reason, now: clients.now(), from: UNFINISHED });
  if (outcome === "landed" && (ended.kind === "ended" || ended.kind === "already")) return;
  if (ended.kind === "ended" || ended.kind === "already") await releaseClaims(claims, sqid, ended.request.changes);
  else clients.log.warn({ sqid, outcome, found: ended.kind }, "not ended");
}
