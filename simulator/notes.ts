import { Help } from "commander";
import type { SimulatorOptions } from "./options.ts";
import type { PredictorName } from "./predictor.ts";
import { BUILD, CLASH_WITHIN_MS, EUROSYS, FEATURES, MODULES, RISK } from "./workload.ts";

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
const seconds = (ms: number): string => `${ms / 1000} s`;

const risk = `${percent(1 - RISK.share)} of the changes pass with probability ${RISK.safe}, ${percent(RISK.share)} with ${RISK.risky}`;
const duration = `build times are log-normal (median ${BUILD.median} min, sigma ${BUILD.sigma}, from ${BUILD.least} to ${BUILD.most} min) and the same for every build of a change`;

const CONFLICT_NOTES = {
  eurosys: `two changes conflict with probability ${EUROSYS.conflict}`,
  modules: `each change is in one of ${MODULES.count} modules (Zipf, exponent ${MODULES.zipf}), and changes of the same module conflict`,
} as const;
const CLASH = { eurosys: EUROSYS.clash, modules: MODULES.clash } as const;

const PREDICTOR_NOTES: Readonly<Record<PredictorName, string>> = {
  told: "Policies are told the true probability that each change passes.",
  blurred:
    "Policies are told each change's probability of passing with noise on the log-odds, to a Brier score of 0.10.",
  flat: "Policies are told only the mean probability of passing, the same for every change.",
  history: `The product's planner learns the probability of passing from its own outcomes; other policies are told the mean. The features that it learns from are made up: risky changes are larger (median ${FEATURES.riskyLines} lines against ${FEATURES.safeLines}), and ${percent(FEATURES.fromCareless)} of them are by ${FEATURES.careless} of ${FEATURES.authors} authors.`,
};

/** The assumptions behind the figures, a sentence or two each. */
export function notesOn(options: SimulatorOptions, predictor: PredictorName): string[] {
  const { changes, seeds, tests, flakes, cancellations, startDelayMs, cancelDelayMs, mergeDelayMs } = options;
  const made = options.workloads.map(
    (name) =>
      `Workload ${name}: ${changes} changes with Poisson arrivals; ${duration}; ${risk}; ${CONFLICT_NOTES[name]}. Two changes that conflict fail together with probability ${CLASH[name]} when they arrive less than ${CLASH_WITHIN_MS / 60_000} min apart.`,
  );
  const source =
    options.replay === undefined
      ? [
          ...made,
          "None of these arrivals, build times, risks and conflicts is known to be Uber's: they are assumptions.",
        ]
      : [
          "Workload replay: arrivals, paths, build times and outcomes are those of the given history. A change that failed is taken to fail alone.",
        ];
  return [
    ...source,
    PREDICTOR_NOTES[predictor],
    tests === "affected"
      ? "A build tests only what its heads affect: it passes when each head passes alone and fails together with no other change of its tree."
      : "A build tests everything in its tree: it passes when every change of the tree passes alone and no two fail together.",
    "The oracle knows every outcome, builds each change once on arrival and lands strictly in order.",
    `Figures are medians of the seeds ${seeds.join(", ")} (nearest rank). A range in brackets is from the lowest to the highest seed.`,
    `Builds that fail for no reason: ${percent(flakes)}. Changes cancelled by their authors: ${percent(cancellations)}. Delays: start ${seconds(startDelayMs)}, cancel ${seconds(cancelDelayMs)}, merge ${seconds(mergeDelayMs)}.`,
  ];
}

/** The notes as a list. Lines are wrapped at `width` columns, or not at all when `width` is undefined, as in a pipe. */
export function bulleted(notes: readonly string[], width: number | undefined): string {
  const wrap = (text: string) => (width === undefined ? text : new Help().boxWrap(text, width - 2));
  return notes.map((note) => `* ${wrap(note).replaceAll("\n", "\n  ")}`).join("\n");
}
