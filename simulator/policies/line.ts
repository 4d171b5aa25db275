import { Agenda } from "../agenda.ts";
import { Ledger } from "../ledger.ts";
import { streamOf } from "../random.ts";
import { isFlaky, type Settings } from "../settings.ts";
import { type Change, passes, type Workload } from "../workload.ts";

/** Which of the conflicting changes ahead are assumed to be rejected, as 53 bits. */
export type GuessKey = number;

/** A build of one change on one guess about the conflicting changes ahead of it. */
export interface Build {
  readonly head: number;
  readonly key: GuessKey;
  /** The conflicting changes ahead that are left out. */
  readonly rejected: readonly number[];
  /** The undecided ones that are in. */
  readonly assumed: readonly number[];
  readonly startedMs: number;
  readonly passed: boolean;
  state: "running" | "finished" | "aborted";
  endedMs: number;
}

/** What a policy does once everything that is due at one time has happened. */
export type Replan = (line: Line) => void;

type Event = { readonly kind: "finish"; readonly build: Build } | { readonly kind: "stopped" } | NumberedEvent;
type NumberedEvent = { readonly kind: "arrive" | "cancel"; readonly n: number };

/**
 * A strict queue: a change is decided once all conflicting ones ahead are, by the build with the true set of them. Policies differ
 * in what they build meanwhile.
 */
export class Line {
  readonly changes: readonly Change[];
  readonly settings: Settings;
  readonly ledger: Ledger;
  now = 0;
  /** Ascending: they are decided in this order when they conflict. */
  undecided: number[] = [];
  /** Running or finished, and not yet contradicted; per change, by guess. */
  readonly builds: readonly Map<GuessKey, Build>[];
  /** Finished builds whose guess has been contradicted since: per change. */
  readonly contradicted: readonly Build[][];
  running = new Set<Build>();
  /** Given up, and not yet stopped. */
  stopping = 0;
  /** The guess is contradicted for good, or has a verdict: per change, the chance that it lands may have changed. */
  readonly touched = new Set<number>();
  readonly #later: readonly number[][];
  readonly #agenda = new Agenda<Event>();
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #rejectedHigh: Uint32Array;
  readonly #rejectedLow: Uint32Array;
  readonly #state: Uint8Array;
  readonly #counts: Uint32Array;

  constructor({ changes }: Workload, settings: Settings) {
    this.changes = changes;
    this.settings = settings;
    this.ledger = new Ledger({ changes });
    this.builds = changes.map(() => new Map());
    this.contradicted = changes.map(() => []);
    this.#later = changes.map(() => []);
    for (const { n, earlier } of changes) for (const other of earlier) this.#later[other]?.push(n);
    const stream = streamOf(0, "guess-keys");
    const words = () => Uint32Array.from(changes, () => stream() * 2 ** 32);
    this.#high = words();
    this.#low = words();
    this.#rejectedHigh = new Uint32Array(changes.length);
    this.#rejectedLow = new Uint32Array(changes.length);
    this.#state = new Uint8Array(changes.length);
    this.#counts = new Uint32Array(changes.length);
    for (const { n, arrivalMs, cancelMs } of changes) {
      this.#agenda.add(arrivalMs, 1, { kind: "arrive", n });
      if (cancelMs !== undefined) this.#agenda.add(cancelMs, 2, { kind: "cancel", n });
    }
  }

