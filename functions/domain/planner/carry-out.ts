import { CodedError, isRetryable } from "../../contracts/errors.ts";
import { type BatchId, trunkIdOf } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import type { Batch } from "../batch.ts";
import { type Awaitable, type Steps, waitFor, waitForEach } from "../steps.ts";
import type { Command, CommandFailed } from "./plan.ts";

/** A part of a command that was refused for good, though the rest of it was carried out. */
export interface Refusal {
  readonly command: Extract<Command, { kind: "announce" }>;
  readonly error: unknown;
}

/** How many calls of one run are under way at once. */
export const CONCURRENCY = 8;

/** Carries a command out. Repeats are harmless. Answers what of it was refused for good, and throws when all of it failed. */
export type CarryOut = (config: QueueConfig, command: Command) => Awaitable<readonly Refusal[]>;

/** What came of a run's commands. */
export interface Carried {
  /** Refused for good: the planner has to end what they are about. */
  readonly refused: readonly CommandFailed[];
  /** The first failure that may pass. */
  readonly passing?: unknown;
  /** The batches, and the trunk (`trunkIdOf`), that a failed command is about: not to be acknowledged, so that the command is derived again. */
  readonly open: ReadonlySet<BatchId>;
  /** True when the log could not be told anything: outboxes are to be kept. */
  readonly unannounced: boolean;
}

/**
 * Carries out all commands, also after one has failed. Commands of one kind go side by side, since they do not depend on each other.
 * `batches`: the live batches as they were written.
 */
export function* carryOutAll(
  carryOut: CarryOut,
  config: QueueConfig,
  commands: readonly Command[],
  batches: ReadonlyMap<BatchId, Batch>,
): Steps<Carried> {
  const failures: { command: Command; error: unknown }[] = [];
  for (const alike of runsOfOneKind(commands))
    yield* waitForEach(alike, CONCURRENCY, function* (command) {
      try {
        failures.push(...(yield* waitFor(carryOut(config, command))));
      } catch (error) {
        failures.push({ command, error });
      }
    });
  // Not about one entry: the log as a whole does not answer, or is not there.
  const isSilence = ({ command, error }: (typeof failures)[number]) =>
    command.kind === "announce" &&
    error instanceof CodedError &&
    (isRetryable(error) || error.code === "config.invalid");
  const told = failures.filter((failure) => !isSilence(failure));
  const passing = failures.find(({ error }) => isRetryable(error))?.error;
  return {
    refused: told.flatMap(({ command, error }) =>
      isRetryable(error) || command.kind === "end-request" || command.kind === "announce-trunk"
        ? []
        : [{ kind: "command-failed", command, reason: reasonFor(command, error) } as const],
    ),
    ...(passing === undefined ? {} : { passing }),
    open: new Set(told.flatMap(({ command }) => concernedBy(command, batches))),
    unannounced: failures.some(isSilence),
  };
}

function reasonFor(command: Command, error: unknown): Reason {
  const said = error instanceof Error ? error.message : String(error);
  const advice = "Nothing was landed: land the change again, and tell the operator of the queue if it happens again.";
  switch (command.kind) {
    case "start-build":
      return reasonOf("build.infrastructure", `The build could not be started (${said}). ${advice}`);
    case "land":
      return reasonOf("internal", `The landing could not be handed over to runway (${said}). ${advice}`);
    default:
      return reasonOf("internal", `The request log refused an entry about the request (${said}). ${advice}`);
  }
}

function concernedBy(command: Command, batches: ReadonlyMap<BatchId, Batch>): readonly BatchId[] {
  switch (command.kind) {
    case "start-build":
      return [command.batchId];
    case "land":
      return command.message.batches.map(({ batchId }) => batchId);
    case "announce": {
      const ids = new Set(command.events.map(({ id }) => id));
      return [...batches.values()].filter(({ outbox }) => outbox.some(({ id }) => ids.has(id))).map(({ id }) => id);
    }
    case "announce-trunk":
      return [trunkIdOf(command.message.queue)];
    case "end-request":
      return command.batchId === undefined ? [] : [command.batchId];
  }
}

function runsOfOneKind(commands: readonly Command[]): readonly (readonly Command[])[] {
  const runs: Command[][] = [];
  for (const command of commands) {
    const last = runs.at(-1);
    if (last?.[0]?.kind === command.kind) last.push(command);
    else runs.push([command]);
  }
  return runs;
}
