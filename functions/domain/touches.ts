import { hashOf } from "../contracts/hash.ts";
import { STORED_BYTES } from "../contracts/limits.ts";
import { bytesOf } from "../contracts/text.ts";
import { MAX_PATHS, type Touches } from "./request.ts";

/** An author with more bytes than this is replaced by a hash, which tells authors apart as well. */
const AUTHOR_BYTES = 200;

/**
 * What a request touches, cut to what fits into the stored items of the request and of its batch:
 * - More than 1,000 paths, or more than 150 KB of paths, become `everything`.
 * - More than 20 KB of targets are left out, so the request counts as affecting every target.
 * - More than 20 KB of messages are left out. A squash then takes the messages of the commits.
 * - Of the authors, the first 10 KB are kept.
 * - The title is left out, since the request log holds it.
 *
 * Example: 950 paths of 450 bytes are 427 KB. They become `everything`, so the request conflicts with every other request.
 */
export function boundedTouches(touches: Touches): Touches {
  const { paths, authors, targets, messages, title: _, ...rest } = touches;
  const isTooMuch =
    paths !== "everything" &&
    (paths.length > MAX_PATHS || paths.reduce((sum, path) => sum + bytesOf(path), 0) > STORED_BYTES.touchedPaths);
  const known = knownTargets(targets);
  return {
    ...rest,
    paths: isTooMuch ? "everything" : paths,
    authors: boundedAuthors(authors),
    ...(known === undefined ? {} : { targets: known }),
    ...(messages !== undefined && messages.reduce((sum, one) => sum + bytesOf(one), 0) <= STORED_BYTES.messages
      ? { messages }
      : {}),
  };
}

/** The targets; undefined when they are not known, or are more than 20 KB, which counts as not known. */
export const knownTargets = <T extends readonly string[]>(targets: T | undefined): T | undefined =>
  targets !== undefined && targets.reduce((sum, target) => sum + bytesOf(target), 0) <= STORED_BYTES.targets
    ? targets
    : undefined;

/** What a request touches, with the targets that its caller named, if any: bounded. */
export const touchesOf = (touches: Touches, targets: readonly string[] | undefined): Touches =>
  boundedTouches({ ...touches, ...(targets === undefined ? {} : { targets }) });

/** The first authors, each once, that fit into 10 KB. */
function boundedAuthors(authors: readonly string[]): readonly string[] {
  const kept = new Set<string>();
  let left: number = STORED_BYTES.authors;
  for (const author of authors) {
    const name = bytesOf(author) > AUTHOR_BYTES ? hashOf("author", author) : author;
    left -= bytesOf(name);
    if (left < 0) break;
    kept.add(name);
  }
  return [...kept];
}
