import { hash32 } from "./random.ts";
import type { SpeaksFor } from "./workload.ts";

/** How the machinery behaves, for every policy alike. Milliseconds and shares. */
export interface Settings {
  readonly builders: number;
  readonly seed: number;
  readonly speaksFor: SpeaksFor;
  /** Before a build makes progress; it holds its builder meanwhile. */
  readonly startDelayMs: number;
  /** Until a build that was given up has let go of its builder. */
  readonly cancelDelayMs: number;
  /** From the decision to land until the change is on the trunk. */
  readonly mergeDelayMs: number;
  /** Share of the builds that fail although their tree is sound. */
  readonly flakes: number;
}

/** Whether the `count`th build of a change is one of those that fail for no reason. */
export const isFlaky = ({ flakes, seed }: Settings, head: number, count: number): boolean =>
  flakes > 0 && (hash32(`${seed}/flake/${head}/${count}`) * 2654435761) % 2 ** 32 < flakes * 2 ** 32;
