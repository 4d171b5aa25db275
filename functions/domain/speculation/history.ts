import type { Batch, BatchRequest } from "../batch.ts";

/** What a queue has learned from its own builds and outcomes. About 10 KB, and 50 KB at most; stored in the queue's own item. */
export interface History {
  /** The version of the features that the weights are for. A history of another version is forgotten. */
  readonly features: typeof FEATURES_VERSION;
  /** How many outcomes the weights and authors were learned from. */
  readonly outcomes: number;
  /** One weight per feature (`featuresOf`). The sum of weight · feature is the log-odds that the batch passes. */
  readonly weights: readonly number[];
  /** Per weight, the sum of squared gradients. The larger it is, the smaller the next step of the weight (AdaGrad). */
  readonly steps: readonly number[];
  /**
   * By author: how many requests have passed and failed. Each new outcome of an author makes the author's earlier ones count 2 % less. Only the
   * 200 authors with the latest outcomes are kept.
   */
  readonly authors: Readonly<Record<string, readonly [passed: number, failed: number]>>;
  /** Estimates of the quantiles 0.25, 0.5 and 0.75 of how long passed builds took, in milliseconds. Absent before the first one. */
  readonly buildMs?: readonly [number, number, number];
  /** The clash rate (`clashOf`). Absent before the first build that taught it. */
  readonly clash?: number;
}

/** The field `lowerQuartileMs` of a command that starts a build: three of four passed builds took longer. Empty before the first one. */
export const lowerQuartileOf = (history: History | undefined): { readonly lowerQuartileMs?: number } =>
  history?.buildMs ? { lowerQuartileMs: history.buildMs[0] } : {};

const FEATURES_VERSION = 1;

/** The weights of a new queue: 95 of 100 changes of ordinary size pass, larger ones less often. */
const PRIOR: readonly number[] = [2.9, -0.12, -0.08, -0.1, 1.0];
/** How strongly each step pulls the weights back towards PRIOR. */
const PULL = 0.02;
const LEARNING_RATE = 0.3;
const MOST_AUTHORS = 200;
/** What an author's earlier outcomes are multiplied by at each new one. */
const FADE = 0.98;

/** The history of a new queue. */
export const emptyHistory = (): History => ({
  features: FEATURES_VERSION,
  outcomes: 0,
  weights: PRIOR,
  steps: PRIOR.map(() => 1),
  authors: {},
});

/** The probability of these log-odds. */
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** The logarithm of a count, 0 for the typical count. */
const centred = (count: number, typical: number): number => Math.log1p(count) - Math.log1p(typical);

/** What the prediction is made from: 1, then the numbers of lines, of files and of changes (`centred`), then the authors' record (`authorRecord`). */
function featuresOf(history: History, { touches, changes }: BatchRequest): number[] {
  return [
    1,
    centred(touches.additions + touches.deletions, 40),
    centred(touches.files, 3),
    centred(changes.length, 1),
    authorRecord(history, touches.authors),
  ];
}

/**
 * How much better than the average author the author is: the log-odds that the author's requests pass, minus those of the average author. 0 for
 * an unknown author, and when there is none. The lowest of several authors.
 *
 * Example: 4 passed and 1 failed are log(13.5 / 1.5) - log(19) = -0.75.
 */
function authorRecord(history: History, authors: readonly string[]): number {
  const records = authors.map((author) => {
    const [passed, failed] = countsOf(history, author);
    return Math.log((passed + 9.5) / (failed + 0.5)) - Math.log(19);
  });
  return records.length === 0 ? 0 : Math.min(...records);
}

/** How many requests of the author have passed and failed. An author may have the name of a property that every object has, such as `constructor`. */
const countsOf = ({ authors }: History, author: string): readonly [passed: number, failed: number] =>
  (Object.hasOwn(authors, author) ? authors[author] : undefined) ?? [0, 0];

/** The history, or that of a new queue when there is none or it is of another version. */
const usable = (history: History | undefined): History =>
  history?.features === FEATURES_VERSION ? history : emptyHistory();

/**
 * The probability, 0 … 1, that the batch passes, and the median time of a passed build in milliseconds. `buildMs` is absent before the first
 * passed build.
 */
export function predict(
  stored: History | undefined,
  batch: Pick<Batch, "request">,
): { success: number; buildMs?: number } {
  const history = usable(stored);
  return { success: successOf(history, batch.request), ...(history.buildMs ? { buildMs: history.buildMs[1] } : {}) };
}

function successOf(history: History, request: BatchRequest): number {
  const features = featuresOf(history, request);
  return sigmoid(features.reduce((sum, value, i) => sum + value * (history.weights[i] ?? 0), 0));
}

