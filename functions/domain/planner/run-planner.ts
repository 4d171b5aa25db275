import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import {
  type BatchId,
  type BuildKey,
  type Installation,
  installationOf,
  type QueueName,
  type Sqid,
  sqidOfBatch,
  trunkIdOf,
} from "../../contracts/ids.ts";
import type { Signal } from "../../contracts/messages/signals.ts";
import { type QueueConfig, targetOf } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type Batch, pathIsActive } from "../batch.ts";
import { isForTarget } from "../removed-queue.ts";
import { type LandingRequest, requestHasEnded } from "../request.ts";
import { type Awaitable, runSteps, type Steps, waitFor, waitForEach } from "../steps.ts";
import { retargeted } from "../trunk.ts";
import { type Carried, type CarryOut, CONCURRENCY, carryOutAll } from "./carry-out.ts";
import type { CommandFailed, News, Plan, Planner, QueueState, Snapshot } from "./plan.ts";

/** A queue's own item as it is stored: without an installation when it was never written, or was last written before queues had one. */
export interface StoredQueue extends Omit<QueueState, "installation"> {
  readonly installation?: Installation | undefined;
}

/** The queue's own item and its live batches, in any order. */
export interface LiveQueue {
  readonly queue: StoredQueue;
  readonly batches: readonly Batch[];
}

/**
 * Where a queue's own item and its live batches are kept. `putQueue` and `put` write only when the version that is stored is `before`, where 0
 * stands for nothing stored. They answer false when they have not written.
 */
export interface QueueStore {
  /**
   * Strongly consistent. A queue that was never written has no batches, and an own item of version 0. A batch that `remember` was given is
   * answered as it was given, while its stored version is the same.
   */
  live(queue: QueueName): Awaitable<LiveQueue>;
  /** Keeps a batch in this process in place of what is stored under the batch's version. Nothing is written: a new process knows nothing of it. */
  remember(batch: Batch): void;
  putQueue(next: QueueState, before: number): Awaitable<boolean>;
  put(next: Batch, before: number): Awaitable<boolean>;
  /** Takes the batch out of the live ones. A repeat is harmless. False when another version than `before` is stored. */
  archive(batch: Batch, before: number): Awaitable<boolean>;
}

/** Where requests are read. */
interface RequestReader {
  /** Undefined when the request was never written. */
  get(sqid: Sqid): Awaitable<LandingRequest | undefined>;
}

/** What one run of the planner reads, writes and does. */
export interface PlanningShell {
  readonly planner: Planner;
  readonly requests: RequestReader;
  readonly batches: QueueStore;
  readonly carryOut: CarryOut;
  readonly now: () => EpochMs;
  /** A short random string, never the same twice. */
  readonly nonce: () => string;
  readonly log: { error(about: object, what: string): void };
  /**
   * Asks for a look at each of these builds, which no batch needs any more. The look stops the build. Never fails. When absent, the build's own
   * workflow stops the build at its next look.
   */
  readonly lookAt?: (builds: readonly BuildKey[]) => Awaitable<void>;
}

/** How a run ended. `elsewhere`: nothing was planned, since the live batches are for another target than the queue is configured for. */
export type Ran = { readonly kind: "planned" | "elsewhere" };

/**
 * One wake-up of a queue: load the queue, plan, write the decisions, carry out the commands, acknowledge them, archive.
 *
 * - A crash between any two calls loses nothing. Decisions are written before a command is carried out, and a command that was not acknowledged
 *   is planned again.
 * - The acknowledgement of a build that was started is not written by itself: this process remembers it, and it is written with the end of the
 *   build. A new process starts the build once more, under the same name, which changes nothing.
 * - When a command was refused for good, the planner runs once more at once, and ends the batches and requests of the command.
 * - When the live batches are for another target than the queue is configured for, nothing is planned, because their builds say nothing about
 *   the configured target.
 *
 * Calls of one run: one query; one read per request that the signals name; one write per changed batch; one more per batch that had commands
 * and stays live, unless it only starts a build; two per batch that is archived; one or more per command.
 *
 * Throws store.version_conflict when another run wrote first: before any command is carried out, or when commands are acknowledged. Throws the
 * first failure of a command that may succeed when tried again, after all other commands were carried out.
 */
