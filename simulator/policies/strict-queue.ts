import { Agenda } from "../agenda.ts";
import { Ledger } from "../ledger.ts";
import { isFlaky, type Settings } from "../run-settings.ts";
import { passes } from "../tree-outcome.ts";
import type { Change, Workload } from "../workload.ts";
import { type PathKey, PathKeys } from "./path-keys.ts";

/**
 * A build of one path: its head, and an assumption about each undecided change ahead that conflicts with the head.
 *
 * Example: change 7 conflicts with 2, 4 and 5. 2 was rejected, 4 and 5 are undecided. The path "4 lands, 5 does not" has
 * `rejected` = [2, 5] and `assumed` = [4].
 */
export interface Build {
  readonly head: number;
  readonly key: PathKey;
  /** The conflicting changes ahead that the tree leaves out: those rejected before, and those assumed to be rejected. */
  readonly rejected: readonly number[];
  /** The undecided conflicting changes ahead that the tree contains. */
  readonly assumed: readonly number[];
  startedMs: number;
  /** True when the build passes, or will pass. A build that fails may be repeated, and then pass. */
  passed: boolean;
  state: "running" | "finished" | "aborted";
  /** When the build finishes, unless it is aborted before. */
  endedMs: number;
  /** How often the build has finished as failed. */
  failures: number;
}

/** True when the build has finished and passed. */
export const hasPassed = ({ state, passed }: Build): boolean => state === "finished" && passed;

/** A policy: starts and aborts builds. It is called after all events of one time, and after every change that they decide. */
export type StartBuilds = (queue: StrictQueue) => void;

type Event = { readonly kind: "finish"; readonly build: Build } | { readonly kind: "stopped" } | NumberedEvent;
type NumberedEvent = { readonly kind: "arrive" | "cancel"; readonly n: number };

/**
 * A queue that decides conflicting changes strictly in order of arrival. A change is decided when two things are true: every
 * conflicting change ahead is decided, and the build of the path that came true has finished. Policies differ only in the builds
 * that they start before that.
 *
 * Example: B conflicts with A, which is ahead. "B on A" passes after 5 minutes, "B without A" fails after 5 minutes. A lands after
 * 30 minutes: B lands at that moment, for "B on A" came true. Had A been rejected, B would be rejected.
 */
export class StrictQueue {
  readonly changes: readonly Change[];
  readonly settings: Settings;
  readonly ledger: Ledger;
  now = 0;
  /** The changes that have arrived and are undecided, in order of arrival. */
  undecided: number[] = [];
  /** Per change: its running and finished builds by path, without aborted and refuted ones. */
  readonly builds: readonly Map<PathKey, Build>[];
  /** Per change: its finished builds whose path was refuted after they had finished. */
  readonly refuted: readonly Build[][];
  running = new Set<Build>();
  /** Slots of aborted builds that have not stopped yet. */
  slotsStopping = 0;
  /**
   * Changes of which a build has finished or was refuted, or which were decided, since the policy last cleared the set. Their
   * probability of landing may have changed.
   */
  readonly toEstimate = new Set<number>();
  readonly #conflictsBehind: readonly number[][];
  readonly #agenda = new Agenda<Event>();
  readonly #keys: PathKeys;
  readonly #state: Uint8Array;
  readonly #counts: Uint32Array;
  readonly #clears: number;

  /**
   * `clears`: in one line, the most changes that land together because the build of the last one has passed. Absent: a change lands by a
   * build of its own.
   */
  constructor({ changes }: Workload, settings: Settings, clears = 1) {
    this.changes = changes;
    this.#clears = clears;
    this.settings = settings;
    this.ledger = new Ledger({ changes });
    this.builds = changes.map(() => new Map());
    this.refuted = changes.map(() => []);
    this.#conflictsBehind = changes.map(() => []);
    for (const { n, conflictsAhead } of changes)
      for (const other of conflictsAhead) this.#conflictsBehind[other]?.push(n);
    this.#keys = new PathKeys(changes.length);
    this.#state = new Uint8Array(changes.length);
    this.#counts = new Uint32Array(changes.length);
    for (const { n, arrivalMs, cancelMs } of changes) {
      this.#agenda.add(arrivalMs, 1, { kind: "arrive", n });
      if (cancelMs !== undefined) this.#agenda.add(cancelMs, 2, { kind: "cancel", n });
    }
  }

