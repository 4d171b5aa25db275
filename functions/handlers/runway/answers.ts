import { INLINE_BYTES } from "../../contracts/limits.ts";
import type { LandBatch } from "../../contracts/messages/landing-messages.ts";
import type { SignalOf } from "../../contracts/messages/signals.ts";
import { asciiJson } from "../../contracts/text.ts";

export type Results = readonly SignalOf<"land-finished">["results"][number][];

/** How many commits the answer to one landing lists, of all batches together; each lists its newest. */
const MOST_COMMITS = 2_000;

/** The results, whose batches that have landed list their newest commits. */
export function shortened(results: Results): Results {
  const share = Math.max(1, Math.floor(MOST_COMMITS / Math.max(1, results.length)));
  return results.map(({ batchId, outcome }) => ({
    batchId,
    outcome: outcome.kind === "landed" ? { ...outcome, commits: outcome.commits.slice(-share) } : outcome,
  }));
}

/** The answer to a landing, in as many signals as SQS needs: the same for a repeat. Together they hold one result per batch, in order. */
export function answersOf({ id: landId, queue }: LandBatch, results: Results): readonly SignalOf<"land-finished">[] {
  const parts: Results[number][][] = [];
  let bytes = 0;
  for (const result of shortened(results)) {
    const size = asciiJson(result).length;
    const last = parts.at(-1);
    if (last && bytes + size <= INLINE_BYTES) {
      last.push(result);
      bytes += size;
    } else {
      parts.push([result]);
      bytes = size;
    }
  }
  return parts.map((part, index) => ({
    v: 1,
    kind: "land-finished",
    queue,
    landId,
    ...(index === 0 ? {} : { part: index + 1 }),
    results: part,
  }));
}
