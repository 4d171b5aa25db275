import type { SimulatorOptions } from "./options.ts";
import type { PredictorName } from "./predictor.ts";
import { BUILD, EUROSYS, FEATURES, MODULES, REAL_WITHIN_MS, RISK } from "./workload.ts";

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
const seconds = (ms: number): string => `${ms / 1000} s`;

const risk = `${percent(1 - RISK.share)} of the changes pass with ${RISK.safe}, ${percent(RISK.share)} with ${RISK.risky}`;
const duration = `build time log-normal (median ${BUILD.median} min, sigma ${BUILD.sigma}, clipped to ${BUILD.least} … ${BUILD.most}), the same for every build of a change`;

const WORKLOAD_NOTES = {
  eurosys: `each earlier change is a potential conflict with ${EUROSYS.potential}`,
  modules: `${MODULES.count} modules, Zipf ${MODULES.zipf}; all in a module conflict potentially`,
} as const;
const REAL = { eurosys: EUROSYS.real, modules: MODULES.real } as const;

const PREDICTOR_NOTES: Readonly<Record<PredictorName, string>> = {
  told: "Policies are told each change's own chance of success.",
  blurred: "Policies are told each change's chance of success with noise on its log-odds, to a Brier score of 0.10.",
  flat: "Policies are told nothing but the mean chance of success: no change can be told from another.",
  history: `Ours learns the chance of success from its own outcomes; the others are told the mean. What it may learn from is made up: risky changes are larger (median ${FEATURES.riskyLines} lines against ${FEATURES.safeLines}) and ${percent(FEATURES.fromCareless)} of them are by ${FEATURES.careless} of ${FEATURES.authors} authors.`,
};

/** What the figures hang on, one sentence each. */
export function notesOn(options: SimulatorOptions, predictor: PredictorName): string[] {
  const { changes, seeds, speaksFor, flakes, cancellations, startDelayMs, cancelDelayMs, mergeDelayMs } = options;
  const made = options.workloads.map(
    (name) =>
      `Workload ${name}: ${changes} changes, Poisson arrivals; ${duration}; ${risk}; ${WORKLOAD_NOTES[name]}, and a real one with ${REAL[name]} when they arrive less than ${REAL_WITHIN_MS / 60_000} min apart.`,
  );
  const source =
    options.replay === undefined
      ? [
          ...made,
          "None of these arrivals, build times, risks and conflicts is known to be Uber's: they are assumptions.",
        ]
      : [
          "Workload replay: arrivals, paths, build times and outcomes of the history given; what failed is taken to fail on its own.",
        ];
  return [
    ...source,
    PREDICTOR_NOTES[predictor],
    speaksFor === "heads"
      ? "A build tests what its heads affect: it passes when each of them passes on its own and really conflicts with nothing in its tree."
      : "A build tests its whole tree: it passes when every change in it passes on its own and no two really conflict.",
    "Figures are over the oracle's, which knows every outcome, builds each change once on arrival and lands strictly in order.",
    `Medians of seeds ${seeds.join(", ")} (nearest rank), and their range.`,
    `Builds that fail for no reason: ${percent(flakes)}. Changes given up: ${percent(cancellations)}. Delays: start ${seconds(startDelayMs)}, cancel ${seconds(cancelDelayMs)}, merge ${seconds(mergeDelayMs)}.`,
  ];
}
