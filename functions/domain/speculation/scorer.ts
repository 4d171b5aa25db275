import type { ScorerConfig } from "../../contracts/queues.ts";
import type { Batch } from "../batch.ts";
import { type History, predict } from "./history.ts";

/** What is expected of a batch before anything has been built. */
export interface Prediction {
  /** Probability, 0 … 1, that it passes on its own merit. */
  readonly success: number;
  /** How long a build of it takes; absent when nobody knows. */
  readonly buildMs?: number;
}

/** Taken when a scorer has nothing sensible to say. As uber/submitqueue. */
export const FALLBACK_SUCCESS = 0.95;

export type Scorer = (batch: Pick<Batch, "members">) => Prediction;

const isProbability = (p: number): boolean => Number.isFinite(p) && p >= 0 && p <= 1;

/** A scorer never throws: what is not a probability becomes FALLBACK_SUCCESS. */
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

/** Lines or files changed by all of its requests. */
const sizeOf = ({ members }: Pick<Batch, "members">, by: "lines" | "files"): number =>
  members.reduce(
    (sum, { touches }) => sum + (by === "files" ? touches.files : touches.additions + touches.deletions),
    0,
  );

/** Whether there is any point in putting likely failures on probation: a flat scorer can't tell one change from another. */
export const tellsApart = (config: ScorerConfig): boolean => config.type !== "flat";

export const usesHistory = (config: ScorerConfig): boolean =>
  config.type === "history" || (config.type === "composite" && config.of.some((part) => part.type === "history"));
