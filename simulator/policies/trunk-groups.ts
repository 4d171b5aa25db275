import { Agenda } from "../agenda.ts";
import { Ledger } from "../ledger.ts";
import { isFlaky, type Settings } from "../run-settings.ts";
import { passes } from "../tree-outcome.ts";
import type { Change, Workload } from "../workload.ts";

export interface TrunkGroups {
  /** The most groups that are built at the same time. */
  readonly atOnce: number;
  /** The most changes of a group. */
  readonly size: number;
}

/** Changes that are built together on the trunk, and land together. */
interface Group {
  readonly members: readonly number[];
  readonly startedMs: number;
  retries: number;
  passed: boolean;
  aborted: boolean;
}

type Event =
  | { readonly kind: "finish"; readonly group: Group }
  | { readonly kind: "stopped" }
  | { readonly kind: "arrive" | "cancel"; readonly n: number };

/**
 * Builds groups of waiting changes on the trunk as it is when the build starts. A group that passes lands. A group that fails is cut into
 * halves, which are built before other changes. A single change that fails, again in each of its retries, is rejected. With one group at a
 * time, no change lands that clashes with the trunk. With several, the trunk may have moved since a build began: the changes land all the
 * same, and the ledger counts the clashes.
 *
 * Example: {A, B, C, D} fails, for C fails alone. {A, B} passes and lands. {C, D} fails. C fails and is rejected. D passes and lands.
 */
export function trunkGroups(workload: Workload, settings: Settings, shape: TrunkGroups): Ledger {
  return new TrunkQueue(workload, settings, shape).run();
}

class TrunkQueue {
  readonly #ledger: Ledger;
  readonly #changes: readonly Change[];
  readonly #settings: Settings;
  readonly #shape: TrunkGroups;
  readonly #agenda = new Agenda<Event>();
  readonly #running = new Set<Group>();
  #slotsStopping = 0;
  #waiting: number[] = [];
  /** The halves of groups that failed, in order. They are built before the waiting changes. */
  #halves: number[][] = [];
  #builds = new Map<number, number>();
  #now = 0;

  constructor(workload: Workload, settings: Settings, shape: TrunkGroups) {
    this.#ledger = new Ledger(workload);
    this.#changes = workload.changes;
    this.#settings = settings;
    this.#shape = shape;
    for (const { n, arrivalMs, cancelMs } of workload.changes) {
      this.#agenda.add(arrivalMs, 1, { kind: "arrive", n });
      if (cancelMs !== undefined) this.#agenda.add(cancelMs, 2, { kind: "cancel", n });
    }
  }

  run(): Ledger {
    for (let at = this.#agenda.nextAt; at !== undefined; at = this.#agenda.nextAt) {
      this.#now = at;
      for (const event of this.#agenda.takeDue()) this.#handle(event);
      this.#fill();
    }
    return this.#ledger;
  }

  #handle(event: Event): void {
    if (event.kind === "finish") this.#finish(event.group);
    else if (event.kind === "stopped") this.#slotsStopping -= 1;
    else if (event.kind === "arrive") this.#waiting.push(event.n);
    else this.#cancel(event.n);
  }

  #fill(): void {
    const { atOnce, size } = this.#shape;
    const limit = Math.min(atOnce, this.#settings.builders) - this.#slotsStopping;
    while (this.#running.size < limit) {
      const members = this.#halves.shift() ?? this.#waiting.splice(0, size);
      if (members.length === 0) return;
      const retries = members.length === 1 ? this.#settings.retries : 0;
      const group: Group = { members, startedMs: this.#now, retries, passed: false, aborted: false };
      this.#running.add(group);
      this.#attempt(group);
    }
  }

  #attempt(group: Group): void {
    const { members } = group;
    const first = members[0] ?? 0;
    const count = (this.#builds.get(first) ?? 0) + 1;
    this.#builds.set(first, count);
    const sound = passes(this.#changes, this.#ledger.isLanded, { heads: members, base: [] }, "everything");
    group.passed = sound && !isFlaky(this.#settings, first, count);
    const buildMs = Math.max(...members.map((n) => this.#changes[n]?.buildMs ?? 0));
    this.#ledger.started += 1;
    this.#agenda.add(this.#now + this.#settings.startDelayMs + buildMs, 0, { kind: "finish", group });
  }

  #finish(group: Group): void {
    if (group.aborted) return;
    if (!group.passed && group.retries > 0) {
      group.retries -= 1;
      this.#attempt(group);
      return;
    }
    const { members } = group;
    this.#running.delete(group);
    this.#ledger.buildEnded(group.startedMs, this.#now, false);
    if (group.passed) for (const n of members) this.#land(n);
    else if (members.length === 1)
      for (const n of members) this.#ledger.decide(n, { atMs: this.#now, outcome: "rejected", provenMs: this.#now });
    else {
      const half = Math.ceil(members.length / 2);
      this.#halves.unshift(members.slice(0, half), members.slice(half));
    }
  }

  #land(n: number): void {
    if (this.#shape.atOnce === 1) this.#ledger.land(n);
    else this.#ledger.landUntested(n);
    const atMs = this.#now + this.#settings.mergeDelayMs;
    this.#ledger.decide(n, { atMs, outcome: "landed", provenMs: this.#now });
  }

  /** Takes the change out of the queue. The rest of its group is built again without the change. */
  #cancel(n: number): void {
    if (this.#ledger.decisions[n]) return;
    const without = (members: readonly number[]) => members.filter((other) => other !== n);
    this.#ledger.decide(n, { atMs: this.#now, outcome: "cancelled" });
    this.#waiting = without(this.#waiting);
    this.#halves = this.#halves.map(without).filter(({ length }) => length > 0);
    const group = [...this.#running].find(({ members }) => members.includes(n));
    if (group === undefined) return;
    group.aborted = true;
    this.#running.delete(group);
    const stoppedMs = this.#now + this.#settings.cancelDelayMs;
    this.#ledger.buildEnded(group.startedMs, stoppedMs, true);
    if (group.members.length > 1) this.#halves.unshift(without(group.members));
    if (stoppedMs === this.#now) return;
    this.#slotsStopping += 1;
    this.#agenda.add(stoppedMs, 0, { kind: "stopped" });
  }
}
