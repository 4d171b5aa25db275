import type { BatchesStore } from "../../adapters/dynamodb/batches-store.ts";
import type { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { CodedError } from "../../contracts/errors.ts";
import { installationOf, type Sqid } from "../../contracts/ids.ts";
import type { Signal } from "../../contracts/messages.ts";
import { type QueueConfig, targetOf } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Command, Plan, Planner, Snapshot } from "../../domain/planner/plan.ts";
import { isForTarget } from "../../domain/removed-queue.ts";
import type { LandingRequest } from "../../domain/request.ts";
import { concurrently } from "./concurrently.ts";

/** How many calls of one run are under way at once. */
export const CONCURRENCY = 8;

/** What one run of the planner reads, writes and does. */
export interface PlanningShell {
  readonly planner: Planner;
  readonly requests: RequestsStore;
  readonly batches: BatchesStore;
  /** Carries a command out. Repeats are harmless. */
  readonly carryOut: (config: QueueConfig, command: Command) => Promise<void>;
  readonly now: () => EpochMs;
  /** A short string that was never given out before. */
  readonly nonce: () => string;
}

/** elsewhere: nothing was planned, since the live batches are for another target than the queue is configured for. */
export type Ran = { readonly kind: "planned" } | { readonly kind: "elsewhere"; readonly batches: Snapshot["batches"] };

/**
 * One wake-up of a queue: load, plan, write, act, acknowledge, archive. A crash between any two calls loses nothing: what was decided
 * is written before it is acted on, and what was not acknowledged is decided again. Calls: one query, one read per request that is named,
 * one write per changed batch and one more per batch that had commands, one or more per command. Throws store.version_conflict when
 * another run wrote first; nothing is acted on then. Batches that were built for another target are not planned: what was tested there says
 * nothing about this one.
 */
export async function runPlanner(shell: PlanningShell, config: QueueConfig, signals: readonly Signal[]): Promise<Ran> {
  const { snapshot, isNamed } = await load(shell, config, signals);
  if (!isForTarget(snapshot.queue.target, config)) return { kind: "elsewhere", batches: snapshot.batches };
  const plan = shell.planner(config, snapshot, readyBeforeCancel(signals), shell.now());
  await write(shell.batches, isNamed ? plan : withInstallation(plan, snapshot), snapshot);
  // A queue's commands are in order where it matters: those of one kind do not depend on each other.
  for (const alike of runsOfOneKind(plan.commands))
    await concurrently(alike, CONCURRENCY, (command) => shell.carryOut(config, command));
  await concurrently(plan.acknowledged, CONCURRENCY, async (batch) =>
    expect(await shell.batches.put(batch, batch.version - 1), batch.id),
  );
  await concurrently(plan.archived, CONCURRENCY, async (batch) =>
    expect(await shell.batches.archive(batch, shell.now()), batch.id),
  );
  return { kind: "planned" };
}

/** A cancel can overtake the news that its request is ready; folded in that order, the request would join after it was cancelled. */
function readyBeforeCancel(signals: readonly Signal[]): readonly Signal[] {
  const cancelled = new Set(signals.flatMap((signal) => (signal.kind === "cancel-requested" ? [signal.sqid] : [])));
  const overtaken = (signal: Signal) => signal.kind === "request-ready" && cancelled.has(signal.sqid);
  return [...signals.filter(overtaken), ...signals.filter((signal) => !overtaken(signal))];
}

/** `isNamed`: the installation is stored already. */
async function load(
  { batches, requests, nonce }: PlanningShell,
  config: QueueConfig,
  signals: readonly Signal[],
): Promise<{ readonly snapshot: Snapshot; readonly isNamed: boolean }> {
  const live = await batches.live(config.name);
  const named = new Set(signals.flatMap((signal) => ("sqid" in signal ? [signal.sqid] : [])));
  const found = new Map<Sqid, LandingRequest>();
  await concurrently(named, CONCURRENCY, async (sqid) => {
    const request = await requests.get(sqid);
    if (request && isForTarget(request.target, config)) found.set(sqid, request);
  });
  const { installation = installationOf(nonce()), target: was } = live.queue;
  const target = was === undefined || live.batches.length === 0 ? targetOf(config.repository) : was;
  const snapshot = { queue: { ...live.queue, installation, target }, batches: live.batches, requests: found };
  return { snapshot, isNamed: live.queue.installation !== undefined };
}

/** The plan, with the queue's item among its writes: an installation is stored before any build is started under its name. */
const withInstallation = (plan: Plan, { queue }: Snapshot): Plan => ({
  ...plan,
  queue: plan.queue ?? { ...queue, version: queue.version + 1 },
});

/**
 * The queue's item first: its version keeps out a run that has not seen the batches that this one adds to. Then the batches, one after the
 * other: a train's batches are in landing order, so a crash leaves a front part of it that stands on its own.
 */
async function write(batches: BatchesStore, { queue, writes }: Plan, snapshot: Snapshot): Promise<void> {
  if (queue) expect(await batches.putQueue(queue, snapshot.queue.version), `queue ${queue.queue}`);
  for (const { before, next } of writes) expect(await batches.put(next, before?.version ?? 0), next.id);
}

function expect(won: boolean, what: string): void {
  if (!won) throw new CodedError("store.version_conflict", `${what} was written by another run of the planner`);
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
