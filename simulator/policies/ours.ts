import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { BatchId, BuildKey, Sqid } from "../../functions/contracts/ids.ts";
import type { LogEvent } from "../../functions/contracts/log-event.ts";
import type { LandBatch } from "../../functions/contracts/messages/landing-messages.ts";
import type { Signal } from "../../functions/contracts/messages/signals.ts";
import type { QueueConfig } from "../../functions/contracts/queues.ts";
import { type EpochMs, epochMs } from "../../functions/contracts/time.ts";
import type { Batch } from "../../functions/domain/batch.ts";
import { plan } from "../../functions/domain/planner/index.ts";
import type { Command, Planner, QueueState } from "../../functions/domain/planner/plan.ts";
import { type PlanningShell, wakeUp } from "../../functions/domain/planner/run-planner.ts";
import type { LandingRequest } from "../../functions/domain/request.ts";
import { scorerFor } from "../../functions/domain/speculation/scorer.ts";
import { runStepsNow } from "../../functions/domain/steps.ts";
import { UNKNOWN_TRUNK } from "../../functions/domain/trunk.ts";
import { Agenda } from "../agenda.ts";
import { type Push, pushesUntil } from "../breakages.ts";
import { Ledger } from "../ledger.ts";
import { MemoryQueueStore } from "../memory-store.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../run-settings.ts";
import type { Change, Workload } from "../workload.ts";
import { linesFor } from "./queue-config.ts";
import { type BuildEvent, SimulatedBuilds } from "./simulated-builds.ts";
import { numberOf, numbersOf, QUEUE, sqidFor } from "./simulated-signals.ts";
import { SimulatedTrunk } from "./simulated-trunk.ts";

type Event =
  | BuildEvent
  | { readonly kind: "arrive" | "cancel"; readonly n: number }
  | { readonly kind: "push"; readonly push: Push }
  | { readonly kind: "land"; readonly message: LandBatch };

/** The time at which virtual time 0 lies, so that no time that the planner computes is negative. */
const ORIGIN = 1_000_000;
/** When nothing happens for longer than this, the planner gets a tick, as the sweep sends one every minute. */
const TICK_MS = 60_000;

/** Real time in milliseconds. It measures what a run of the planner costs and has no influence on the simulation. */
export type Stopwatch = () => number;

/** What the queue runs with, beside workload and settings. */
export interface OurParts {
  readonly prediction: Prediction;
  readonly config: QueueConfig;
  readonly stopwatch: Stopwatch;
}

/**
 * Drives the product's planner under virtual time, through the run that the product's own function uses (`wakeUp`), with stores in memory.
 * `OurQueue` plays runway and the callers, and `SimulatedBuilds` the builds.
 */
