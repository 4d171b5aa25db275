import { cut } from "../../contracts/text.ts";

/** A UTF-16 unit takes at most three bytes of UTF-8. */
const BYTES_A_UNIT = 3;

/** The parts of a pull request that the message of its squash is made of. */
export interface PullText {
  readonly number: number;
  readonly title: string;
  /** Markdown, with either kind of line break. */
  readonly body: string;
}

const COMMENT = /<!--[\s\S]*?-->/g;
const TRAILERS = /^(?:[A-Za-z0-9-]+: .+(?:\n|$))+$/;

/** The longest title, in UTF-16 units. */
const MOST_OF_TITLE = 300;

/** The line breaks between title and body, and at the end. */
const LINE_BREAKS = 3;

/**
 * The message of a squash by its pull request: the title (at most 300 UTF-16 units) with the number, and the body without the HTML comments
 * that templates leave. At most `mostBytes` bytes of UTF-8, if these are enough for the number. A body that is too long is cut at the end of a
 * line, or of a word when it has one long line. Its last paragraph stays when it consists of trailers. Example: `Count the tries (#12)`, an
 * empty line, `They were not counted.`
 */
export function squashMessageOf({ number, title, body }: PullText, mostBytes: number): string {
  const most = Math.floor(mostBytes / BYTES_A_UNIT) - LINE_BREAKS;
  const suffix = ` (#${number})`;
  const roomForTitle = Math.max(0, Math.min(MOST_OF_TITLE, most - suffix.length));
  const subject = `${cut(title.replaceAll(/\s+/g, " ").trim(), roomForTitle)}${suffix}`;
  const text = body
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(COMMENT, "")
    .replaceAll("\0", "")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
  const kept = shortened(text, most - subject.length);
  return kept === "" ? `${subject}\n` : `${subject}\n\n${kept}\n`;
}

/** The text, or its beginning, an ellipsis and its trailers, so that it has at most `most` UTF-16 units. Empty when `most` is below 1. */
function shortened(text: string, most: number): string {
  if (most < 1) return "";
  if (text.length <= most) return text;
  const paragraphs = text.split("\n\n");
  const last = paragraphs.at(-1) ?? "";
  const trailers = paragraphs.length > 1 && TRAILERS.test(last) && last.length <= most / 2 ? `\n\n${last}` : "";
  const ellipsis = "\n…";
  const beginning = cut(text, Math.max(0, most - trailers.length - ellipsis.length));
  const end = [beginning.lastIndexOf("\n"), beginning.lastIndexOf(" ")].find((at) => at > 0) ?? beginning.length;
  return `${beginning.slice(0, end).trimEnd()}${ellipsis}${trailers}`.trim();
}
