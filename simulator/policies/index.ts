import { BrokenPromise, type Ledger } from "../ledger.ts";
import type { Prediction } from "../predictor.ts";
import type { Settings } from "../settings.ts";
import { serialOutcome, type Workload } from "../workload.ts";
import { bestFirst } from "./best-first.ts";
import { optimistic } from "./optimistic.ts";
import { oracle } from "./oracle.ts";
import { OurQueue, type Stopwatch } from "./ours.ts";
import { type Options, queueConfig } from "./queue-config.ts";
import { singleQueue } from "./single-queue.ts";

interface Policy {
  /** For people: what it does. */
  readonly about: string;
  /** It lands exactly what a serial run in order of arrival lands. */
  readonly strict?: true;
  readonly run: (workload: Workload, settings: Settings, prediction: Prediction, stopwatch: Stopwatch) => Ledger;
}

const ours = (about: string, options: Options = {}): Policy => ({
  about,
  run: (workload, settings, prediction, stopwatch) =>
    new OurQueue(workload, settings, prediction, queueConfig(settings, prediction, options), stopwatch).run(),
});

const POLICIES = {
  oracle: {
    about: "knows every outcome, builds each change once on arrival, lands strictly in order; builders without limit",
    strict: true,
    run: oracle,
  },
  single: { about: "builds a change when all conflicting ones ahead are decided", strict: true, run: singleQueue },
  optimistic: {
    about: "assumes success, starts again behind a failure (as Zuul does)",
    strict: true,
    run: optimistic,
  },
  "speculate-all": {
    about: "best-first, every outcome equally likely, pre-emptive",
    strict: true,
    run: (workload, settings, prediction) => bestFirst(workload, settings, prediction, { preempts: true, blind: true }),
  },
  "2019": {
    about: "best-first on the probability that a build is needed, pre-emptive (EuroSys 2019)",
    strict: true,
    run: (workload, settings, prediction) => bestFirst(workload, settings, prediction, { preempts: true }),
  },
  sticky: {
    about: "best-first; running builds keep their builder (uber/submitqueue today)",
    strict: true,
    run: (workload, settings, prediction) => bestFirst(workload, settings, prediction, { preempts: false }),
  },
  "sticky-threshold": {
    about: "sticky, and builds needed with less than 0.1 are not started",
    strict: true,
    run: (workload, settings, prediction) =>
      bestFirst(workload, settings, prediction, { preempts: false, threshold: 0.1 }),
  },
  ours: ours("the product's planner, with its defaults"),
  "ours-arrival": ours("ours without probation: order of arrival", { order: "arrival" }),
  "ours-no-threshold": ours("ours, and no build is too unlikely", { minProbability: 0 }),
  "ours-no-bypass": ours("ours without bypasses", { bypass: false }),
  "ours-preempting": ours("ours, and running builds may be given up for better ones", { allocator: "preempting" }),
  "ours-batch-4": ours("ours with batches of up to 4", { batch: 4 }),
  "ours-batch-8": ours("ours with batches of up to 8", { batch: 8 }),
  "ours-retries": ours("ours, and a failed build is repeated once", { retries: 1 }),
  "ours-all": ours("ours pre-emptive, with batches of up to 8 and one retry", {
    allocator: "preempting",
    batch: 8,
    retries: 1,
  }),
} satisfies Record<string, Policy>;

export type PolicyName = keyof typeof POLICIES;
export const POLICY_NAMES = Object.keys(POLICIES) as PolicyName[];
export const isPolicyName = (name: string): name is PolicyName => Object.hasOwn(POLICIES, name);
export const isOurs = (name: PolicyName): boolean => name === "ours" || name.startsWith("ours-");
export const aboutPolicy = (name: PolicyName): string => POLICIES[name].about;

/** Throws BrokenPromise when the trunk was not kept green, a change was left undecided, or a strict policy strays from the serial run. */
export function runPolicy(
  name: PolicyName,
  workload: Workload,
  settings: Settings,
  prediction: Prediction,
  stopwatch: Stopwatch,
): Ledger {
  const policy: Policy = POLICIES[name];
  const ledger = policy.run(workload, settings, prediction, stopwatch);
  const undecided = ledger.decisions.indexOf(undefined);
  if (undecided >= 0) throw new BrokenPromise(`${name} never decided change ${undecided}`);
  const isPlain = settings.flakes === 0 && workload.changes.every(({ cancelMs }) => cancelMs === undefined);
  if (policy.strict && isPlain) {
    const serial = serialOutcome(workload.changes);
    const stray = serial.findIndex((lands, n) => lands !== (ledger.decisions[n]?.outcome === "landed"));
    if (stray >= 0) throw new BrokenPromise(`${name} decided change ${stray} otherwise than a serial run`);
  }
  return ledger;
}
