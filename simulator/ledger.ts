import type { Change, Workload } from "./workload.ts";

export type Outcome = "landed" | "rejected" | "cancelled";

export interface Decision {
  readonly atMs: number;
  readonly outcome: Outcome;
  /** When the build that decided the change ended. Absent for a cancelled change. */
  readonly provenMs?: number;
  /** True when the change landed by a bypass: before a conflicting change ahead was decided. */
  readonly bypassed?: boolean;
}

/** A policy did what no policy may do: it landed a change that breaks the trunk, or never decided a change. */
export class PolicyDefect extends Error {}

/**
 * Counts what happens in one run: builds, decisions and wrong decisions. The ledger knows every change's outcome, so it notices when
 * the trunk is broken.
 */
export class Ledger {
  /** Per change. Undefined until the change is decided. */
  readonly decisions: (Decision | undefined)[];
  /** Builds started, those of the trunk itself included. */
  started = 0;
  /** Builds of the trunk itself. */
  trunkBuilds = 0;
  /** How often the trunk was broken past the queue. */
  breakages = 0;
  /** Builds given up before they finished. */
  aborted = 0;
  /** The time that slots were taken, aborted builds included. */
  busyMs = 0;
  /** How many changes were rejected although each passes and clashes with no change that had landed by then. */
  falseRejections = 0;
  /** How many changes landed although each clashes with a change that had landed. Only a policy without a queue does that. */
  trunkBroken = 0;
  /** Per change that has arrived: the probability of passing that the planner was told, and whether the change passes. */
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

  /**
   * Puts change `n` on the trunk. Throws PolicyDefect when `n` fails alone, clashes with a landed change, or has landed before.
   *
   * Example: 1 and 2 clash. land(1) is fine, land(2) throws.
   */
  land(n: number): void {
    const change = this.#change(n);
    if (this.#landed[n] === 1) throw new PolicyDefect(`change ${n} landed twice`);
    if (!change.passes) throw new PolicyDefect(`change ${n} landed although it fails`);
    const clash = change.clashes.find(this.isLanded);
    if (clash !== undefined) throw new PolicyDefect(`changes ${clash} and ${n} landed although they fail together`);
    this.#landed[n] = 1;
  }

  /** Puts change `n` on the trunk, also when others have landed since its build began. Counts the clash, where `land` throws. */
  landUntested(n: number): void {
    if (this.#change(n).clashes.some(this.isLanded)) this.trunkBroken += 1;
    this.#landed[n] = 1;
  }

  /** Ends change `n`. Throws PolicyDefect when `n` has been decided before. */
  decide(n: number, decision: Decision): void {
    const change = this.#change(n);
    if (this.decisions[n]) throw new PolicyDefect(`change ${n} was decided twice`);
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
