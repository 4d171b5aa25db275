import { asBytes } from "../adapters/git/encodings.ts";
import type { Committer } from "../contracts/queues.ts";

// The author and committer lines of commits: `<name> <<email>> <seconds> <zone>`. git accepts malformed lines, and so does this file. A line that a
// new commit takes over is copied byte for byte.

/** The name in a line, as git reads it: the text before the first `<`, without a stray `>`. */
export const nameOf = (line: string): string => (line.split("<", 1)[0] ?? "").replaceAll(">", "").trim();

/** The address in a line, as git reads it: the text between the first `<` and the next `>`, without doubled brackets. */
export const emailOf = (line: string): string => (/<([^>]*)>/.exec(line)?.[1] ?? "").replaceAll("<", "").trim();

interface Moment {
  /** Since 1970. */
  readonly seconds: string;
  readonly zone: string;
}

/**
 * The date in a line, as git reads it: the text behind the last `>`. Undefined when there is no date, or one before 1970, which git does not
 * read.
 */
function momentIn(line: string): Moment | undefined {
  const [, seconds, zone] = /^\s*(\d{1,15})(?:\s+([+-]\d+))?/.exec(line.slice(line.lastIndexOf(">") + 1)) ?? [];
  if (seconds === undefined) return undefined;
  return { seconds, zone: zone !== undefined && /^[+-]\d{4}$/.test(zone) ? zone : "+0000" };
}

const nameless = (text: string): string => asBytes(text.replace(/[<>\n\0]/g, "").trim());

/**
 * A committer line with the queue as the committer. Its date is the one at which `source` was committed; the author's date when git can't
 * read that; 0 when git can't read either. So the same input gives the same commit at any time. (The composer moves a date that is before the
 * parents'.)
 */
export function committedBy({ name, email }: Committer, source: { author: string; committer: string }): string {
  const { seconds, zone } = momentIn(source.committer) ?? momentIn(source.author) ?? { seconds: "0", zone: "+0000" };
  return `${nameless(name)} <${nameless(email)}> ${seconds} ${zone}`;
}
