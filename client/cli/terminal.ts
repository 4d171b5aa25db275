import { styleText } from "node:util";
import Table from "cli-table3";
import stringWidth from "string-width";

/** The terminal that a live view is drawn on, and its keyboard when there is one. */
export interface LiveTerminal {
  readonly output: NodeJS.WriteStream;
  readonly input?: NodeJS.ReadStream | undefined;
  readonly colours: boolean;
}

/** Where the command line writes, and how wide. Tests bring their own. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Standard output is a terminal: colours, live tables. */
  readonly isTTY: boolean;
  /** Colours may be used: on a terminal, and not under NO_COLOR. */
  readonly colours: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Where a live view is drawn. Undefined when standard output is no terminal. */
  readonly live?: Omit<LiveTerminal, "colours"> | undefined;
}

type Style = Parameters<typeof styleText>[0];

export const styled = ({ colours }: Pick<Terminal, "colours">, style: Style, text: string): string =>
  colours ? styleText(style, text, { validateStream: false }) : text;

const STATUS_STYLES: Readonly<Record<string, Style>> = { landed: "green", error: "red", cancelled: "yellow" };

/** A text, by default the status itself, in the colour of the status. */
export const styledStatus = (terminal: Pick<Terminal, "colours">, status: string, text = status): string =>
  styled(terminal, STATUS_STYLES[status] ?? "cyan", text);

export interface Column {
  readonly title: string;
  /** Shrinks when the table is wider than the terminal; its text is wrapped. */
  readonly flexible?: true;
}

const NO_LINES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

const LEAST = 16;

/** A table without lines that fits the terminal. `columns` names them; a cell may hold styled text. */
export function table(terminal: Terminal, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = widthsFor(terminal.columns, columns, rows);
  const drawn = new Table({
    head: columns.map(({ title }) => title),
    colWidths: widths,
    wordWrap: true,
    wrapOnWordBoundary: true,
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) drawn.push(row.map((cell, i) => withoutLongWords(cell, widths[i] ?? 0)));
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** A text whose words fit a column: a longer one, such as a path, goes on in the next line. A table would cut it. */
const withoutLongWords = (text: string, width: number): string =>
  text.replaceAll(/\S+/g, (word) => (stringWidth(word) <= width ? word : pieces(word, width).join("\n")));

function pieces(word: string, width: number): readonly string[] {
  const found = [""];
  for (const { segment } of CHARACTERS.segment(word)) {
    const last = found.at(-1) ?? "";
    if (stringWidth(last + segment) <= width) found[found.length - 1] = last + segment;
    else found.push(segment);
  }
  return found;
}

/**
 * The width of each column. Those that can shrink get the same share of what the others leave; what a narrow one does not need goes to the
 * wider ones. Example: 40 left for texts of 10, 30 and 50 columns become 10, 15 and 15.
 */
function widthsFor(width: number, columns: readonly Column[], rows: readonly (readonly string[])[]): number[] {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => widthOf(row[i] ?? ""))));
  const flexible = widths.flatMap((natural, i) => (columns[i]?.flexible ? [{ i, natural }] : []));
  const gaps = 2 * (columns.length - 1);
  const fixed = widths.reduce((sum, natural, i) => sum + (columns[i]?.flexible ? 0 : natural), gaps);
  let room = Math.max(width - fixed, LEAST * flexible.length);
  for (const [done, { i, natural }] of flexible.toSorted((a, b) => a.natural - b.natural).entries()) {
    const given = Math.min(natural, Math.floor(room / (flexible.length - done)));
    widths[i] = given;
    room -= given;
  }
  return widths;
}

const widthOf = (text: string): number => Math.max(...text.split("\n").map((line) => stringWidth(line)));

const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });

/** One line of plain text that takes at most `width` columns; a longer text ends in `…`. With "pad" it takes exactly `width`. */
export function fitted(text: string, width: number, padding?: "pad"): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  const fits = stringWidth(line) <= width;
  let taken = "";
  if (!fits)
    for (const { segment } of CHARACTERS.segment(line)) {
      if (stringWidth(taken + segment) > width - 1) break;
      taken += segment;
    }
  const cut = fits ? line : width > 0 ? `${taken}…` : "";
  return padding === "pad" ? cut + " ".repeat(Math.max(0, width - stringWidth(cut))) : cut;
}

/** A span as people say it: `12s`, `4m`, `3h 5m`, `2d 4h`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)}d` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
