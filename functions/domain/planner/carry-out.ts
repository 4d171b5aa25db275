import { CodedError, isRetryable } from "../../contracts/errors.ts";
import { type BatchId, trunkIdOf } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import type { Batch } from "../batch.ts";
import { type Awaitable, type Steps, waitFor, waitForEach } from "../steps.ts";
import type { Command, CommandFailed } from "./plan.ts";

/** A part of a command that was refused for good, while the rest of the command was carried out. */
export interface Refusal {
  readonly command: Extract<Command, { kind: "announce" }>;
  readonly error: unknown;
}

/** How many commands, or writes, of one run are under way at once. */
export const CONCURRENCY = 8;

/** Carries a command out. Repeats are harmless. Answers the parts that were refused for good, and throws when the whole command failed. */
export type CarryOut = (config: QueueConfig, command: Command) => Awaitable<readonly Refusal[]>;

/** What came of a run's commands. */
export interface Carried {
  /** The commands that were refused for good. The planner has to end the batches, or the build of the trunk, that they are about. */
  readonly refused: readonly CommandFailed[];
  /** The first error of a command that may succeed when it is repeated. */
  readonly retryable?: unknown;
  /**
   * The batches, and the trunk (`trunkIdOf`), that a failed command is about. Their commands must not be acknowledged, so that the next run
   * asks for them again.
   */
  readonly unacknowledged: ReadonlySet<BatchId>;
  /** True when the request log took no entries for a reason of its own, such as a topic that does not answer. Outboxes are to be kept then. */
  readonly unannounced: boolean;
}

/**
 * Carries out all commands in their order, also after one has failed. Neighbours of one kind go side by side, since they do not depend on
 * each other. `batches`: the live batches as they were written, by id.
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
  // The failure is not about one entry: the log as a whole does not answer, or is not there.
  const isSilence = ({ command, error }: (typeof failures)[number]) =>
    command.kind === "announce" &&
    error instanceof CodedError &&
    (isRetryable(error) || error.code === "config.invalid");
  const told = failures.filter((failure) => !isSilence(failure));
  const retryable = failures.find(({ error }) => isRetryable(error))?.error;
  return {
    refused: told.flatMap(({ command, error }) =>
      isRetryable(error) || command.kind === "end-request" || command.kind === "announce-trunk"
        ? []
        : [{ kind: "command-failed", command, reason: reasonFor(command, error) } as const],
    ),
    ...(retryable === undefined ? {} : { retryable }),
    unacknowledged: new Set(told.flatMap(({ command }) => concernedBy(command, batches))),
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

/** The batches that a command is about: those whose acknowledgement would say that the command was carried out. */
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

/** The commands in their order, cut wherever the kind changes. Example: [land, land, announce] is [[land, land], [announce]]. */
function runsOfOneKind(commands: readonly Command[]): readonly (readonly Command[])[] {
  const runs: Command[][] = [];
  for (const command of commands) {
    const last = runs.at(-1);
    if (last?.[0]?.kind === command.kind) last.push(command);
    else runs.push([command]);
  }
  return runs;
}
