import { Help } from "commander";
import type { PredictorName } from "./predictor.ts";
import { adviceOn, type Replay } from "./replay.ts";
import { HOURS, type SimulatorOptions, showsTeam } from "./simulator-options.ts";
import { CLASH_WITHIN_MS, FEATURES, MODULES, RECIPES, type WorkloadName } from "./workload.ts";

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
const seconds = (ms: number): string => `${ms / 1000} s`;

function madeNote(name: WorkloadName, changes: string): string {
  const { build, risk, conflicts, clash } = RECIPES[name];
  const together =
    conflicts.by === "pair"
      ? `two changes conflict with probability ${conflicts.probability}`
      : `each change is in one of ${MODULES.count} modules (Zipf, exponent ${MODULES.zipf}), and changes of the same module conflict`;
  return [
    `Workload ${name}: ${changes} with Poisson arrivals`,
    `build times are log-normal (median ${build.median} min, sigma ${build.sigma}, from ${build.least} to ${build.most} min) and the same for every build of a change`,
    `${percent(1 - risk.share)} of the changes pass with probability ${risk.safe}, ${percent(risk.share)} with ${risk.risky}`,
    `${together}. Two changes that conflict fail together with probability ${clash} when they arrive less than ${CLASH_WITHIN_MS / 60_000} min apart.`,
  ].join("; ");
}

const PREDICTOR_NOTES: Readonly<Record<PredictorName, string>> = {
  told: "Policies are told the true probability that each change passes.",
  blurred:
    "Policies are told each change's probability of passing with noise on the log-odds, to a Brier score of 0.10.",
  flat: "Policies are told only the mean probability of passing, the same for every change.",
  history: `The product's planner learns the probability of passing from its own outcomes; other policies are told the mean. The features that it learns from are made up: risky changes are larger (median ${FEATURES.riskyLines} lines against ${FEATURES.safeLines}), and ${percent(FEATURES.fromCareless)} of them are by ${FEATURES.careless} of ${FEATURES.authors} authors.`,
};

const TEAM_NOTES = [
  "github, github-head, zuul and bors keep one line of all changes, conflicting or not. no-queue tests no change with another that lands while it is built: the last column counts the changes that break the trunk by that.",
  "Group testing: a build tells one bit, so no policy that knows only the share of failing changes takes fewer builds than the entropy of the failures. With builds of mean length, that also bounds the landings per hour.",
  "Order is what remains of the time to land, after the change's own build, when no change fails and builders are unlimited; budget is what the number of builders adds to that, and failures what failing changes and builds add to both.",
];

/** The assumptions behind the figures, a sentence or two each. */
export function notesOn(options: SimulatorOptions): string[] {
  const { changes, seeds, tests, flakes, retries, cancellations, startDelayMs, cancelDelayMs, mergeDelayMs } = options;
  const count = changes === undefined ? `the changes of ${HOURS} hours` : `${changes} changes`;
  const made = options.workloads.map((name) => madeNote(name, count));
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
    PREDICTOR_NOTES[options.predictor],
    tests === "affected"
      ? "A build tests only what its heads affect: it passes when each head passes alone and fails together with no other change of its tree."
      : "A build tests everything in its tree: it passes when every change of the tree passes alone and no two fail together.",
    "The oracle knows every outcome, builds each change once on arrival and lands strictly in order.",
    ...(showsTeam(options) ? TEAM_NOTES : []),
    `Figures are medians of the seeds ${seeds.join(", ")} (nearest rank). A range in brackets is from the lowest to the highest seed.`,
    `Builds that fail for no reason: ${percent(flakes)}. A failed build is repeated ${retries === 1 ? "once" : `${retries} times`} before its failure counts. Changes cancelled by their authors: ${percent(cancellations)}. Delays: start ${seconds(startDelayMs)}, cancel ${seconds(cancelDelayMs)}, merge ${seconds(mergeDelayMs)}.`,
  ];
}

/** What happened in a replayed history itself, and whether the history is long enough, a sentence or two each. */
export function notesOnHistory({ workload, analyzer, actual }: Extract<Replay, { kind: "history" }>): string[] {
  const { hours, landed, landing } = actual;
  const times =
    landing === undefined
      ? ""
      : ` in ${landing.p50.toFixed(0)} minutes (P50) and ${landing.p95.toFixed(0)} minutes (P95)`;
  const advice = adviceOn(workload);
  return [
    ...(advice === undefined ? [] : [advice]),
    `As it was: ${workload.changes.length} changes in ${hours.toFixed(1)} hours, of which ${landed} landed${times}. The conflict analyzer seems to have been ${analyzer === "all" ? "all" : "paths or targets"}.`,
  ];
}

/** The notes as a list. Lines are wrapped at `width` columns, or not at all when `width` is undefined, as in a pipe. */
export function bulleted(notes: readonly string[], width: number | undefined): string {
  const wrap = (text: string) => (width === undefined ? text : new Help().boxWrap(text, width - 2));
  return notes.map((note) => `* ${wrap(note).replaceAll("\n", "\n  ")}`).join("\n");
}
