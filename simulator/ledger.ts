import type { Change, Workload } from "./workload.ts";

export type Outcome = "landed" | "rejected" | "cancelled";

export interface Decision {
  readonly atMs: number;
  readonly outcome: Outcome;
  /** When the build that decided it ended; absent when its author gave it up. */
  readonly provenMs?: number;
  /** It landed before a conflicting change ahead of it was decided. */
  readonly bypassed?: boolean;
}

/** Something landed that must not have, or a change was never decided: a defect of the policy. */
export class BrokenPromise extends Error {}

/** What has happened in one run: builds, decisions, and whether they were right. */
export class Ledger {
  readonly decisions: (Decision | undefined)[];
  started = 0;
  aborted = 0;
  /** Builder time, aborted builds included. */
  busyMs = 0;
  /** Rejected, although it passes and really conflicts with nothing that had landed by then. */
  falseRejections = 0;
  /** Of each change, as it arrived: the chance of success that was told, and whether it passes. */
  readonly predictions: { readonly told: number; readonly passes: boolean }[] = [];
  /** Real time of each run of the product's planner, in milliseconds. */
  readonly plannerMs: number[] = [];
  readonly #changes: readonly Change[];
  readonly #landed: Uint8Array;

  constructor({ changes }: Pick<Workload, "changes">) {
    this.#changes = changes;
    this.decisions = changes.map(() => undefined);
    this.#landed = new Uint8Array(changes.length);
  }

  readonly isLanded = (n: number): boolean => this.#landed[n] === 1;

  buildEnded(startedMs: number, endedMs: number, aborted: boolean): void {
    this.busyMs += endedMs - startedMs;
    if (aborted) this.aborted += 1;
  }

  /** It is on the trunk. Throws BrokenPromise when the trunk is not green with it. */
  land(n: number): void {
    const change = this.#change(n);
    if (this.#landed[n] === 1) throw new BrokenPromise(`change ${n} landed twice`);
    if (!change.passes) throw new BrokenPromise(`change ${n} landed, and fails`);
    const clash = change.clashes.find(this.isLanded);
    if (clash !== undefined) throw new BrokenPromise(`changes ${clash} and ${n} landed, and fail together`);
    this.#landed[n] = 1;
  }

  decide(n: number, decision: Decision): void {
    const change = this.#change(n);
    if (this.decisions[n]) throw new BrokenPromise(`change ${n} was decided twice`);
    if (decision.outcome === "rejected" && change.passes && !change.clashes.some(this.isLanded))
      this.falseRejections += 1;
    this.decisions[n] = decision;
  }

  #change(n: number): Change {
    const change = this.#changes[n];
    if (change === undefined) throw new Error(`there is no change ${n}`);
    return change;
  }
}