  run(replan: Replan): Ledger {
    for (let at = this.#agenda.nextAt; at !== undefined; at = this.#agenda.nextAt) {
      this.now = at;
      for (const event of this.#agenda.takeDue()) this.#happen(event);
      this.#settle();
      replan(this);
    }
    return this.ledger;
  }

  isUndecided(n: number): boolean {
    return this.#state[n] === UNDECIDED;
  }

  /** The conflicting changes ahead that are undecided, ascending. */
  openAhead(n: number): number[] {
    return this.change(n).earlier.filter((other) => this.#state[other] === UNDECIDED);
  }

  /** The guess that those in `alsoRejected` are rejected, beside those that have been. */
  keyOf(n: number, alsoRejected: readonly number[]): GuessKey {
    let high = this.#rejectedHigh[n] ?? 0;
    let low = this.#rejectedLow[n] ?? 0;
    for (const other of alsoRejected) {
      high ^= this.#high[other] ?? 0;
      low ^= this.#low[other] ?? 0;
    }
    return (high >>> 0) * 2 ** 21 + (low >>> 11);
  }

  get free(): number {
    return this.settings.builders - this.running.size - this.stopping;
  }

  change(n: number): Change {
    const change = this.changes[n];
    if (change === undefined) throw new Error(`there is no change ${n}`);
    return change;
  }

  start(n: number, alsoRejected: readonly number[]): Build {
    const key = this.keyOf(n, alsoRejected);
    const rejected = [...this.change(n).earlier.filter((other) => this.#state[other] === REJECTED), ...alsoRejected];
    const assumed = this.openAhead(n).filter((other) => !alsoRejected.includes(other));
    const count = (this.#counts[n] ?? 0) + 1;
    this.#counts[n] = count;
    const sound = passes(this.changes, this.ledger.isLanded, { heads: [n], base: assumed }, this.settings.speaksFor);
    const passed = sound && !isFlaky(this.settings, n, count);
    const endedMs = this.now + this.settings.startDelayMs + this.change(n).buildMs;
    const build: Build = { head: n, key, rejected, assumed, startedMs: this.now, passed, state: "running", endedMs };
    this.builds[n]?.set(key, build);
    this.running.add(build);
    this.ledger.started += 1;
    this.#agenda.add(endedMs, 0, { kind: "finish", build });
    return build;
  }

  /** Gives up a running build. */
  abort(build: Build): void {
    build.state = "aborted";
    this.running.delete(build);
    this.builds[build.head]?.delete(build.key);
    const stoppedMs = this.now + this.settings.cancelDelayMs;
    this.ledger.buildEnded(build.startedMs, stoppedMs, true);
    if (stoppedMs === this.now) return;
    this.stopping += 1;
    this.#agenda.add(stoppedMs, 0, { kind: "stopped" });
  }

  #happen(event: Event): void {
    if (event.kind === "stopped") this.stopping -= 1;
    else if (event.kind === "finish") this.#finish(event.build);
    else if (event.kind === "arrive") {
      this.#state[event.n] = UNDECIDED;
      this.undecided.push(event.n);
      for (const other of this.change(event.n).earlier)
        if (this.#state[other] === REJECTED) this.#reckon(event.n, other);
    } else if (this.#state[event.n] === UNDECIDED) this.#decide(event.n, "cancelled", undefined);
  }

  #finish(build: Build): void {
    if (build.state !== "running") return;
    build.state = "finished";
    this.running.delete(build);
    this.ledger.buildEnded(build.startedMs, this.now, false);
    this.touched.add(build.head);
  }

  /** In order: what one decision makes certain, the next may hang on. */
  #settle(): void {
    for (const n of [...this.undecided]) {
      if (this.change(n).earlier.some((other) => this.#state[other] === UNDECIDED)) continue;
      const build = this.builds[n]?.get(this.keyOf(n, []));
      if (build?.state === "finished") this.#decide(n, build.passed ? "landed" : "rejected", build.endedMs);
    }
  }

  #decide(n: number, outcome: "landed" | "rejected" | "cancelled", provenMs: number | undefined): void {
    const landed = outcome === "landed";
    this.#state[n] = landed ? LANDED : REJECTED;
    this.undecided = this.undecided.filter((other) => other !== n);
    this.touched.add(n);
    if (landed) this.ledger.land(n);
    const atMs = this.now + (landed ? this.settings.mergeDelayMs : 0);
    this.ledger.decide(n, { atMs, outcome, ...(provenMs === undefined ? {} : { provenMs }) });
    for (const build of [...(this.builds[n]?.values() ?? [])]) if (build.state === "running") this.abort(build);
    for (const later of this.#later[n] ?? []) {
      if (this.#state[later] !== UNDECIDED) continue;
      if (!landed) this.#reckon(later, n);
      this.#contradict(later, n, landed);
    }
  }

  /** `other`, ahead of `n`, does not land. */
  #reckon(n: number, other: number): void {
    this.#rejectedHigh[n] = (this.#rejectedHigh[n] ?? 0) ^ (this.#high[other] ?? 0);
    this.#rejectedLow[n] = (this.#rejectedLow[n] ?? 0) ^ (this.#low[other] ?? 0);
  }

  #contradict(n: number, decided: number, landed: boolean): void {
    for (const build of [...(this.builds[n]?.values() ?? [])]) {
      if (build.rejected.includes(decided) !== landed) continue;
      if (build.state === "running") this.abort(build);
      this.builds[n]?.delete(build.key);
      if (build.state === "finished") this.contradicted[n]?.push(build);
      this.touched.add(n);
    }
  }
}

const UNDECIDED = 1;
const LANDED = 2;
const REJECTED = 3;
