import type { ConflictAnalyzerConfig } from "../contracts/queues.ts";
import type { Batch } from "./batch.ts";
import type { Touches } from "./request.ts";

/** What an analyzer compares: the places that a change touches. `everything` meets any other. */
type Footprint = ReadonlySet<string> | "everything";

const directoryOf = (path: string): string => (path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".");

function footprintOf(touches: readonly Touches[], placeOf: (path: string) => string): Footprint {
  const places = new Set<string>();
  for (const { paths } of touches) {
    if (paths === "everything") return "everything";
    for (const path of paths) places.add(placeOf(path));
  }
  return places;
}

/** A change that touches nothing meets nothing. */
function meet(a: Footprint, b: Footprint): boolean {
  if (a === "everything") return b === "everything" || b.size > 0;
  if (b === "everything") return a.size > 0;
  return !a.isDisjointFrom(b);
}

/** What a place is, and the footprints worked out so far: a batch's members never change, and it is compared with many. */
const PLACES = {
  file: { placeOf: (path: string) => path, known: new WeakMap<Batch["members"], Footprint>() },
  directory: { placeOf: directoryOf, known: new WeakMap<Batch["members"], Footprint>() },
};

/** Says which of two changes must not be tested apart. */
export interface ConflictAnalyzer {
  /** The batches among `others` that `batch` conflicts with, in their order. */
  conflictsOf(batch: Pick<Batch, "members">, others: readonly Batch[]): readonly Batch[];
}

/** Symmetric for every analyzer: a conflicts with b exactly when b conflicts with a. */
export function conflictAnalyzer(config: ConflictAnalyzerConfig): ConflictAnalyzer {
  if (config.type === "all") return { conflictsOf: (_, others) => others };
  if (config.type === "none") return { conflictsOf: () => [] };
  const { placeOf, known } = PLACES[config.by];
  const footprint = ({ members }: Pick<Batch, "members">): Footprint => {
    let found = known.get(members);
    if (found === undefined) {
      found = footprintOf(
        members.map((member) => member.touches),
        placeOf,
      );
      known.set(members, found);
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
