import type { Batch, Member } from "../batch.ts";

/** What a queue has learned from its own outcomes. Small: one item per queue. */
export interface History {
  /** Changes when `FEATURES` does: an older model is forgotten. */
  readonly features: typeof FEATURES_VERSION;
  /** How many outcomes it has seen. */
  readonly outcomes: number;
  /** One weight per feature: log-odds of success. */
  readonly weights: readonly number[];
  /** Sum of squared gradients per weight: the step that is left (AdaGrad). */
  readonly steps: readonly number[];
  /** Per author (hashed to few), successes and failures, faded. */
  readonly authors: Readonly<Record<string, readonly [passed: number, failed: number]>>;
  /** Estimates of the build time's quantiles 0.25, 0.5 and 0.75, in milliseconds; absent before the first build. */
  readonly buildMs?: readonly [number, number, number];
  /** How likely two batches that conflict are to fail together; absent before the first verdict. */
  readonly clash?: number;
}

export const FEATURES_VERSION = 1;

/** The prior: 95 of 100 pass, large changes less often. A new queue starts from it, and is pulled back to it. */
const PRIOR: readonly number[] = [2.9, -0.12, -0.08, -0.1, 1.0];
const PULL = 0.02;
const LEARNING_RATE = 0.3;
const MOST_AUTHORS = 200;
const FADE = 0.98;

export const emptyHistory = (): History => ({
  features: FEATURES_VERSION,
  outcomes: 0,
  weights: PRIOR,
  steps: PRIOR.map(() => 1),
  authors: {},
});

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const centred = (count: number, typical: number): number => Math.log1p(count) - Math.log1p(typical);

/** Bias, lines, files, length of the stack, and how the authors' changes have fared (log-odds against the prior). */
function featuresOf(history: History, { touches, changes }: Member): number[] {
  return [
    1,
    centred(touches.additions + touches.deletions, 40),
    centred(touches.files, 3),
    centred(changes.length, 1),
    authorRecord(history, touches.authors),
  ];
}

/** 0 for an unknown author; the worst of several counts. Smoothed by the prior's 19 to 1. */
function authorRecord(history: History, authors: readonly string[]): number {
  const records = authors.map((author) => {
    const [passed, failed] = history.authors[author] ?? [0, 0];
    return Math.log((passed + 9.5) / (failed + 0.5)) - Math.log(19);
  });
  return records.length === 0 ? 0 : Math.min(...records);
}

const usable = (history: History | undefined): History =>
  history?.features === FEATURES_VERSION ? history : emptyHistory();

/** Independent members: all must pass. */
export function predict(
  stored: History | undefined,
  batch: Pick<Batch, "members">,
): { success: number; buildMs?: number } {
  const history = usable(stored);
  const success = batch.members.reduce((all, member) => all * successOf(history, member), 1);
  return { success, ...(history.buildMs ? { buildMs: history.buildMs[1] } : {}) };
}

function successOf(history: History, member: Member): number {
  const features = featuresOf(history, member);
  return sigmoid(features.reduce((sum, value, i) => sum + value * (history.weights[i] ?? 0), 0));
}

/** The history after one more verdict: a step of logistic regression, pulled towards the prior. */
export function learnOutcome(stored: History | undefined, member: Member, passed: boolean): History {
  const history = usable(stored);
  const features = featuresOf(history, member);
  const error = (passed ? 1 : 0) - successOf(history, member);
  const gradients = features.map((value, i) => error * value - PULL * ((history.weights[i] ?? 0) - (PRIOR[i] ?? 0)));
  const steps = history.steps.map((step, i) => step + (gradients[i] ?? 0) ** 2);
  const weights = history.weights.map(
    (weight, i) => weight + (LEARNING_RATE * (gradients[i] ?? 0)) / Math.sqrt(steps[i] ?? 1),
  );
  const authors = { ...history.authors };
  for (const author of member.touches.authors) {
    const [wins, losses] = authors[author] ?? [0, 0];
    delete authors[author];
    authors[author] = [wins * FADE + (passed ? 1 : 0), losses * FADE + (passed ? 0 : 1)];
  }
  // The longest unseen author makes room: keys keep the order in which they were last written.
  for (const oldest of Object.keys(authors).slice(0, Math.max(0, Object.keys(authors).length - MOST_AUTHORS)))
    delete authors[oldest];
  return { ...history, outcomes: history.outcomes + 1, weights, steps, authors };
}

/** The history after one more finished build: each quantile moves up or down by a share of its size (Robbins and Monro, 1951). */
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

/** As good a guess as any for a queue that has seen nothing: of conflicts that an analyzer reports, few are real. */
const FIRST_CLASH = 0.0005;
const CLASH_RATE = 0.3;

export const clashOf = (stored: History | undefined): number => usable(stored).clash ?? FIRST_CLASH;

/** A build that was expected to pass with probability `alone`, on a tree that holds `met` others with which its head conflicts. */
export interface Encounter {
  readonly alone: number;
  readonly met: number;
  readonly passed: boolean;
}

/**
 * The history after one more such build: a step up the likelihood of its outcome, alone·(1 - clash)^met, in the logarithm of the
 * clash rate. A step is at most a factor e^0.3.
 */
export function learnClash(stored: History | undefined, { alone, met, passed }: Encounter): History {
  const history = usable(stored);
  const clash = clashOf(stored);
  const survives = alone * (1 - clash) ** met;
  const slope = passed ? -met * clash : (met * clash * survives) / Math.max(1e-9, 1 - survives);
  const step = CLASH_RATE * Math.min(1, Math.max(-1, slope));
  return { ...history, clash: Math.min(0.5, Math.max(1e-6, clash * Math.exp(step))) };
}