export const runPlanner = (shell: PlanningShell, config: QueueConfig, signals: readonly Signal[]): Promise<Ran> =>
  runSteps(wakeUp(shell, config, signals));

/** `runPlanner` as a procedure (`Steps`). `runStepsNow` runs the procedure at once on stores in memory, as the simulator does. */
export function* wakeUp(shell: PlanningShell, config: QueueConfig, signals: readonly Signal[]): Steps<Ran> {
  const told = new Set<string>();
  let retryable: unknown;
  for (let news: readonly News[] = readyBeforeCancel(signals); ; ) {
    const ran = yield* runOnce(shell, config, news);
    if (ran.kind === "elsewhere") return ran;
    retryable ??= ran.carried.retryable;
    // A landing that was sent before stays due until runway answers, so it is refused in each run: only the first refusal is news.
    news = ran.carried.refused.filter((failure) => isNew(told, failure) && !mayBeStarted(failure, ran.snapshot));
    if (news.length === 0) break;
  }
  if (retryable !== undefined) throw retryable;
  return { kind: "planned" };
}

/** True when this very command was not refused before in this wake-up. `told` holds the refused commands so far. */
function isNew(told: Set<string>, { command }: CommandFailed): boolean {
  const key = hashOf(JSON.stringify(command));
  const before = told.size;
  return told.add(key).size > before;
}

/**
 * True when the command is to start a build that an earlier run decided: that run, too, may have started the build, although it died or got no
 * answer. So the refusal is no reason to end the batch, whose slot another build would take. The build's workflow reports when there is one,
 * and the sweep when there is none. `snapshot` is what the run began with, so the builds that the run itself decided are not in it.
 */
const mayBeStarted = ({ command }: CommandFailed, { batches }: Snapshot): boolean =>
  command.kind === "start-build" &&
  batches.some(({ paths }) => paths.some(({ buildKey }) => buildKey === command.buildKey));

type RanOnce =
  | { readonly kind: "elsewhere" }
  | { readonly kind: "carried-out"; readonly carried: Carried; readonly snapshot: Snapshot };

function* runOnce(shell: PlanningShell, config: QueueConfig, news: readonly News[]): Steps<RanOnce> {
  const { snapshot, isNamed } = yield* load(shell, config, news);
  if (!isForTarget(snapshot.queue.target, config)) return { kind: "elsewhere" };
  const plan = shell.planner(config, snapshot, news, shell.now());
  const landed = leavingLanded(plan);
  yield* write(shell.batches, isNamed ? plan : withInstallation(plan, snapshot), snapshot, landed);
  const written = new Map([...snapshot.batches, ...plan.writes.map(({ next }) => next)].map((one) => [one.id, one]));
  const givenUp = givenUpBuilds(plan, snapshot);
  if (shell.lookAt && givenUp.length > 0) yield* waitFor(shell.lookAt(givenUp));
  const carried = yield* carryOutAll(shell.carryOut, config, plan.commands, written);
  yield* recordCarriedOut(shell.batches, plan, { landed, written, carried });
  return { kind: "carried-out", carried, snapshot };
}

/** What a run has done when its commands were carried out. */
interface Done {
  /** The batches that have landed in this run and were not written before (`leavingLanded`). */
  readonly landed: ReturnType<typeof leavingLanded>;
  /** The live batches as they were written, by id. */
  readonly written: ReadonlyMap<BatchId, Batch>;
  readonly carried: Carried;
}

/**
 * Records which commands were carried out: of the batches that stay live, and of the trunk. Then takes the batches that no later run needs out
 * of the live ones. A batch that a failed command is about is left as it is, so that the next run asks for the command again. While the log
 * takes no entries, outboxes are kept, and no batch is archived.
 */
