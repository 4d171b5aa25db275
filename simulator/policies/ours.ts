import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { type BatchId, type BuildKey, type GitSha, type Sqid, trunkIdOf } from "../../functions/contracts/ids.ts";
import type { LogEvent } from "../../functions/contracts/log-event.ts";
import type { BuildVerdict, Composed, LandBatch, Signal, TrunkUnit } from "../../functions/contracts/messages.ts";
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
import { median } from "../measures.ts";
import { MemoryQueueStore } from "../memory-store.ts";
import type { Prediction } from "../predictor.ts";
import { isFlaky, type Settings } from "../run-settings.ts";
import { passes } from "../tree-outcome.ts";
import type { Change, Workload } from "../workload.ts";
import { linesFor } from "./queue-config.ts";
import { FAILED, finished, numberOf, numbersOf, QUEUE, sqidFor } from "./simulated-signals.ts";
import { SimulatedTrunk } from "./simulated-trunk.ts";

interface Running {
  readonly batchId: BatchId;
  readonly startedMs: number;
  readonly passes: boolean;
  readonly composed: Composed;
}

type Event =
  | { readonly kind: "arrive" | "cancel"; readonly n: number }
  | { readonly kind: "finish"; readonly key: BuildKey }
  | { readonly kind: "stopped"; readonly key: BuildKey; readonly batchId: BatchId }
  | { readonly kind: "look"; readonly key: BuildKey; readonly trunk: GitSha }
  | { readonly kind: "push"; readonly push: Push }
  | { readonly kind: "land"; readonly message: LandBatch };

/** The time at which virtual time 0 lies, so that no time that the planner computes is negative. */
const ORIGIN = 1_000_000;
/** When nothing happens for longer than this, the planner gets a tick, as the sweep sends one every minute. */
const TICK_MS = 60_000;

/** Real time in milliseconds. It measures what a run of the planner costs and has no influence on the simulation. */
export type Stopwatch = () => number;

/**
 * Drives the product's planner under virtual time, through the run that the product's own function uses (`wakeUp`), with stores in memory. It
 * plays the builds, runway and the callers.
 */
