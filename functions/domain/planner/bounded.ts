import { STORED_BYTES } from "../../contracts/limits.ts";
import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import { bytesOf } from "../../contracts/text.ts";
import { type Batch, type Path, pathIsActive } from "../batch.ts";

/** A batch with at most this many paths and log entries fits into its item, however long each of them is. */
const FEW = 10;

/**
 * The batch without its oldest paths and log entries, as far as its stored item has no room for them (`STORED_BYTES`). A path that is under
 * way is never dropped. A dropped path is no evidence any more, so at worst the same build is repeated. Log entries pile up, and are
 * dropped, only while the log takes none; the entry about the end of a request is never dropped.
 */
export function bounded(batch: Batch): Batch {
  if (batch.paths.length <= FEW && batch.outbox.length <= FEW) return batch;
  const paths = boundedPaths(batch.paths);
  const outbox = boundedOutbox(batch.outbox);
  return paths === batch.paths && outbox === batch.outbox ? batch : { ...batch, paths, outbox };
}

/**
 * The paths that are dropped first come first: given up, then broken down, then failed, then passed. Within each kind, the oldest goes
 * first.
 */
const DROPPED_FIRST: readonly ((path: Path) => boolean)[] = [
  ({ state, reason }) => state === "cancelled" && reason === undefined,
  ({ state }) => state === "cancelled",
  ({ state }) => state === "failed",
  ({ state }) => state === "passed",
];

function boundedPaths(paths: readonly Path[]): readonly Path[] {
  let over = paths.reduce((sum, path) => sum + sizeOf(path), 0) - STORED_BYTES.builds;
  if (over <= 0) return paths;
  const dropped = new Set<Path>();
  for (const goes of DROPPED_FIRST)
    for (const path of paths) {
      if (over <= 0) break;
      if (pathIsActive(path) || dropped.has(path) || !goes(path)) continue;
      dropped.add(path);
      over -= sizeOf(path);
    }
  return paths.filter((path) => !dropped.has(path));
}

/** About how many bytes the path takes in the stored item. A list of batches is stored as one text of their labels. */
const sizeOf = ({ heads, base, without, reason, url = "" }: Path): number =>
  500 +
  12 * (heads.length + base.length + without.length) +
  (reason === undefined ? 0 : bytesOf(reason.message)) +
  bytesOf(url);

/** The newest log entries that fit, and every entry about the end of a request. */
function boundedOutbox(outbox: readonly LogEvent[]): readonly LogEvent[] {
  let left: number = STORED_BYTES.outbox;
  const kept = outbox.toReversed().filter((event) => {
    left -= bytesOf(JSON.stringify(event));
    return left >= 0 || (event.kind === "status" && hasEnded(event.status));
  });
  return kept.length === outbox.length ? outbox : kept.toReversed();
}