function* recordCarriedOut(batches: QueueStore, plan: Plan, { landed, written, carried }: Done): Steps<void> {
  const isDone = ({ id }: Batch) => !carried.unacknowledged.has(id);
  const archived = carried.unannounced ? [] : plan.archived.filter(isDone);
  const leaves = new Set(archived.map(({ id }) => id));
  const stays = ({ id }: Batch) => !leaves.has(id);
  yield* writeEach(
    batches,
    [...landed.values()].filter(({ next }) => stays(next)),
  );
  const isFresh = ({ id }: Batch) => plan.writes.some(({ next }) => next.id === id);
  yield* waitForEach(plan.acknowledged.filter(isDone).filter(stays), CONCURRENCY, function* (batch) {
    const before = written.get(batch.id);
    const next = carried.unannounced ? { ...batch, outbox: before?.outbox ?? batch.outbox } : batch;
    if (before && isFresh(batch) && startsBuild(before)) batches.remember({ ...next, version: before.version });
    else expect(yield* waitFor(batches.put(next, batch.version - 1)), batch.id);
  });
  const { acknowledgedQueue: own } = plan;
  if (own !== undefined && !carried.unacknowledged.has(trunkIdOf(own.queue)))
    expect(yield* waitFor(batches.putQueue(own, own.version - 1)), `queue ${own.queue}`);
  yield* waitForEach(archived, CONCURRENCY, function* (batch) {
    const before = landed.get(batch.id)?.before?.version ?? written.get(batch.id)?.version ?? batch.version;
    expect(yield* waitFor(batches.archive(batch, before)), batch.id);
  });
}

/**
 * True when the batch does nothing but wait for builds, one of which is not known to be started. Its next write follows for certain, when the
 * build ends, so the acknowledgement need not be a write of its own. A batch that lands or has ended is left out: that its landing was sent
 * must be known to every later process (`revertPartialBundles`, `commandFailed`).
 */
const startsBuild = ({ state, paths }: Batch): boolean =>
  state === "speculating" && paths.some((path) => pathIsActive(path) && !path.dispatched);

/**
 * The batches that have landed in this run and are archived at its end, by id. They are not written before. If the run dies, the signal about
 * the landing is delivered again; if the signal is lost too, the batches are still in `landing`, so runway is asked again, and answers that
 * they have landed. Empty when the queue's own item is not written: its version keeps out another run of the planner.
 *
 * A batch that has failed is always written. Its end is a decision, and a second run may decide otherwise, for example after a cancel.
 */
function leavingLanded({ queue, writes, archived }: Plan): ReadonlyMap<BatchId, Plan["writes"][number]> {
  const leaving = new Set(archived.map(({ id }) => id));
  const landed = writes.filter(({ before, next }) => before && next.state === "landed" && leaving.has(next.id));
  return new Map(queue === undefined ? [] : landed.map((write) => [write.next.id, write]));
}

/**
 * The builds that this run of the planner gave up. A look at once stops them and frees their slots of the budget. If the run dies before it
 * has asked for the look, the build's own workflow stops them at its next look.
 */
function givenUpBuilds({ queue, writes }: Plan, snapshot: Snapshot): readonly BuildKey[] {
  const ofTrunk = queue?.trunk?.build;
  const isGivenUp = ofTrunk?.state === "cancelling" && snapshot.queue.trunk?.build?.state === "building";
  const ofBatches = writes.flatMap(({ before, next }) => {
    const running = new Set(before?.paths.flatMap((path) => (path.state === "building" ? [path.buildKey] : [])));
    return next.paths.flatMap(({ state, buildKey }) =>
      state === "cancelling" && running.has(buildKey) ? [buildKey] : [],
    );
  });
  return isGivenUp ? [ofTrunk.buildKey, ...ofBatches] : ofBatches;
}

/**
 * The signals, with the ready signal of each cancelled request moved to the front. A cancel can overtake the ready signal of its request. If the
 * planner took them in that order, the request would join after it was cancelled.
 */