  /** Runs until no event is left. Throws PolicyDefect when a change lands that breaks the trunk. */
  run(startBuilds: StartBuilds): Ledger {
    for (let at = this.#agenda.nextAt; at !== undefined; at = this.#agenda.nextAt) {
      this.now = at;
      for (const event of this.#agenda.takeDue()) this.#handle(event);
      this.#landCleared();
      this.#decideReady();
      startBuilds(this);
    }
    return this.ledger;
  }

  isUndecided(n: number): boolean {
    return this.#state[n] === UNDECIDED;
  }

  /** The undecided changes ahead of `n` that conflict with `n`, in order of arrival. */
  undecidedAhead(n: number): number[] {
    return this.change(n).conflictsAhead.filter((other) => this.#state[other] === UNDECIDED);
  }

  /** The key of the path of `n` that leaves out the changes of `alsoRejected`: see PathKeys. */
  keyOf(n: number, alsoRejected: readonly number[]): PathKey {
    return this.#keys.of(n, alsoRejected);
  }

  /** How many more builds can be started now. */
  get freeSlots(): number {
    return this.settings.builders - this.running.size - this.slotsStopping;
  }

  change(n: number): Change {
    const change = this.changes[n];
    if (change === undefined) throw new Error(`there is no change ${n}`);
    return change;
  }

  /** Starts the build of the path keyOf(n, alsoRejected). The caller checks that a slot is free. */
  start(n: number, alsoRejected: readonly number[]): Build {
    const key = this.keyOf(n, alsoRejected);
    const rejected = [
      ...this.change(n).conflictsAhead.filter((other) => this.#state[other] === REJECTED),
      ...alsoRejected,
    ];
    const assumed = this.undecidedAhead(n).filter((other) => !alsoRejected.includes(other));
    const times = { startedMs: this.now, endedMs: this.now };
    const build: Build = { head: n, key, rejected, assumed, ...times, passed: false, state: "running", failures: 0 };
    this.builds[n]?.set(key, build);
    this.#attempt(build);
    return build;
  }

  /** Begins the build, or begins it again. The caller checks that a slot is free. */
  #attempt(build: Build): void {
    const { head, assumed } = build;
    this.running.add(build);
    build.state = "running";
    build.startedMs = this.now;
    const count = (this.#counts[head] ?? 0) + 1;
    this.#counts[head] = count;
    const sound = passes(this.changes, this.ledger.isLanded, { heads: [head], base: assumed }, this.settings.tests);
    build.passed = sound && !isFlaky(this.settings, head, count);
    build.endedMs = this.now + this.settings.startDelayMs + this.change(head).buildMs;
    this.ledger.started += 1;
    this.#agenda.add(build.endedMs, 0, { kind: "finish", build });
  }

  /** Gives up a running build. Its slot becomes free after the cancel delay. */
  abort(build: Build): void {
    build.state = "aborted";
    this.running.delete(build);
    this.builds[build.head]?.delete(build.key);
    const stoppedMs = this.now + this.settings.cancelDelayMs;
    this.ledger.buildEnded(build.startedMs, stoppedMs, true);
    if (stoppedMs === this.now) return;
    this.slotsStopping += 1;
    this.#agenda.add(stoppedMs, 0, { kind: "stopped" });
  }

  #handle(event: Event): void {
    if (event.kind === "stopped") this.slotsStopping -= 1;
    else if (event.kind === "finish") this.#finish(event.build);
    else if (event.kind === "arrive") {
      this.#state[event.n] = UNDECIDED;
      this.undecided.push(event.n);
      for (const other of this.change(event.n).conflictsAhead)
        if (this.#state[other] === REJECTED) this.#keys.leaveOut(event.n, other);
    } else if (this.#state[event.n] === UNDECIDED) this.#decide(event.n, "cancelled", undefined);
  }

  #finish(build: Build): void {
    if (build.state !== "running") return;
    build.state = "finished";
    if (!build.passed) build.failures += 1;
    this.running.delete(build);
    this.ledger.buildEnded(build.startedMs, this.now, false);
    this.toEstimate.add(build.head);
  }

  /**
   * Lands the first changes of the line together, as many as `clears` allows, when the build of the last of them has passed on all others.
   *
   * Example: A ← B ← C, clears 2. "B on A" has passed, "A" is running: A and B land. Had only "C on B on A" passed, no change would land.
   */
  #landCleared(): void {
    for (let last = Math.min(this.#clears, this.undecided.length) - 1; last > 0; last--) {
      const n = this.undecided[last] ?? 0;
      const build = this.builds[n]?.get(this.keyOf(n, []));
      if (build?.state !== "finished" || !build.passed) continue;
      for (const cleared of this.undecided.slice(0, last + 1)) this.#decide(cleared, "landed", build.endedMs);
      last = Math.min(this.#clears, this.undecided.length);
    }
  }

  /**
   * Decides every change that can be decided, in order of arrival, because one decision may make the next one possible. A failed build is
   * repeated when its change would be rejected by it, so a failure that follows from a change ahead costs no repeat.
   *
   * Example: B waits for A, C waits for B, and the builds of all three have passed. A, B and C land in one call.
   */
  #decideReady(): void {
    for (const n of [...this.undecided]) {
      if (this.change(n).conflictsAhead.some((other) => this.#state[other] === UNDECIDED)) continue;
      const build = this.builds[n]?.get(this.keyOf(n, []));
      if (build?.state !== "finished") continue;
      if (build.passed || build.failures > this.settings.retries)
        this.#decide(n, build.passed ? "landed" : "rejected", build.endedMs);
      else if (this.freeSlots > 0) this.#attempt(build);
    }
  }

  #decide(n: number, outcome: "landed" | "rejected" | "cancelled", provenMs: number | undefined): void {
    const landed = outcome === "landed";
    this.#state[n] = landed ? LANDED : REJECTED;
    this.undecided = this.undecided.filter((other) => other !== n);
    this.toEstimate.add(n);
    if (landed) this.ledger.land(n);
    const atMs = this.now + (landed ? this.settings.mergeDelayMs : 0);
    this.ledger.decide(n, { atMs, outcome, ...(provenMs === undefined ? {} : { provenMs }) });
    for (const build of [...(this.builds[n]?.values() ?? [])]) if (build.state === "running") this.abort(build);
    for (const later of this.#conflictsBehind[n] ?? []) {
      if (this.#state[later] !== UNDECIDED) continue;
      if (!landed) this.#keys.leaveOut(later, n);
      this.#refute(later, n, landed);
    }
  }

  /**
   * Refutes the builds of `n` that assumed the opposite of what `decided` did: running builds are aborted.
   *
   * Example: 4 lands. "7 on 4" stays. "7 without 4" is refuted.
   */
  #refute(n: number, decided: number, landed: boolean): void {
    for (const build of [...(this.builds[n]?.values() ?? [])]) {
      if (build.rejected.includes(decided) !== landed) continue;
      if (build.state === "running") this.abort(build);
      this.builds[n]?.delete(build.key);
      if (build.state === "finished") this.refuted[n]?.push(build);
      this.toEstimate.add(n);
    }
  }
}

const UNDECIDED = 1;
const LANDED = 2;
const REJECTED = 3;
