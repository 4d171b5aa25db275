import type { ScorerConfig } from "../../contracts/planning-config.ts";
import type { Batch } from "../batch.ts";
import { type History, predict } from "./history.ts";

/** What is expected of a batch before it has been built. */
export interface Prediction {
  /** Probability, 0 … 1, that the batch passes when no conflict breaks it. */
  readonly success: number;
  /** How long a build of the batch takes, in milliseconds. Absent when that is not known. */
  readonly buildMs?: number;
}

/** The prediction when a scorer has none, as beyond the last bucket of a heuristic scorer. The same value as in uber/submitqueue. */
export const FALLBACK_SUCCESS = 0.95;

/** Predicts how likely a batch is to pass. */
export type Scorer = (batch: Pick<Batch, "request">) => Prediction;

const isProbability = (p: number): boolean => Number.isFinite(p) && p >= 0 && p <= 1;

/**
 * The scorer that the configuration asks for. `history` is what the queue has learned. Undefined: nothing yet, so a history scorer predicts as
 * for a new queue. The scorer never throws. A prediction that is not a probability becomes FALLBACK_SUCCESS.
 */
export function scorerFor(config: ScorerConfig, history: History | undefined): Scorer {
  const raw = rawScorer(config, history);
  return (batch) => {
    const { success, buildMs } = raw(batch);
    return {
      success: isProbability(success) ? success : FALLBACK_SUCCESS,
      ...(buildMs === undefined ? {} : { buildMs }),
    };
  };
}

/** The scorer without the fallback: `success` may be NaN. */
function rawScorer(config: ScorerConfig, history: History | undefined): Scorer {
  switch (config.type) {
    case "flat":
      return () => ({ success: config.success });
    case "heuristic":
      return (batch) => {
        const size = sizeOf(batch, config.by);
        return { success: config.buckets.find((bucket) => size <= bucket.upTo)?.success ?? Number.NaN };
      };
    case "composite": {
      const parts = config.of.map((part) => scorerFor(part, history));
      return (batch) => {
        const predictions = parts.map((part) => part(batch));
        const buildMs = predictions.find((prediction) => prediction.buildMs !== undefined)?.buildMs;
        const success = combine(
          config.by,
          predictions.map((prediction) => prediction.success),
        );
        return { success, ...(buildMs === undefined ? {} : { buildMs }) };
      };
    }
    case "history":
      return (batch) => predict(history, batch);
  }
}

const combine = (by: "min" | "max" | "mean", values: readonly number[]): number =>
  by === "mean" ? values.reduce((sum, value) => sum + value, 0) / values.length : Math[by](...values);

/** How many lines or files the request changes. */
const sizeOf = ({ request: { touches } }: Pick<Batch, "request">, by: "lines" | "files"): number =>
  by === "files" ? touches.files : touches.additions + touches.deletions;

/** True when the scorer may predict differently for different batches. False for a flat scorer, and for a composite one of flat scorers. */
export const tellsApart = (config: ScorerConfig): boolean =>
  config.type === "composite" ? config.of.some((part) => part.type !== "flat") : config.type !== "flat";

/** True when the scorer is a history scorer or contains one, so that outcomes of requests have to be learned from. */
export const usesHistory = (config: ScorerConfig): boolean =>
  config.type === "history" || (config.type === "composite" && config.of.some((part) => part.type === "history"));
