// Trailers as `git interpret-trailers --no-divider` finds them (git's trailer.c), without a process for each message.

/** One trailer. `text` is the trailer as written, indented lines that continue its value included, without the last line break. */
export interface Trailer {
  readonly key: string;
  /** The value, joined to one line. */
  readonly value: string;
  readonly text: string;
}

/** A commit message, taken apart by git's rules for trailers. */
export interface ParsedMessage {
  /** The message without its trailers. */
  readonly rest: string;
  readonly trailers: readonly Trailer[];
  /** The index in the message at which further trailers belong: behind the last trailer, or before the end of the message that git ignores. */
  readonly end: number;
  /** True when the message has a block of trailers. */
  readonly hasBlock: boolean;
}

/** True for a line that git takes for blank. */
const isBlank = (line: string): boolean => /^[ \t\r\n]*$/.test(line);
const isIndented = (line: string): boolean => /^[ \t\r\n]/.test(line);
const isComment = (line: string): boolean => line.startsWith("#");
const KEY = /^([A-Za-z0-9-]+[ \t]*):/;
const GENERATED = ["Signed-off-by: ", "(cherry picked from commit "];

/** Lines with their line breaks. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** Takes a message apart. A line of the block of trailers that is no trailer belongs to `rest`. */
export function parseMessage(message: string): ParsedMessage {
  const lines = linesOf(message);
  const last = lastLine(lines);
  const first = firstTrailer(lines.slice(0, last));
  const block = first === undefined ? [] : lines.slice(first, last);
  const end = lines.slice(0, last).join("").length;
  const entries: string[] = [];
  for (const line of block) {
    const before = entries.at(-1);
    if (before !== undefined && KEY.test(before) && isIndented(line)) entries[entries.length - 1] = before + line;
    else entries.push(line);
  }
  const isTrailer = (entry: string) => !isComment(entry) && KEY.test(entry);
  const others = entries.filter((entry) => !isTrailer(entry));
  const rest = [...lines.slice(0, first ?? last), ...others, ...lines.slice(last)].join("");
  return { rest, trailers: entries.filter(isTrailer).map(trailerIn), end, hasBlock: first !== undefined };
}

function trailerIn(entry: string): Trailer {
  const colon = entry.indexOf(":");
  const value = entry.slice(colon + 1);
  return { key: entry.slice(0, colon).trim(), value: unfolded(value), text: entry.replace(/\s+$/, "") };
}

const unfolded = (value: string): string => value.replace(/\n[ \t\r]*/g, " ").trim();

/**
 * The number of lines without the ones at the end that git ignores: blank lines, comments, and a block of `Conflicts:`. As in git, lines that
 * are ignored never begin with the first line, and a first line `Conflicts:` opens a block that the next ignored line is needed to end.
 */
function lastLine(lines: readonly string[]): number {
  let ignored = 0;
  let inConflicts = false;
  for (const [at, line] of lines.entries()) {
    const startsConflicts = line === "Conflicts:\n";
    if (isComment(line) || line === "\n" || startsConflicts) {
      ignored ||= at;
      inConflicts ||= startsConflicts;
    } else if (ignored > 0 && !(inConflicts && line.startsWith("\t"))) {
      ignored = 0;
      inConflicts = false;
    }
  }
  return ignored || lines.length;
}

/**
 * The index of the line at which the block of trailers begins. The block is the last paragraph of the message, unless that is the first one
 * too. All its lines have to be trailers; or a quarter of them, when one is a trailer that git itself writes. Undefined when there is no such
 * block.
 */
function firstTrailer(lines: readonly string[]): number | undefined {
  const blank = lines.findIndex((line) => !isComment(line) && isBlank(line));
  const title = blank < 0 ? lines.length : blank;
  const counts = { trailers: 0, others: 0, indented: 0, generated: false };
  let isEmpty = true;
  for (let at = lines.length - 1; at >= title; at--) {
    const line = lines[at] ?? "";
    if (isComment(line)) {
      counts.others += counts.indented;
      counts.indented = 0;
    } else if (isBlank(line)) {
      if (isEmpty) continue;
      const others = counts.others + counts.indented;
      const isBlock = counts.generated ? counts.trailers * 3 >= others : counts.trailers > 0 && others === 0;
      return isBlock ? at + 1 : undefined;
    } else {
      isEmpty = false;
      count(counts, line);
    }
  }
  return undefined;
}

function count(counts: { trailers: number; others: number; indented: number; generated: boolean }, line: string): void {
  const isGenerated = GENERATED.some((prefix) => line.startsWith(prefix));
  if (isGenerated || KEY.test(line)) {
    counts.trailers++;
    counts.indented = 0;
    counts.generated ||= isGenerated;
  } else if (isIndented(line)) counts.indented++;
  else {
    counts.others += 1 + counts.indented;
    counts.indented = 0;
  }
}

/** The message with further trailers after its own. */
export function withTrailers(message: string, trailers: readonly string[]): string {
  const whole = message === "" || message.endsWith("\n") ? message : `${message}\n`;
  const { end, hasBlock } = parseMessage(whole);
  const before = whole.slice(0, end).replace(/[ \t\r\n]+$/, "");
  return `${before}${hasBlock ? "\n" : "\n\n"}${trailers.map((text) => `${text}\n`).join("")}${whole.slice(end)}`;
}
