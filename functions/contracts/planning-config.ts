import * as z from "zod";
import { GitHubCheck, hasNoProblem } from "./config-fields.ts";
import { Glob } from "./globs.ts";

/** A regular expression for a whole label, with one group: the target. Example: `target:(.+)`. */
const LabelPattern = z.string().min(1).max(200).superRefine(hasNoProblem(problemOfPattern));

function problemOfPattern(pattern: string): string | undefined {
  try {
    // With the empty alternative it matches anything, and the match has an element for each group.
    const groups = (new RegExp(`${pattern}|`, "u").exec("")?.length ?? 1) - 1;
    return groups === 1 ? undefined : "write one group around the part that is the target, such as target:(.+)";
  } catch (error) {
    return `this is no regular expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Changes conflict when they affect the same build target. A change whose targets are not known conflicts with every other. */
const Targets = z
  .strictObject({
    type: z.literal("targets"),
    /** Which labels of a pull request name a target, where the Land call names none. Absent: labels name none. */
    labels: LabelPattern.optional(),
    /** The check run on a change's commit whose output names the targets, one a line, where the Land call names none. Absent: no check does. */
    check: GitHubCheck.optional(),
  })
  .refine(({ labels, check }) => labels === undefined || check === undefined, {
    path: ["check"],
    message: "targets are named by labels or by a check: write one of them",
  });

export const ConflictAnalyzerConfig = z.discriminatedUnion("type", [
  /** Every change conflicts with every other: the landed tree is the tested tree, bit for bit. */
  z.strictObject({ type: z.literal("all") }),
  /** No change conflicts with any other. */
  z.strictObject({ type: z.literal("none") }),
  /** Changes conflict when they touch the same file, or files of the same directory. */
  z.strictObject({
    type: z.literal("paths"),
    by: z.enum(["file", "directory"]).default("file"),
    /** A change that touches one of these paths conflicts with every change that touches anything. */
    barriers: z.array(Glob).max(100).optional(),
    /**
     * Paths that nothing is built from: two changes do not conflict because both touch such a path. A path that is a barrier too counts as
     * a barrier.
     */
    ignore: z.array(Glob).max(100).optional(),
  }),
  Targets,
]);
export type ConflictAnalyzerConfig = z.infer<typeof ConflictAnalyzerConfig>;

const Probability = z.number().min(0).max(1);

const FlatScorer = z.strictObject({ type: z.literal("flat"), success: Probability.default(0.95) });
const HeuristicScorer = z.strictObject({
  type: z.literal("heuristic"),
  /** What is counted: lines (added and deleted) or files. */
  by: z.enum(["lines", "files"]).default("lines"),
  /** The first bucket whose `upTo` is not exceeded gives the chance of success. Beyond the last bucket, the chance is 0.95. */
  buckets: z
    .array(z.strictObject({ upTo: z.number().nonnegative(), success: Probability }))
    .min(1)
    .refine(
      (buckets) => buckets.every((bucket, i) => i === 0 || bucket.upTo > (buckets[i - 1]?.upTo ?? 0)),
      "upTo ascends",
    ),
});
const HistoryScorer = z.strictObject({ type: z.literal("history") });
const SimpleScorer = z.discriminatedUnion("type", [FlatScorer, HeuristicScorer, HistoryScorer]);

/** What predicts how likely a change is to pass before anything has been built. `history` learns from the queue's own outcomes. */
export const ScorerConfig = z.discriminatedUnion("type", [
  FlatScorer,
  HeuristicScorer,
  HistoryScorer,
  z.strictObject({
    type: z.literal("composite"),
    by: z.enum(["min", "max", "mean"]),
    of: z.array(SimpleScorer).min(1),
  }),
]);
export type ScorerConfig = z.infer<typeof ScorerConfig>;

/** Which builds are worth their slot. */
export const SpeculationConfig = z.strictObject({
  scorer: ScorerConfig.default({ type: "history" }),
  /** likely-first: a change that will probably fail joins the order only once it has passed. arrival: first come, first served. */
  order: z.enum(["likely-first", "arrival"]).default("likely-first"),
  probation: z
    .strictObject({
      /** Below this chance of success a change is on probation. */
      threshold: Probability.default(0.5),
      /** After so many seconds the change joins the order, also when it has not passed. */
      maxHoldSeconds: z
        .int()
        .min(0)
        .default(4 * 3_600),
    })
    .prefault({}),
  /**
   * A path whose assumptions are less likely than this to come true is not built. The exception is the first build of a change where builds
   * test only what is affected: it tells whether the change passes, whether or not the assumptions come true.
   */
  minProbability: Probability.default(0.1),
  /** True: a change may land ahead of undecided ones once a build has passed for every way in which these can turn out. */
  bypass: z.boolean().default(true),
  /** sticky: a running build is given up only when its verdict can no longer be used. preempting: also for a clearly better one. */
  allocator: z.enum(["sticky", "preempting"]).default("sticky"),
});
export type SpeculationConfig = z.infer<typeof SpeculationConfig>;

/** Requests that are built and landed together when more wait than the budget can serve. */
export const BundleConfig = z.strictObject({
  maxSize: z.int().min(1).max(100).default(1),
  /** How long a bundle that is not full waits for more. */
  maxWaitSeconds: z.int().min(0).max(3_600).default(0),
});