export class OurQueue {
  readonly ledger: Ledger;
  readonly #config: QueueConfig;
  readonly #mergeDelayMs: number;
  readonly #changes: readonly Change[];
  readonly #prediction: Prediction;
  readonly #stopwatch: Stopwatch;
  readonly #budget: number;
  readonly #builds: SimulatedBuilds;
  readonly #agenda = new Agenda<Event>();
  readonly #store = new OurStore(
    (batch) => this.#written(batch),
    ({ trunk }) => {
      if (trunk?.build?.state === "cancelling") this.#builds.stop(trunk.build.buildKey, this.#now);
    },
  );
  readonly #shell: PlanningShell;
  /** The requests that the run at hand ended. */
  readonly #ended: Extract<Command, { kind: "end-request" }>[] = [];
  readonly #requests = new Map<Sqid, LandingRequest>();
  readonly #decidedBy = new Map<Sqid, BuildKey>();
  readonly #bypassed = new Set<BatchId>();
  #now = 0;

  constructor(workload: Workload, settings: Settings, { prediction, config, stopwatch }: OurParts) {
    this.ledger = new Ledger(workload);
    this.#config = config;
    this.#budget = settings.builders;
    this.#mergeDelayMs = settings.mergeDelayMs;
    this.#changes = workload.changes;
    this.#prediction = prediction;
    this.#stopwatch = stopwatch;
    this.#shell = this.#shellOf();
    this.#builds = new SimulatedBuilds(workload, settings, this.ledger, (at, event) => this.#agenda.add(at, 0, event));
    const lastMs = workload.changes.at(-1)?.arrivalMs ?? 0;
    if (settings.breakages !== undefined)
      for (const push of pushesUntil(lastMs, settings.breakages, settings.seed))
        this.#agenda.add(push.atMs, 1, { kind: "push", push });
    for (const { n, arrivalMs, cancelMs } of workload.changes) {
      this.#agenda.add(arrivalMs, 2, { kind: "arrive", n });
      if (cancelMs !== undefined) this.#agenda.add(cancelMs, 3, { kind: "cancel", n });
    }
  }

  /** Runs the planner once for each time at which an event is due, until no event is left. Throws PolicyDefect. */
  run(): Ledger {
    for (let at = this.#nextAt(); at !== undefined; at = this.#nextAt()) {
      const ticks = this.#store.batches.size > 0 && at - this.#now > TICK_MS;
      this.#now = ticks ? this.#now + TICK_MS : at;
      const tick: Signal = { v: 1, kind: "tick", queue: QUEUE, nonce: String(this.#now) };
      const signals = ticks ? [tick] : this.#agenda.takeDue().flatMap((event) => this.#happen(event));
      if (signals.length > 0) this.#plan(signals);
    }
    return this.ledger;
  }

  /** The time of the next event. While the trunk is red, no event need be due: the batches wait for a tick. Undefined at the end. */
  #nextAt(): number | undefined {
    const waits = this.#store.batches.size > 0 && this.#store.queue.trunk?.red !== undefined;
    return this.#agenda.nextAt ?? (waits ? this.#now + TICK_MS + 1 : undefined);
  }

  #happen(event: Event): Signal[] {
    switch (event.kind) {
      case "arrive":
        return [this.#arrive(event.n)];
      case "cancel":
        if (this.ledger.decisions[event.n]) return [];
        return [{ v: 1, kind: "cancel-requested", queue: QUEUE, sqid: sqidFor(event.n) }];
      case "finish":
      case "stopped":
      case "look":
        return this.#builds.happen(event, this.#now);
      case "push":
        if (event.push.breaks) this.ledger.breakages += 1;
        this.#builds.trunk.push(event.push.breaks);
        return [];
      case "land":
        return [this.#land(event.message)];
    }
  }

  #arrive(n: number): Signal {
    const { paths, files, lines, authors, passes: passed } = this.#change(n);
    const sqid = sqidFor(n);
    const { name, told } = this.#prediction;
    const additions = name === "history" ? lines : linesFor(told[n] ?? 0.5);
    const touches = { paths, files, additions, deletions: 0, authors };
    const request: LandingRequest = {
      queue: QUEUE,
      sqid,
      changes: [`git://host/repo/refs%2Fheads%2F${n}/${String(n).padStart(40, "0")}` as ChangeUri],
      strategy: "REBASE",
      receivedAt: this.#at(),
      state: "ready",
      version: 1,
      touches,
    };
    this.#requests.set(sqid, request);
    const score = scorerFor(this.#config.speculation.scorer, this.#store.queue.history);
    this.ledger.predictions.push({ told: score({ request: { ...request, touches } }).success, passes: passed });
    return { v: 1, kind: "request-ready", queue: QUEUE, sqid };
  }

  #land({ id, batches }: LandBatch): Signal {
    for (const n of batches.flatMap(numbersOf)) this.ledger.land(n);
    const outcomes = this.#builds.trunk.land(
      batches.map((batch) => ({ changes: numbersOf(batch), tested: batch.tested })),
    );
    const results = batches.flatMap(({ batchId }, i) => {
      const outcome = outcomes[i];
      return outcome === undefined ? [] : [{ batchId, outcome }];
    });
    return { v: 1, kind: "land-finished", queue: QUEUE, landId: id, results };
  }

  #at(): EpochMs {
    return epochMs(ORIGIN + this.#now);
  }

  #shellOf(): PlanningShell {
    const planner: Planner = (config, snapshot, news, now) => {
      const begun = this.#stopwatch();
      const result = plan(config, snapshot, news, now);
      this.ledger.plannerMs.push(this.#stopwatch() - begun);
      return result;
    };
    return {
      planner,
      requests: { get: (sqid) => this.#requests.get(sqid) },
      batches: this.#store,
      carryOut: (_, command) => this.#carryOut(command),
      now: () => this.#at(),
      nonce: () => "simulated",
      log: {
        error: (about, what) => {
          throw new Error(`${what}: ${JSON.stringify(about)}`);
        },
      },
    };
  }

  #plan(signals: readonly Signal[]): void {
    runStepsNow(wakeUp(this.#shell, this.#config, signals));
    for (const command of this.#ended.splice(0)) this.#conclude(command);
    if (this.#builds.running > this.#budget) throw new Error("the planner exceeds its budget");
  }

  #written(next: Batch): void {
    if (next.landing?.bypassed) this.#bypassed.add(next.id);
    for (const path of next.paths) if (path.state === "cancelling") this.#builds.stop(path.buildKey, this.#now);
  }

  /** Carries out every command: the answer, which lists the commands that were refused, is empty. */
  #carryOut(command: Command): [] {
    if (command.kind === "start-build") this.#builds.start(command, this.#now);
    else if (command.kind === "land")
      this.#agenda.add(this.#now + this.#mergeDelayMs, 1, { kind: "land", message: command.message });
    else if (command.kind === "announce") for (const event of command.events) this.#hear(event);
    else if (command.kind === "end-request") this.#ended.push(command);
    return [];
  }

  /** Remembers which build decided a request: the request log names it. */
  #hear(event: LogEvent): void {
    const key = event.metadata["build_key"];
    if (event.kind === "status" && (event.status === "landed" || event.status === "error") && typeof key === "string")
      this.#decidedBy.set(event.sqid, key as BuildKey);
  }

  #conclude({ sqid, outcome, batchId }: Extract<Command, { kind: "end-request" }>): void {
    const decidedBy = this.#decidedBy.get(sqid);
    const provenMs = decidedBy && this.#builds.finishedMs(decidedBy);
    this.ledger.decide(numberOf(sqid), {
      atMs: this.#now,
      outcome: outcome === "error" ? "rejected" : outcome,
      ...(provenMs === undefined || outcome === "cancelled" ? {} : { provenMs }),
      ...(batchId && this.#bypassed.has(batchId) ? { bypassed: true } : {}),
    });
    this.#requests.delete(sqid);
  }

  #change(n: number): Change {
    const change = this.#changes[n];
    if (change === undefined) throw new Error(`there is no change ${n}`);
    return change;
  }
}

/**
 * Stores in memory that report each write. `told` gets each batch that is written, and `toldQueue` the queue's own item. At first a passed build
 * vouches for the trunk's commit.
 */
class OurStore extends MemoryQueueStore {
  readonly #told: (batch: Batch) => void;
  readonly #toldQueue: (queue: QueueState) => void;

  constructor(told: (batch: Batch) => void, toldQueue: (queue: QueueState) => void) {
    const trunk = { ...UNKNOWN_TRUNK, vouched: [new SimulatedTrunk().commit] };
    super({ queue: QUEUE, installation: "simulated", nextArrival: 1, nextPosition: 1, trunk, version: 0 });
    this.#told = told;
    this.#toldQueue = toldQueue;
  }

  override putQueue(next: QueueState, before: number): boolean {
    const won = super.putQueue(next, before);
    if (won) this.#toldQueue(next);
    return won;
  }

  override put(next: Batch, before: number): boolean {
    const won = super.put(next, before);
    if (won) this.#told(next);
    return won;
  }
}
