import type { BatchId } from "../contracts/ids.ts";
import { type Batch, neverLands, type Path } from "./batch.ts";

/** Looks a batch up; undefined once it has been archived, which only happens to batches that nothing unfinished refers to. */
export type Lookup = (id: BatchId) => Batch | undefined;

/** What is still open about a guess: `refuted` never comes true; `confirmed` has come true; `open` may yet. */
export type Standing = "refuted" | "confirmed" | "open";

/** How a path's assumptions stand up to what has become of the batches they are about. */
export function standingOf(path: Pick<Path, "base" | "without">, lookup: Lookup): Standing {
  let open = false;
  for (const id of path.base) {
    const batch = lookup(id);
    if (batch === undefined || batch.state === "landed") continue;
    if (neverLands(batch)) return "refuted";
    open = true;
  }
  for (const id of path.without) {
    const batch = lookup(id);
    if (batch === undefined || neverLands(batch)) continue;
    if (batch.state === "landed") return "refuted";
    open = true;
  }
  return open ? "open" : "confirmed";
}
