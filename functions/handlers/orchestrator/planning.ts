import type { Clients } from "../../adapters/aws-clients.ts";
import type { BatchesStore } from "../../adapters/dynamodb/batches-store.ts";
import type { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import { installationOf, type Sqid } from "../../contracts/ids.ts";
import type { Signal } from "../../contracts/messages.ts";
import { type QueueConfig, targetOf } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { CommandFailed, News, Plan, Planner, Snapshot } from "../../domain/planner/plan.ts";
import { isForTarget } from "../../domain/removed-queue.ts";
import type { LandingRequest } from "../../domain/request.ts";
import { type Acted, act, type CarryOut, CONCURRENCY } from "./acting.ts";
import { concurrently } from "./concurrently.ts";

/** What one run of the planner reads, writes and does. */
export interface PlanningShell {
  readonly planner: Planner;
  readonly requests: RequestsStore;
  readonly batches: BatchesStore;
  readonly carryOut: CarryOut;
  readonly now: () => EpochMs;
  /** A short string that was never given out before. */
  readonly nonce: () => string;
  readonly log: Pick<Clients["log"], "error">;
}

/** elsewhere: nothing was planned, since the live batches are for another target than the queue is configured for. */
export type Ran = { readonly kind: "planned" } | { readonly kind: "elsewhere"; readonly batches: Snapshot["batches"] };

/**
 * One wake-up of a queue: load, plan, write, act, acknowledge, archive. A crash between any two calls loses nothing: what was decided
 * is written before it is acted on, and what was not acknowledged is decided again. When commands were refused for good, the planner runs
 * again at once and ends what they are about. Calls of one run: one query, one read per request that is named, one write per changed batch
 * and one more per batch that had commands, one or more per command. Throws store.version_conflict when another run wrote first, before
 * anything is acted on; and the first failure of a command that may pass, once all other commands were carried out. Batches that were built
 * for another target are not planned: their builds say nothing about this one.
 */
export async function runPlanner(shell: PlanningShell, config: QueueConfig, signals: readonly Signal[]): Promise<Ran> {
  const told = new Set<string>();
  let passing: unknown;
  for (let news: readonly News[] = readyBeforeCancel(signals); ; ) {
    const ran = await runOnce(shell, config, news);
    if (ran.kind === "elsewhere") return ran;
    passing ??= ran.acted.passing;
    // A landing that was sent before is refused again: its batches wait for an answer, and there is nothing new to tell.
    news = ran.acted.refused.filter((failure) => isNew(told, failure));
    if (news.length === 0) break;
  }
  if (passing !== undefined) throw passing;
  return { kind: "planned" };
}

function isNew(told: Set<string>, { command }: CommandFailed): boolean {
  const key = hashOf(JSON.stringify(command));
  const before = told.size;
  return told.add(key).size > before;
}

type RanOnce = Extract<Ran, { kind: "elsewhere" }> | { readonly kind: "acted"; readonly acted: Acted };

async function runOnce(shell: PlanningShell, config: QueueConfig, news: readonly News[]): Promise<RanOnce> {
  const { snapshot, isNamed } = await load(shell, config, news);
  if (!isForTarget(snapshot.queue.target, config)) return { kind: "elsewhere", batches: snapshot.batches };
  const plan = shell.planner(config, snapshot, news, shell.now());
  await write(shell.batches, isNamed ? plan : withInstallation(plan, snapshot), snapshot);
  const written = new Map([...snapshot.batches, ...plan.writes.map(({ next }) => next)].map((one) => [one.id, one]));
  const acted = await act(shell.carryOut, config, plan.commands, [...written.values()]);
  await concurrently(
    plan.acknowledged.filter(({ id }) => !acted.open.has(id)),
    CONCURRENCY,
    async (batch) => {
      const outbox = acted.unannounced ? (written.get(batch.id)?.outbox ?? batch.outbox) : batch.outbox;
      expect(await shell.batches.put({ ...batch, outbox }, batch.version - 1), batch.id);
    },
  );
  if (acted.unannounced) return { kind: "acted", acted };
  await concurrently(
    plan.archived.filter(({ id }) => !acted.open.has(id)),
    CONCURRENCY,
    async (batch) => expect(await shell.batches.archive(batch, shell.now()), batch.id),
  );
  return { kind: "acted", acted };
}

/** A cancel can overtake the news that its request is ready; folded in that order, the request would join after it was cancelled. */
function readyBeforeCancel(signals: readonly Signal[]): readonly Signal[] {
  const cancelled = new Set(signals.flatMap((signal) => (signal.kind === "cancel-requested" ? [signal.sqid] : [])));
  const overtaken = (signal: Signal) => signal.kind === "request-ready" && cancelled.has(signal.sqid);
  return [...signals.filter(overtaken), ...signals.filter((signal) => !overtaken(signal))];
}

/** `isNamed`: the installation is stored already. A request that can't be read is left out, and its signal comes to nothing: the sweep sends it again. */
async function load(
  { batches, requests, nonce, log }: PlanningShell,
  config: QueueConfig,
  news: readonly News[],
): Promise<{ readonly snapshot: Snapshot; readonly isNamed: boolean }> {
  const live = await batches.live(config.name);
  const named = new Set(news.flatMap((told) => ("sqid" in told ? [told.sqid] : [])));
  const found = new Map<Sqid, LandingRequest>();
  await concurrently(named, CONCURRENCY, async (sqid) => {
    const request = await requests.get(sqid).catch((error: unknown) => {
      if (!(error instanceof CodedError) || error.code !== "store.unreadable") throw error;
      log.error({ sqid, err: error }, "a request that can't be read was left out");
      return undefined;
    });
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
 * other in landing order, so that after a crash each batch that was written is covered by evidence without those that were not.
 */
async function write(batches: BatchesStore, { queue, writes }: Plan, snapshot: Snapshot): Promise<void> {
  if (queue) expect(await batches.putQueue(queue, snapshot.queue.version), `queue ${queue.queue}`);
  for (const { before, next } of writes) expect(await batches.put(next, before?.version ?? 0), next.id);
}

function expect(won: boolean, what: string): void {
  if (!won) throw new CodedError("store.version_conflict", `${what} was written by another run of the planner`);
}
