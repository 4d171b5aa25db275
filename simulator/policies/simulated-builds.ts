import type { BatchId, BuildKey, GitSha } from "../../functions/contracts/ids.ts";
import { trunkIdOf } from "../../functions/contracts/ids.ts";
import type { Composed, TrunkUnit } from "../../functions/contracts/messages/merge-unit.ts";
import type { BuildVerdict, Signal } from "../../functions/contracts/messages/signals.ts";
import type { Command } from "../../functions/domain/planner/plan.ts";
import type { Ledger } from "../ledger.ts";
import { median } from "../measures.ts";
import { isFlaky, type Settings } from "../run-settings.ts";
import { passes } from "../tree-outcome.ts";
import type { Change, Workload } from "../workload.ts";
import { FAILED, finished, numberOf, numbersOf, QUEUE } from "./simulated-signals.ts";
import { SimulatedTrunk } from "./simulated-trunk.ts";

type StartBuild = Extract<Command, { kind: "start-build" }>;

interface Running {
  readonly batchId: BatchId;
  readonly startedMs: number;
  readonly passes: boolean;
  readonly composed: Composed;
}

/**
 * What happens to a build later. `finish`: the build has run to its end. `stopped`: the slot of a build that was given up is free. `look`: the
 * build of the trunk itself was not needed, because the trunk is still at the commit `trunk`.
 */
export type BuildEvent =
  | { readonly kind: "finish"; readonly key: BuildKey }
  | { readonly kind: "stopped"; readonly key: BuildKey; readonly batchId: BatchId }
  | { readonly kind: "look"; readonly key: BuildKey; readonly trunk: GitSha };

/** Plays the builds that the product's planner asks for, and the trunk that they are composed on. Times are virtual milliseconds. */
export class SimulatedBuilds {
  readonly trunk = new SimulatedTrunk();
  readonly #changes: readonly Change[];
  readonly #settings: Settings;
  readonly #ledger: Ledger;
  readonly #schedule: (atMs: number, event: BuildEvent) => void;
  readonly #running = new Map<BuildKey, Running>();
  readonly #finishedMs = new Map<BuildKey, number>();
  /** Per change, how many builds with the change as their first head were started. */
  readonly #counts = new Map<number, number>();
  readonly #trunkBuildMs: number;

  /** `schedule` is told when each event is due; the caller then calls `happen` with it. */
  constructor(
    { changes }: Workload,
    settings: Settings,
    ledger: Ledger,
    schedule: (atMs: number, event: BuildEvent) => void,
  ) {
    this.#changes = changes;
    this.#settings = settings;
    this.#ledger = ledger;
    this.#schedule = schedule;
    this.#trunkBuildMs = median(changes.map(({ buildMs }) => buildMs));
  }

  /** How many builds are running. */
  get running(): number {
    return this.#running.size;
  }

  /** When the build ran to its end. Undefined when it did not. */
  finishedMs(key: BuildKey): number | undefined {
    return this.#finishedMs.get(key);
  }

  start({ buildKey, batchId, base, head, sqids }: StartBuild, now: number): void {
    if ("unless" in head) {
      this.#startTrunk(buildKey, head, now);
      return;
    }
    const heads = sqids.map(numberOf);
    const { isLanded } = this.#ledger;
    const under = [...base.flatMap(numbersOf), ...numbersOf(head)].filter((n) => !heads.includes(n) && !isLanded(n));
    const first = Math.min(...heads);
    const count = (this.#counts.get(first) ?? 0) + 1;
    this.#counts.set(first, count);
    const sound = passes(this.#changes, isLanded, { heads, base: under }, this.#settings.tests);
    this.#running.set(buildKey, {
      batchId,
      startedMs: now,
      passes: sound && !this.trunk.isBroken && !isFlaky(this.#settings, first, count),
      composed: this.trunk.composed([...under, ...heads], buildKey),
    });
    this.#ledger.started += 1;
    const buildMs = Math.max(...heads.map((n) => this.#changes[n]?.buildMs ?? 0));
    this.#schedule(now + this.#settings.startDelayMs + buildMs, { kind: "finish", key: buildKey });
  }

  /** Builds the trunk itself, or sees that the trunk needs no build. */
  #startTrunk(key: BuildKey, { batchId, unless }: TrunkUnit, now: number): void {
    const composed = this.trunk.itself();
    this.#running.set(key, { batchId, startedMs: now, passes: !this.trunk.isBroken, composed });
    if (unless.includes(composed.trunk)) {
      this.#schedule(now, { kind: "look", key, trunk: composed.trunk });
      return;
    }
    this.#ledger.started += 1;
    this.#ledger.trunkBuilds += 1;
    this.#schedule(now + this.#settings.startDelayMs + this.#trunkBuildMs, { kind: "finish", key });
  }

  /** Gives the build up. Does nothing when the build does not run. */
  stop(key: BuildKey, now: number): void {
    const build = this.#running.get(key);
    if (!build) return;
    this.#running.delete(key);
    const stoppedMs = now + this.#settings.cancelDelayMs;
    this.#ledger.buildEnded(build.startedMs, stoppedMs, true);
    this.#schedule(stoppedMs, { kind: "stopped", key, batchId: build.batchId });
  }

  /** What the planner is told when the event is due. Empty when the build was given up before it finished. */
  happen(event: BuildEvent, now: number): Signal[] {
    const { key } = event;
    if (event.kind === "stopped") return [finished(event.batchId, key, { kind: "cancelled" })];
    const build = this.#running.get(key);
    this.#running.delete(key);
    if (event.kind === "look") return [finished(trunkIdOf(QUEUE), key, { kind: "unchanged", trunk: event.trunk })];
    if (!build) return [];
    this.#finishedMs.set(key, now);
    this.#ledger.buildEnded(build.startedMs, now, false);
    return [finished(build.batchId, key, this.#verdictOn(build))];
  }

  /** Where breakages go unnoticed, a failed build does not say what it was composed on. */
  #verdictOn({ passes: passed, composed }: Running): BuildVerdict {
    if (passed) return { kind: "passed", composed };
    return this.#settings.breakages?.unnoticed ? FAILED : { ...FAILED, composed };
  }
}
