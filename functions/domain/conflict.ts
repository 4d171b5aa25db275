import { matcherOf } from "../contracts/globs.ts";
import type { ConflictAnalyzerConfig } from "../contracts/planning-config.ts";
import type { Batch, BatchRequest } from "./batch.ts";
import type { Touches } from "./request.ts";

/**
 * What an analyzer compares: the files, directories or build targets that a request touches. `everything` has something in common with every
 * footprint that is not empty.
 */
type Footprint = ReadonlySet<string> | "everything";

const directoryOf = (path: string): string => (path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".");

/** True when the two footprints have something in common. An empty footprint has nothing in common with any, not even with `everything`. */
function meet(a: Footprint, b: Footprint): boolean {
  if (a === "everything") return b === "everything" || b.size > 0;
  if (b === "everything") return a.size > 0;
  return !a.isDisjointFrom(b);
}

type FootprintOf = (touches: Touches) => Footprint;

/** The configuration of an analyzer that compares what requests touch. */
type Comparing = Extract<ConflictAnalyzerConfig, { type: "paths" | "targets" }>;

/**
 * The function that says what a request's footprint is. A request that touches a barrier has the footprint `everything`. Ignored paths are left
 * out, so a request that touches only ignored paths has an empty footprint and no conflict.
 *
 * Example, by file, with the barrier `package-lock.json` and `docs/**` ignored. The footprint of `docs/a.md` and `src/a.ts` is {`src/a.ts`}.
 * The footprint of `docs/a.md` is empty. The footprint of `docs/a.md` and `package-lock.json` is `everything`.
 */
function footprints(config: Comparing): FootprintOf {
  if (config.type === "targets") return ({ targets }) => (targets === undefined ? "everything" : new Set(targets));
  const [isBarrier, isIgnored] = [matcherOf(config.barriers ?? []), matcherOf(config.ignore ?? [])];
  const unitOf = config.by === "file" ? (path: string) => path : directoryOf;
  return ({ paths }) => {
    if (paths === "everything" || paths.some(isBarrier)) return "everything";
    return new Set(paths.filter((path) => !isIgnored(path)).map(unitOf));
  };
}

/** Per configuration, the function that remembers the footprint of each request. The request of a batch never changes and is compared often. */
const KNOWN = new WeakMap<ConflictAnalyzerConfig, (request: BatchRequest) => Footprint>();

/** The footprint of a request, worked out once per request. */
function remembered(config: Comparing): (request: BatchRequest) => Footprint {
  const of = footprints(config);
  const known = new WeakMap<BatchRequest, Footprint>();
  return (request) => {
    let found = known.get(request);
    if (found === undefined) {
      found = of(request.touches);
      known.set(request, found);
    }
    return found;
  };
}

/** Says which batches have to be tested together. */
export interface ConflictAnalyzer {
  /** The batches among `others` that `batch` conflicts with, in the order of `others`. `batch` itself must not be among them. */
  conflictsOf(batch: Pick<Batch, "request">, others: readonly Batch[]): readonly Batch[];
}

/**
 * The analyzer that the configuration asks for. Symmetric: a conflicts with b exactly when b conflicts with a. Under `all`, any two requests
 * conflict, also when one touches nothing.
 *
 * Example, by directory: a request that touches `src/a.ts` conflicts with one that touches `src/b.ts`, and not with one that touches
 * `src/x/c.ts`.
 */
export function conflictAnalyzer(config: ConflictAnalyzerConfig): ConflictAnalyzer {
  if (config.type === "all") return { conflictsOf: (_, others) => others };
  if (config.type === "none") return { conflictsOf: () => [] };
  const footprint = KNOWN.get(config) ?? remembered(config);
  KNOWN.set(config, footprint);
  return {
    conflictsOf(batch, others) {
      const mine = footprint(batch.request);
      return others.filter((other) => meet(mine, footprint(other.request)));
    },
  };
}