function readyBeforeCancel(signals: readonly Signal[]): readonly Signal[] {
  const cancelled = new Set(signals.flatMap((signal) => (signal.kind === "cancel-requested" ? [signal.sqid] : [])));
  const overtaken = (signal: Signal) => signal.kind === "request-ready" && cancelled.has(signal.sqid);
  return [...signals.filter(overtaken), ...signals.filter((signal) => !overtaken(signal))];
}

/**
 * Reads what the planner has to see. `isNamed` is true when the queue's installation is stored already. A request that can't be read is left out,
 * so its signal changes nothing; the sweep sends the signal again. A request for another target is left out too, unless it has ended.
 */
function* load(
  { batches, requests, nonce, now, log }: PlanningShell,
  config: QueueConfig,
  news: readonly News[],
): Steps<{ readonly snapshot: Snapshot; readonly isNamed: boolean }> {
  const live = yield* waitFor(batches.live(config.name));
  const named = new Set(news.flatMap((told) => namedBy(told, live.batches)));
  const found = new Map<Sqid, LandingRequest>();
  yield* waitForEach(named, CONCURRENCY, function* (sqid) {
    try {
      const request = yield* waitFor(requests.get(sqid));
      // A request for another target never joins. When it has ended, it may still turn out to have landed.
      if (request && (isForTarget(request.target, config) || requestHasEnded(request.state))) found.set(sqid, request);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "store.unreadable") throw error;
      log.error({ sqid, err: error }, "a request that can't be read was left out");
    }
  });
  const { installation = installationOf(nonce()), target: was } = live.queue;
  const target = was === undefined || live.batches.length === 0 ? targetOf(config.repository) : was;
  const { trunk } = live.queue;
  const isMoved = trunk !== undefined && was !== undefined && was !== target;
  const moved = isMoved ? { trunk: retargeted(trunk, now()) } : {};
  const queue = { ...live.queue, installation, target, ...moved };
  const snapshot = { queue, batches: live.batches, requests: found };
  return { snapshot, isNamed: live.queue.installation !== undefined };
}

/** The requests that the planner has to read for this signal. For the end of a landing: those of landed batches that are not live. */
function namedBy(told: News, live: readonly Batch[]): readonly Sqid[] {
  if ("sqid" in told) return [told.sqid];
  if (!("results" in told)) return [];
  const isLive = (id: BatchId) => live.some((batch) => batch.id === id);
  const landed = told.results.filter(({ batchId, outcome }) => outcome.kind === "landed" && !isLive(batchId));
  return landed.map(({ batchId }) => sqidOfBatch(batchId));
}

/** The plan with the queue's own item among its writes, because an installation is stored before any build is started under its name. */
const withInstallation = (plan: Plan, { queue }: Snapshot): Plan => ({
  ...plan,
  queue: plan.queue ?? { ...queue, version: queue.version + 1 },
});

/**
 * Writes the decisions. The queue's own item goes first: its version keeps out another run, which has not seen the batches that this run adds. Then
 * the batches, one after the other, in the order of the plan (`inWritingOrder`), so that after a crash the written batches are right without
 * the others. Throws store.version_conflict.
 */
function* write(
  batches: QueueStore,
  { queue, writes }: Plan,
  snapshot: Snapshot,
  leftOut: ReadonlyMap<BatchId, unknown>,
): Steps<void> {
  if (queue) expect(yield* waitFor(batches.putQueue(queue, snapshot.queue.version)), `queue ${queue.queue}`);
  yield* writeEach(
    batches,
    writes.filter(({ next }) => !leftOut.has(next.id)),
  );
}

function* writeEach(batches: QueueStore, writes: Plan["writes"]): Steps<void> {
  for (const { before, next } of writes) expect(yield* waitFor(batches.put(next, before?.version ?? 0)), next.id);
}

/** Throws store.version_conflict unless the write was made. */
function expect(won: boolean, what: string): void {
  if (!won) throw new CodedError("store.version_conflict", `${what} was written by another run of the planner`);
}
