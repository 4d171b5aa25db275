import { STORED_BYTES } from "../../contracts/limits.ts";
import { hasEnded, type LogEvent } from "../../contracts/log-event.ts";
import { bytesOf } from "../../contracts/text.ts";
import { type Batch, type Path, pathIsActive } from "../batch.ts";

/** A batch with fewer paths than this, and fewer announcements, is within its room whatever they are. */
const FEW = 10;

/**
 * The batch with its paths and its announcements within the room that its item has for them. Nothing that is under way is forgotten. A build
 * that is forgotten is evidence of nothing: at worst the planner builds the same again. An announcement is forgotten only while the log takes
 * none.
 */
export function bounded(batch: Batch): Batch {
  if (batch.paths.length <= FEW && batch.outbox.length <= FEW) return batch;
  const paths = boundedPaths(batch.paths);
  const outbox = boundedOutbox(batch.outbox);
  return paths === batch.paths && outbox === batch.outbox ? batch : { ...batch, paths, outbox };
}

/** What is forgotten first: what was given up, then what failed, then what passed; each oldest first. */
const FORGOTTEN: readonly ((path: Path) => boolean)[] = [
  ({ state, reason }) => state === "cancelled" && reason === undefined,
  ({ state }) => state === "cancelled",
  ({ state }) => state === "failed",
  ({ state }) => state === "passed",
];

function boundedPaths(paths: readonly Path[]): readonly Path[] {
  let over = paths.reduce((sum, path) => sum + sizeOf(path), 0) - STORED_BYTES.builds;
  if (over <= 0) return paths;
  const forgotten = new Set<Path>();
  for (const goes of FORGOTTEN)
    for (const path of paths) {
      if (over <= 0) break;
      if (pathIsActive(path) || forgotten.has(path) || !goes(path)) continue;
      forgotten.add(path);
      over -= sizeOf(path);
    }
  return paths.filter((path) => !forgotten.has(path));
}

/** About as many bytes as the path takes in its item, where a list of batches is one text of their labels. */
const sizeOf = ({ heads, base, without, reason, url = "" }: Path): number =>
  500 +
  12 * (heads.length + base.length + without.length) +
  (reason === undefined ? 0 : bytesOf(reason.message)) +
  bytesOf(url);

/** The newest announcements that fit, and every end. */
function boundedOutbox(outbox: readonly LogEvent[]): readonly LogEvent[] {
  let left: number = STORED_BYTES.outbox;
  const kept = outbox.toReversed().filter((event) => {
    left -= bytesOf(JSON.stringify(event));
    return left >= 0 || (event.kind === "status" && hasEnded(event.status));
  });
  return kept.length === outbox.length ? outbox : kept.toReversed();
}