/** The history after one more outcome. The weights take a step of logistic regression (AdaGrad), pulled towards those of a new queue. */
export function learnOutcome(stored: History | undefined, request: BatchRequest, passed: boolean): History {
  const history = usable(stored);
  const features = featuresOf(history, request);
  const error = (passed ? 1 : 0) - successOf(history, request);
  const gradients = features.map((value, i) => error * value - PULL * ((history.weights[i] ?? 0) - (PRIOR[i] ?? 0)));
  const steps = history.steps.map((step, i) => step + (gradients[i] ?? 0) ** 2);
  const weights = history.weights.map(
    (weight, i) => weight + (LEARNING_RATE * (gradients[i] ?? 0)) / Math.sqrt(steps[i] ?? 1),
  );
  return {
    ...history,
    outcomes: history.outcomes + 1,
    weights,
    steps,
    authors: countedAuthors(history, request, passed),
  };
}

/** The authors' counts after one more outcome. The authors of this outcome come last, and the first are forgotten. */
function countedAuthors(history: History, { touches }: BatchRequest, passed: boolean): History["authors"] {
  const authors = new Map(Object.entries(history.authors));
  for (const author of touches.authors) {
    const [wins, losses] = countsOf(history, author);
    authors.delete(author);
    authors.set(author, [wins * FADE + (passed ? 1 : 0), losses * FADE + (passed ? 0 : 1)]);
  }
  return Object.fromEntries([...authors].slice(-MOST_AUTHORS));
}

/**
 * The history after one more passed build, which took `durationMs` from its proposal to its verdict. Each quantile moves up when the build took
 * longer, and down otherwise, by a share of its size (Robbins and Monro, 1951). The first build gives all three quantiles.
 *
 * Example: the median is 100 s and the build took 130 s. The median becomes 100 + 0.1 · 100 · 0.5 = 105 s. After a build of 80 s it would be 95 s.
 */
export function learnDuration(stored: History | undefined, durationMs: number): History {
  const history = usable(stored);
  if (!history.buildMs) return { ...history, buildMs: [durationMs * 0.8, durationMs, durationMs * 1.25] };
  const [low, middle, high] = history.buildMs.map((estimate, i) => {
    const share = [0.25, 0.5, 0.75][i] ?? 0.5;
    return estimate + 0.1 * estimate * (durationMs > estimate ? share : share - 1);
  });
  const sorted = [low ?? 0, middle ?? 0, high ?? 0].sort((a, b) => a - b);
  return { ...history, buildMs: [sorted[0] ?? 0, sorted[1] ?? 0, sorted[2] ?? 0] };
}

/** The clash rate of a new queue: of the conflicts that an analyzer reports, few are real. */
const FIRST_CLASH = 0.0005;
const CLASH_RATE = 0.3;

/** The clash rate, 0 … 1: how likely two batches that conflict are to fail together. */
export const clashOf = (stored: History | undefined): number => usable(stored).clash ?? FIRST_CLASH;

/** A finished build that teaches the clash rate. */
export interface Encounter {
  /** The probability that all batches that the build tested pass when none of them clash. */
  readonly alone: number;
  /** How many batches of the tree conflict with the head. */
  readonly met: number;
  readonly passed: boolean;
}

/**
 * The history after one more finished build, with the clash rate moved towards what the build showed: up when the build failed, down when it
 * passed. How far depends on how surprising the verdict was. A build passes with probability p = alone · (1 - clash)^met, so a failure that
 * `alone` explains moves the rate little, and one that only conflicts explain moves it much. One build multiplies the rate by e^0.3 = 1.35 at
 * most, or divides it. The rate stays between 0.000001 and 0.5.
 *
 * (The logarithm of the rate goes up the gradient of the verdict's log-likelihood: -met · clash for a pass, and met · clash · p / (1 - p) for
 * a failure, cut to -1 … 1, times 0.3.)
 *
 * Example: the clash rate is 0.01 and the build met 10 conflicts. With alone = 0.99, p is 0.9: a failure raises the rate by 29 %, and a pass
 * lowers it by 3 %. With alone = 0.5, p is 0.45: a failure raises the rate by 2.5 %, since a failure was to be expected without any clash.
 */
export function learnClash(stored: History | undefined, { alone, met, passed }: Encounter): History {
  const history = usable(stored);
  const clash = clashOf(stored);
  const survives = alone * (1 - clash) ** met;
  const slope = passed ? -met * clash : (met * clash * survives) / Math.max(1e-9, 1 - survives);
  const step = CLASH_RATE * Math.min(1, Math.max(-1, slope));
  return { ...history, clash: Math.min(0.5, Math.max(1e-6, clash * Math.exp(step))) };
}
