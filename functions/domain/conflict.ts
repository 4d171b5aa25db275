import type { ConflictAnalyzerConfig } from "../contracts/queues.ts";
import type { Batch, BatchRequest } from "./batch.ts";
import type { Touches } from "./request.ts";

/**
 * What an analyzer compares: the files or directories that a request touches. `everything` meets every other footprint that is not empty.
 */
type Footprint = ReadonlySet<string> | "everything";

const directoryOf = (path: string): string => (path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".");

const footprintOf = ({ paths }: Touches, unitOf: (path: string) => string): Footprint =>
  paths === "everything" ? paths : new Set(paths.map(unitOf));

/** True when the two footprints have a file or directory in common. An empty footprint meets none, `everything` included. */
function meet(a: Footprint, b: Footprint): boolean {
  if (a === "everything") return b === "everything" || b.size > 0;
  if (b === "everything") return a.size > 0;
  return !a.isDisjointFrom(b);
}

/**
 * By unit of comparison: how a path becomes a unit, and the footprints so far. The request of a batch never changes and is compared often.
 */
const UNITS = {
  file: { unitOf: (path: string) => path, known: new WeakMap<BatchRequest, Footprint>() },
  directory: { unitOf: directoryOf, known: new WeakMap<BatchRequest, Footprint>() },
};

/** Says which batches have to be tested together. */
export interface ConflictAnalyzer {
  /** The batches among `others` that `batch` conflicts with, in the order of `others`. */
  conflictsOf(batch: Pick<Batch, "request">, others: readonly Batch[]): readonly Batch[];
}

/**
 * The analyzer that the configuration asks for. Symmetric: a conflicts with b exactly when b conflicts with a. Example, by directory: a
 * request that touches `src/a.ts` conflicts with one that touches `src/b.ts`, and not with one that touches `src/x/c.ts`.
 */
export function conflictAnalyzer(config: ConflictAnalyzerConfig): ConflictAnalyzer {
  if (config.type === "all") return { conflictsOf: (_, others) => others };
  if (config.type === "none") return { conflictsOf: () => [] };
  const { unitOf, known } = UNITS[config.by];
  const footprint = ({ request }: Pick<Batch, "request">): Footprint => {
    let found = known.get(request);
    if (found === undefined) {
      found = footprintOf(request.touches, unitOf);
      known.set(request, found);
    }
    return found;
  };
  return {
    conflictsOf(batch, others) {
      const mine = footprint(batch);
      return others.filter((other) => meet(mine, footprint(other)));
    },
  };
}
