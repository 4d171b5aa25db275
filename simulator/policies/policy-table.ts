import { type Ledger, PolicyDefect } from "../ledger.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../run-settings.ts";
import { serialOutcome } from "../tree-outcome.ts";
import type { Workload } from "../workload.ts";
import { bestFirst } from "./best-first.ts";
import { line } from "./line.ts";
import { optimistic } from "./optimistic.ts";
import { oracle } from "./oracle.ts";
import { OurQueue, type Stopwatch } from "./ours.ts";
import { queueConfig, type Variant } from "./queue-config.ts";
import { singleQueue } from "./single-queue.ts";
import { trunkGroups } from "./trunk-groups.ts";

/** What a run takes beside its workload and settings. */
export interface Tools {
  readonly prediction: Prediction;
  /** Read before and after each run of the planner. */
  readonly stopwatch: Stopwatch;
}

interface Policy {
  /** What the policy does, for `--help`. */
  readonly about: string;
  /** True when the policy must land exactly the changes that land when each is tried alone, in order of arrival. */
  readonly strict?: true;
  readonly run: (workload: Workload, settings: Settings, tools: Tools) => Ledger;
}

/** The product's planner, with the settings of `variant` instead of its defaults. */
const ours = (about: string, variant: Variant = {}): Policy => ({
  about,
  run: (workload, settings, { prediction, stopwatch }) => {
    const config = queueConfig(settings, prediction, variant);
    return new OurQueue(workload, settings, { prediction, config, stopwatch }).run();
  },
});

const POLICIES = {
  oracle: {
    about: "knows every outcome: one build per change, unlimited builders, lands strictly in order of arrival",
    strict: true,
    run: oracle,
  },
  single: {
    about: "no speculation: builds a change once every conflicting change ahead of it is decided",
    strict: true,
    run: singleQueue,
  },
  optimistic: {
    about: "assumes that every build passes; after a failure, builds the changes behind it again (Zuul)",
    strict: true,
    run: optimistic,
  },
  github: {
    about:
      "one line; each change is built on all ahead of it, and lands when it and they have passed (GitHub, ALLGREEN)",
    strict: true,
    run: (workload, settings) => line(workload, settings, {}),
  },
  "github-head": {
    about: "github, but up to 5 changes land together when the last has passed (GitHub, HEADGREEN)",
    strict: true,
    // A build that tests only what is affected says nothing about the changes before its head.
    run: (workload, settings) => line(workload, settings, settings.tests === "everything" ? { clears: 5 } : {}),
  },
  zuul: {
    about:
      "one line; its first 20 changes are built; the window grows by 1 per landed change, a failure halves it (Zuul)",
    strict: true,
    run: (workload, settings) => line(workload, settings, { window: { start: 20, least: 3 } }),
  },
  bors: {
    about: "one build at a time, of everything that waits; a batch that fails is cut into halves (bors)",
    strict: true,
    run: (workload, settings) => trunkGroups(workload, settings, { atOnce: 1, size: Number.POSITIVE_INFINITY }),
  },
  "no-queue": {
    about:
      "builds each change alone on the trunk and lands it, also when other changes have landed since; the trunk may break",
    run: (workload, settings) => trunkGroups(workload, settings, { atOnce: settings.builders, size: 1 }),
  },
  "speculate-all": {
    about: "like 2019, but takes every change to land with probability 0.5",
    strict: true,
    run: (workload, settings, { prediction }) =>
      bestFirst(workload, settings, prediction, { preempts: true, ignoresPredictions: true }),
  },
  "2019": {
    about: "builds the likeliest paths; aborts running builds for likelier ones (EuroSys 2019)",
    strict: true,
    run: (workload, settings, { prediction }) => bestFirst(workload, settings, prediction, { preempts: true }),
  },
  sticky: {
    about: "builds the likeliest paths; running builds keep their slot (uber/submitqueue today)",
    strict: true,
    run: (workload, settings, { prediction }) => bestFirst(workload, settings, prediction, { preempts: false }),
  },
  "sticky-threshold": {
    about: "sticky, but starts no build of a path less likely than 0.1",
    strict: true,
    run: (workload, settings, { prediction }) =>
      bestFirst(workload, settings, prediction, { preempts: false, threshold: 0.1 }),
  },
  ours: ours("the product's planner, with its defaults"),
  "ours-arrival": ours("ours without probation: conflicting changes keep the order of arrival", { order: "arrival" }),
  "ours-no-threshold": ours("ours, but no path is too unlikely to be built", { minProbability: 0 }),
  "ours-no-bypass": ours("ours without bypasses", { bypass: false }),
  "ours-preempting": ours("ours, but running builds may be aborted for clearly better ones", {
    allocator: "preempting",
  }),
  "ours-bundle-4": ours("ours with bundles of up to 4 batches", { bundle: 4 }),
  "ours-bundle-8": ours("ours with bundles of up to 8 batches", { bundle: 8 }),
  "ours-pushes": ours("ours, but only the tip of each push has to be built (commitPoints: pushes)", {
    commitPoints: "pushes",
  }),
  "ours-retries": ours("ours, but a failed build is repeated once", { retries: 1 }),
  "ours-all": ours("ours-preempting with bundles of up to 8 batches and one retry", {
    allocator: "preempting",
    bundle: 8,
    retries: 1,
  }),
} satisfies Record<string, Policy>;

export type PolicyName = keyof typeof POLICIES;
export const POLICY_NAMES = Object.keys(POLICIES) as PolicyName[];
/** True for the policies that drive the product's planner. */
export const isOurs = (name: PolicyName): boolean => name === "ours" || name.startsWith("ours-");
export const aboutPolicy = (name: PolicyName): string => POLICIES[name].about;

/**
 * Runs one policy to the end. Throws PolicyDefect in three cases: a change landed that breaks the trunk, a change was never decided,
 * or a strict policy landed other changes than a serial run. The last is checked only without flaky builds and cancelled changes.
 */
export function runPolicy(name: PolicyName, workload: Workload, settings: Settings, tools: Tools): Ledger {
  const policy: Policy = POLICIES[name];
  const ledger = policy.run(workload, settings, tools);
  const undecided = ledger.decisions.indexOf(undefined);
  if (undecided >= 0) throw new PolicyDefect(`${name} never decided change ${undecided}`);
  const isPlain = settings.flakes === 0 && workload.changes.every(({ cancelMs }) => cancelMs === undefined);
  if (policy.strict && isPlain) {
    const serial = serialOutcome(workload.changes);
    const differing = serial.findIndex((lands, n) => lands !== (ledger.decisions[n]?.outcome === "landed"));
    if (differing >= 0) throw new PolicyDefect(`${name} decided change ${differing} differently from a serial run`);
  }
  return ledger;
}
