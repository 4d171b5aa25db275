import { cut } from "../../contracts/text.ts";

/** Bytes of UTF-8 are at most three to a UTF-16 unit. */
const BYTES_A_UNIT = 3;

/** What a pull request says of itself. */
export interface PullText {
  readonly number: number;
  readonly title: string;
  /** Markdown, with either kind of line break. */
  readonly body: string;
}

const COMMENT = /<!--[\s\S]*?-->/g;
const TRAILERS = /^(?:[A-Za-z0-9-]+: .+(?:\n|$))+$/;

/**
 * The message of a squash by its pull request: the title with the number, and the body without the HTML comments that templates leave. A body
 * that is longer than `mostBytes` allows is cut at the end of a line, and its last paragraph stays when it consists of trailers. Example:
 * `Count the tries (#12)`, an empty line, `They were not counted.`
 */
export function squashMessageOf({ number, title, body }: PullText, mostBytes: number): string {
  const subject = `${cut(title.replaceAll(/\s+/g, " ").trim(), 300)} (#${number})`;
  const text = body
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(COMMENT, "")
    .replaceAll("\0", "")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
  const most = Math.max(0, Math.floor(mostBytes / BYTES_A_UNIT) - subject.length);
  const kept = text.length <= most ? text : shortened(text, most);
  return kept === "" ? `${subject}\n` : `${subject}\n\n${kept}\n`;
}

function shortened(text: string, most: number): string {
  const paragraphs = text.split("\n\n");
  const last = paragraphs.at(-1) ?? "";
  const trailers = paragraphs.length > 1 && TRAILERS.test(last) && last.length <= most / 2 ? `\n\n${last}` : "";
  const room = cut(text, most - trailers.length - 3);
  return `${room.slice(0, Math.max(room.lastIndexOf("\n"), 0)).trimEnd()}\n…${trailers}`.trim();
}