export class OurQueue {
  readonly ledger: Ledger;
  readonly #config: QueueConfig;
  readonly #settings: Settings;
  readonly #changes: readonly Change[];
  readonly #prediction: Prediction;
  readonly #stopwatch: Stopwatch;
  readonly #agenda = new Agenda<Event>();
  readonly #store = new OurStore(
    (batch) => this.#written(batch),
    ({ trunk }) => {
      if (trunk?.build?.state === "cancelling") this.#stop(trunk.build.buildKey);
    },
  );
  readonly #shell: PlanningShell;
  /** The requests that the run at hand ended. */
  readonly #ended: Extract<Command, { kind: "end-request" }>[] = [];
  readonly #requests = new Map<Sqid, LandingRequest>();
  readonly #running = new Map<BuildKey, Running>();
  readonly #provenMs = new Map<BuildKey, number>();
  readonly #decidedBy = new Map<Sqid, BuildKey>();
  readonly #bypassed = new Set<BatchId>();
  readonly #builds = new Map<number, number>();
  readonly #trunk = new SimulatedTrunk();
  /** How long a build of the trunk itself takes. */
  readonly #trunkBuildMs: number;
  #now = 0;

  constructor(
    workload: Workload,
    settings: Settings,
    prediction: Prediction,
    config: QueueConfig,
    stopwatch: Stopwatch,
  ) {
    this.ledger = new Ledger(workload);
    this.#config = config;
    this.#settings = settings;
    this.#changes = workload.changes;
    this.#prediction = prediction;
    this.#stopwatch = stopwatch;
    this.#shell = this.#shellOf();
    this.#trunkBuildMs = median(workload.changes.map(({ buildMs }) => buildMs));
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

  /** Nothing else may be due while the trunk is red: then only ticks go on. */
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
        return this.#finish(event.key);
      case "stopped":
        return [finished(event.batchId, event.key, { kind: "cancelled" })];
      case "look":
        this.#running.delete(event.key);
        return [finished(trunkIdOf(QUEUE), event.key, { kind: "unchanged", trunk: event.trunk })];
      case "push":
        if (event.push.breaks) this.ledger.breakages += 1;
        this.#trunk.push(event.push.breaks);
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

  #finish(key: BuildKey): Signal[] {
    const build = this.#running.get(key);
    if (!build) return [];
    this.#running.delete(key);
    this.#provenMs.set(key, this.#now);
    this.ledger.buildEnded(build.startedMs, this.#now, false);
    return [finished(build.batchId, key, this.#verdictOn(build))];
  }

  /** Where breakages go unnoticed, a failed build does not say what it was composed on. */
  #verdictOn({ passes: passed, composed }: Running): BuildVerdict {
    if (passed) return { kind: "passed", composed };
    return this.#settings.breakages?.unnoticed ? FAILED : { ...FAILED, composed };
  }

  #land({ id, batches }: LandBatch): Signal {
    for (const n of batches.flatMap(numbersOf)) this.ledger.land(n);
    const outcomes = this.#trunk.land(batches.map((batch) => ({ changes: numbersOf(batch), tested: batch.tested })));
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
    if (this.#running.size > this.#settings.builders) throw new Error("the planner exceeds its budget");
  }

  #written(next: Batch): void {
    if (next.landing?.bypassed) this.#bypassed.add(next.id);
    for (const path of next.paths) if (path.state === "cancelling") this.#stop(path.buildKey);
  }

  #stop(key: BuildKey): void {
    const build = this.#running.get(key);
    if (!build) return;
    this.#running.delete(key);
    const stoppedMs = this.#now + this.#settings.cancelDelayMs;
    this.ledger.buildEnded(build.startedMs, stoppedMs, true);
    this.#agenda.add(stoppedMs, 0, { kind: "stopped", key, batchId: build.batchId });
  }

  /** Refuses no command. */
  #carryOut(command: Command): [] {
    if (command.kind === "start-build") this.#start(command);
    else if (command.kind === "land")
      this.#agenda.add(this.#now + this.#settings.mergeDelayMs, 1, { kind: "land", message: command.message });
    else if (command.kind === "announce") for (const event of command.events) this.#hear(event);
    else if (command.kind === "end-request") this.#ended.push(command);
    return [];
  }

  /** Builds the trunk itself, or sees that it needs no build. */
  #buildTrunk(key: BuildKey, { batchId, unless }: TrunkUnit): void {
    const composed = this.#trunk.itself();
    this.#running.set(key, { batchId, startedMs: this.#now, passes: !this.#trunk.isBroken, composed });
    if (unless.includes(composed.trunk)) {
      this.#agenda.add(this.#now, 0, { kind: "look", key, trunk: composed.trunk });
      return;
    }
    this.ledger.started += 1;
    this.ledger.trunkBuilds += 1;
    this.#agenda.add(this.#now + this.#settings.startDelayMs + this.#trunkBuildMs, 0, { kind: "finish", key });
  }

  #start({ buildKey, batchId, base, head, sqids }: Extract<Command, { kind: "start-build" }>): void {
    if ("unless" in head) {
      this.#buildTrunk(buildKey, head);
      return;
    }
    const heads = sqids.map(numberOf);
    const { isLanded } = this.ledger;
    const under = [...base.flatMap(numbersOf), ...numbersOf(head)].filter((n) => !heads.includes(n) && !isLanded(n));
    const first = Math.min(...heads);
    const count = (this.#builds.get(first) ?? 0) + 1;
    this.#builds.set(first, count);
    const sound = passes(this.#changes, isLanded, { heads, base: under }, this.#settings.tests);
    const buildMs = Math.max(...heads.map((n) => this.#change(n).buildMs));
    this.#running.set(buildKey, {
      batchId,
      startedMs: this.#now,
      passes: sound && !this.#trunk.isBroken && !isFlaky(this.#settings, first, count),
      composed: this.#trunk.composed([...under, ...heads], buildKey),
    });
    this.ledger.started += 1;
    this.#agenda.add(this.#now + this.#settings.startDelayMs + buildMs, 0, { kind: "finish", key: buildKey });
  }

  /** Remembers which build decided a request: the request log names it. */
  #hear(event: LogEvent): void {
    const key = event.metadata["build_key"];
    if (event.kind === "status" && (event.status === "landed" || event.status === "error") && typeof key === "string")
      this.#decidedBy.set(event.sqid, key as BuildKey);
  }

  #conclude({ sqid, outcome, batchId }: Extract<Command, { kind: "end-request" }>): void {
    const provenMs = this.#provenMs.get(this.#decidedBy.get(sqid) ?? ("" as BuildKey));
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

/** Tells of each batch that is written, and of the queue's own item. A passed build vouches for the first commit of the trunk. */
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
