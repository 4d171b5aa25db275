import type { Breakages } from "./breakages.ts";
import { hash32 } from "./random-streams.ts";
import type { TestScope } from "./tree-outcome.ts";

export const ANALYZERS = ["paths", "all"] as const;
export type Analyzer = (typeof ANALYZERS)[number];

/** The conditions of a run, the same for every policy. Times are in milliseconds. */
export interface Settings {
  /** How many builds may run at once. */
  readonly builders: number;
  readonly seed: number;
  /** What a build tests. */
  readonly tests: TestScope;
  /** From the start of a build until it makes progress. The build holds its slot meanwhile. */
  readonly startDelayMs: number;
  /** From giving up a build until its slot is free. */
  readonly cancelDelayMs: number;
  /** From the decision to land until the change is on the trunk. */
  readonly mergeDelayMs: number;
  /** The share of the builds that fail although their tree passes. */
  readonly flakes: number;
  /** How often a failed build is repeated before the failure counts. */
  readonly retries: number;
  /** Commits pushed past the queue that break the trunk. Absent: there are none. Only policies that drive the product's planner know them. */
  readonly breakages?: Breakages;
  /** What the queue takes to conflict. `paths`: changes that share a path. `all`: every change with every other. */
  readonly analyzer: Analyzer;
}

/** True when the `count`th build of the change `head` fails for no reason. The same seed gives the same answers. */
export const isFlaky = ({ flakes, seed }: Settings, head: number, count: number): boolean =>
  flakes > 0 && (hash32(`${seed}/flake/${head}/${count}`) * 2654435761) % 2 ** 32 < flakes * 2 ** 32;
