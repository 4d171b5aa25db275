export interface Row {
  readonly what: string;
  readonly n: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly note?: string;
}

/** Nearest-rank percentiles of what was measured, in milliseconds. */
export function rowOf(what: string, samplesMs: readonly number[], note?: string): Row {
  const sorted = [...samplesMs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { what, n: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), ...(note === undefined ? {} : { note }) };
}
