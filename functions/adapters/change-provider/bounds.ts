import type { Touches } from "../../contracts/touches.ts";
import { MAX_PATHS } from "../../domain/request.ts";

/**
 * The paths of a request take at most so many bytes, as JSON in UTF-8. They travel through the state of a Step Functions execution, which
 * holds 256 KiB, and are stored in the items of the request and of its batch, which hold 400 KB each.
 */
export const MAX_PATH_BYTES = 64 * 1024;

/** Authors are only a hint for the predictor, so a cut list is harmless. */
export const MAX_AUTHORS = 100;
const MAX_AUTHOR_BYTES = 320;

/**
 * The same touches, small enough to be kept. Too many paths, or too long ones, become `everything`: the request then conflicts with every
 * other, which is slower and never wrong. An author whose address is longer than an e-mail address may be is left out, and so is every author
 * after the hundredth. Example: 100,000 paths become `everything`; `files` stays 100,000.
 */
export function bounded(touches: Touches): Touches {
  const { paths, authors } = touches;
  const tooMany = paths !== "everything" && (paths.length > MAX_PATHS || bytesOf(paths) > MAX_PATH_BYTES);
  return {
    ...touches,
    paths: tooMany ? "everything" : paths,
    authors: authors.filter((author) => Buffer.byteLength(author) <= MAX_AUTHOR_BYTES).slice(0, MAX_AUTHORS),
  };
}

const bytesOf = (paths: readonly string[]): number => Buffer.byteLength(JSON.stringify(paths));
