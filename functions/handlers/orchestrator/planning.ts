import type { Clients } from "../../adapters/clients.ts";
import type { BatchesStore } from "../../adapters/dynamodb/batches-store.ts";
import type { RequestsStore } from "../../adapters/dynamodb/requests-store.ts";
import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import type { QueueName, Sqid } from "../../contracts/ids.ts";
import type { Signal } from "../../contracts/messages.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { CommandFailed, News, Plan, Planner, Snapshot } from "../../domain/planner/plan.ts";
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
  readonly log: Pick<Clients["log"], "error">;
}

/**
 * One wake-up of a queue: load, plan, write, act, acknowledge, archive. A crash between any two calls loses nothing: what was decided
 * is written before it is acted on, and what was not acknowledged is decided again. When commands were refused for good, the planner runs
 * again at once and ends what they are about. Calls of one run: one query, one read per request that is named, one write per changed batch
 * and one more per batch that had commands, one or more per command. Throws store.version_conflict when another run wrote first, before
 * anything is acted on; and the first failure of a command that may pass, once all other commands were carried out.
 */
export async function runPlanner(shell: PlanningShell, config: QueueConfig, signals: readonly Signal[]): Promise<void> {
  const told = new Set<string>();
  let passing: unknown;
  for (let news: readonly News[] = readyBeforeCancel(signals); ; ) {
    const acted = await runOnce(shell, config, news);
    passing ??= acted.passing;
    // A landing that was sent before is refused again: its batches wait for an answer, and there is nothing new to tell.
    news = acted.refused.filter((failure) => isNew(told, failure));
    if (news.length === 0) break;
  }
  if (passing !== undefined) throw passing;
}

function isNew(told: Set<string>, { command }: CommandFailed): boolean {
  const key = hashOf(JSON.stringify(command));
  const before = told.size;
  return told.add(key).size > before;
}

async function runOnce(shell: PlanningShell, config: QueueConfig, news: readonly News[]): Promise<Acted> {
  const snapshot = await load(shell, config.name, news);
  const plan = shell.planner(config, snapshot, news, shell.now());
  await write(shell.batches, plan, snapshot);
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
  if (acted.unannounced) return acted;
  await concurrently(
    plan.archived.filter(({ id }) => !acted.open.has(id)),
    CONCURRENCY,
    async (batch) => expect(await shell.batches.archive(batch, shell.now()), batch.id),
  );
  return acted;
}

/** A cancel can overtake the news that its request is ready; folded in that order, the request would join after it was cancelled. */
function readyBeforeCancel(signals: readonly Signal[]): readonly Signal[] {
  const cancelled = new Set(signals.flatMap((signal) => (signal.kind === "cancel-requested" ? [signal.sqid] : [])));
  const overtaken = (signal: Signal) => signal.kind === "request-ready" && cancelled.has(signal.sqid);
  return [...signals.filter(overtaken), ...signals.filter((signal) => !overtaken(signal))];
}

/** A request that can't be read is left out, and its signal comes to nothing: the sweep sends it again. */
async function load(
  { batches, requests, log }: PlanningShell,
  queue: QueueName,
  news: readonly News[],
): Promise<Snapshot> {
  const live = await batches.live(queue);
  const named = new Set(news.flatMap((told) => ("sqid" in told ? [told.sqid] : [])));
  const found = new Map<Sqid, LandingRequest>();
  await concurrently(named, CONCURRENCY, async (sqid) => {
    const request = await requests.get(sqid).catch((error: unknown) => {
      if (!(error instanceof CodedError) || error.code !== "store.unreadable") throw error;
      log.error({ sqid, err: error }, "a request that can't be read was left out");
      return undefined;
    });
    if (request) found.set(sqid, request);
  });
  return { ...live, requests: found };
}

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
