import { STORED_BYTES } from "../../contracts/limits.ts";
import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import { bytesOf } from "../../contracts/text.ts";
import { type Batch, type Path, pathIsActive } from "../batch.ts";

/**
 * The batch with as many paths and log entries as its stored item has room for (`STORED_BYTES`). The others are dropped:
 * - Of the paths, those that tell least (`DROPPED_FIRST`), and never one that is under way. A dropped path is no evidence any more, so at worst
 *   the same build is repeated.
 * - Of the log entries, the oldest, and never the one about the end of a request. They pile up only while the log can't be written.
 */
export function bounded(batch: Batch): Batch {
  const paths = boundedPaths(batch.paths);
  const outbox = boundedOutbox(batch.outbox);
  return paths === batch.paths && outbox === batch.outbox ? batch : { ...batch, paths, outbox };
}

/**
 * The kinds of paths, in the order in which they are dropped: given up, infrastructure failed and repeated, failed, passed. Of one kind, the
 * oldest path is dropped first.
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
  for (const isOfKind of DROPPED_FIRST)
    for (const path of paths) {
      if (over <= 0) break;
      if (pathIsActive(path) || dropped.has(path) || !isOfKind(path)) continue;
      dropped.add(path);
      over -= sizeOf(path);
    }
  return paths.filter((path) => !dropped.has(path));
}

/** About how many bytes the path takes in the stored item. Each batch that the path names takes some 12 bytes, as a label in a text. */
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
