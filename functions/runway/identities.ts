import { asBytes } from "../adapters/git/encodings.ts";
import type { Committer } from "../contracts/queues.ts";

// The author and committer lines of commits: `<name> <<email>> <seconds> <zone>`. git reads them leniently and so does this file; where a
// line goes on into a new commit, it goes on as it is.

/** As git splits it: the name is what stands before the first `<`. A stray `>` is left out. */
export const nameOf = (line: string): string => (line.split("<", 1)[0] ?? "").replaceAll(">", "").trim();

/** As git splits it: between the first `<` and the `>` after it. Of doubled brackets, one is left out. */
export const emailOf = (line: string): string => (/<([^>]*)>/.exec(line)?.[1] ?? "").replaceAll("<", "").trim();

interface Moment {
  /** Since 1970. */
  readonly seconds: string;
  readonly zone: string;
}

/** As git reads it: behind the last `>`. Undefined when there is no date, or one before 1970, which git does not read. */
function momentIn(line: string): Moment | undefined {
  const [, seconds, zone] = /^\s*(\d{1,15})(?:\s+([+-]\d+))?/.exec(line.slice(line.lastIndexOf(">") + 1)) ?? [];
  if (seconds === undefined) return undefined;
  return { seconds, zone: zone !== undefined && /^[+-]\d{4}$/.test(zone) ? zone : "+0000" };
}

const nameless = (text: string): string => asBytes(text.replace(/[<>\n\0]/g, "").trim());

/**
 * The queue as a committer, at the moment that `source` was committed, or else authored: the same input gives the same commit, whenever it
 * is made. 0 when git reads neither date; the composer dates a commit no earlier than its parents.
 */
export function committedBy({ name, email }: Committer, source: { author: string; committer: string }): string {
  const { seconds, zone } = momentIn(source.committer) ?? momentIn(source.author) ?? { seconds: "0", zone: "+0000" };
  return `${nameless(name)} <${nameless(email)}> ${seconds} ${zone}`;
}
