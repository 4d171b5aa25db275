import { fitted, span, styled, styledStatus, type Terminal } from "../cli/terminal.ts";
import { buildCounts, isEnded, type Row, type Snapshot, stateOf } from "./row.ts";
import { found, type Scroll, settled } from "./scroll.ts";

export type Size = Pick<Terminal, "columns" | "rows" | "colours">;

/** Lines that are not rows: heading, titles, two of details, and the foot. */
const OTHER_LINES = 5;

/** How many rows fit onto the screen. The last line of the terminal stays free: writing onto it would scroll. */
export const roomFor = ({ rows }: Pick<Size, "rows">): number => Math.max(1, rows - OTHER_LINES - 1);

/**
 * One screen of the live view: never more than `rows - 1` lines (at least 6), and no line wider than `columns`. The rows around the
 * cursor are shown, and below them what there is to say about the row under the cursor.
 */
export function frameOf(snapshot: Snapshot, wanted: Scroll, size: Size, now: number): readonly string[] {
  const rows = found(snapshot.rows, wanted.search);
  const room = roomFor(size);
  const scroll = settled(wanted, rows.length, room);
  const shown = rows.slice(scroll.top, scroll.top + room);
  const widths = widthsFor(snapshot.rows, shown, size.columns);
  const nothing = wanted.search === "" ? "Nothing is in the queue." : "No request matches.";
  const lines =
    shown.length === 0
      ? [fitted(`  ${nothing}`, size.columns)]
      : shown.map((row, i) => {
          const mark = scroll.top + i === scroll.cursor ? "›" : " ";
          return rowLine(row, widths, size, { now, mark });
        });
  return [
    styled(size, "bold", fitted(snapshot.heading, size.columns)),
    styled(size, "dim", titleLine(widths, size.columns)),
    ...lines,
    ...details(rows[scroll.cursor], size),
    footOf(snapshot, scroll, size, { count: rows.length, room }),
  ];
}

interface Widths {
  readonly sqid: number;
  readonly status: number;
  readonly builds: number;
  readonly elapsed: number;
  readonly left: number;
  readonly title: number;
  readonly state: number;
}

/**
 * Title and state share what the narrow columns leave: the state gets what the rows on the screen need, up to three fifths, and the title the
 * rest. The narrow columns are as wide as all rows need, so that they stay where they are when the reader moves.
 */
function widthsFor(rows: readonly Row[], shown: readonly Row[], columns: number): Widths {
  const sqid = Math.min(20, Math.max(7, ...rows.map((row) => row.sqid.length)));
  const builds = Math.min(10, Math.max(6, ...rows.map((row) => buildCounts(row.builds).length)));
  // A queue that has not landed enough estimates nothing: then there is no such column.
  const left = rows.some((row) => leftOf(row) !== "") ? 5 : 0;
  const fixed = { sqid, status: 11, builds, elapsed: 7, left };
  const gaps = left === 0 ? 7 : 8;
  const rest = Math.max(12, columns - gaps - sqid - fixed.status - builds - fixed.elapsed - left);
  const widest = Math.max(5, ...shown.map((row) => stateOf(row).length));
  const state = Math.min(widest, Math.floor(rest * 0.6));
  return { ...fixed, title: rest - state, state };
}

function cells(widths: Widths, columns: number, texts: Readonly<Record<keyof Widths, string>>, mark: string): string {
  const left = (key: keyof Widths) => fitted(texts[key], widths[key], "pad");
  const right = (key: keyof Widths) => fitted(texts[key], widths[key]).padStart(widths[key]);
  return fitted(
    `${mark} ${left("sqid")} ${left("status")} ${left("builds")} ${right("elapsed")} ${widths.left === 0 ? "" : `${right("left")} `}${left("title")} ${texts.state}`,
    columns,
  ).trimEnd();
}

const titleLine = (widths: Widths, columns: number): string =>
  cells(
    widths,
    columns,
    {
      sqid: "REQUEST",
      status: "STATUS",
      builds: "BUILDS",
      elapsed: "ELAPSED",
      left: "LEFT",
      title: "TITLE",
      state: "STATE",
    },
    " ",
  );

/**
 * The id of a request in at most `width` columns, with its number, by which the requests of a queue are told apart.
 * Example: `a-queue-with-a-long-name/123456` in 20 columns is `a-queue-with…/123456`.
 */
function shortId(sqid: string, width: number): string {
  const slash = sqid.lastIndexOf("/");
  return sqid.length <= width
    ? sqid
    : `${fitted(sqid.slice(0, slash), width - (sqid.length - slash))}${sqid.slice(slash)}`;
}

/** The estimate of the time left, as `~4m`. Empty when there is none. */
const leftOf = (row: Row): string =>
  isEnded(row) || row.estimateSeconds === undefined ? "" : `~${span(row.estimateSeconds * 1_000).split(" ")[0]}`;

/** `mark` stands before the row: an arrow for the row under the cursor. */
function rowLine(
  row: Row,
  widths: Widths,
  size: Size,
  { now, mark }: { readonly now: number; readonly mark: string },
): string {
  const { sqid, status, title, receivedAt, endedAt, builds } = row;
  const line = cells(
    widths,
    size.columns,
    {
      sqid: shortId(sqid, widths.sqid),
      status,
      builds: buildCounts(builds),
      elapsed: span((endedAt ?? now) - receivedAt),
      left: leftOf(row),
      title,
      state: stateOf(row),
    },
    mark,
  );
  // The status is styled where it stands: the text before it has one column per character.
  const at = 2 + widths.sqid + 1;
  if (!line.slice(at).startsWith(status)) return line;
  return `${line.slice(0, at)}${styledStatus(size, status)}${line.slice(at + status.length)}`;
}

/** Two lines about the row under the cursor: what it waits for, and where its builds can be seen. */
function details(row: Row | undefined, size: Size): readonly string[] {
  if (row === undefined) return ["", ""];
  const [reason = ""] = row.reason?.message.split("\n") ?? [];
  const sentence = reason || row.sentence || [row.status, isEnded(row) ? stateOf(row) : ""].filter(Boolean).join(" ");
  const urls = row.builds.flatMap(({ url }) => url ?? []);
  const line = (text: string) => styled(size, "dim", fitted(text, size.columns));
  return [line(`${row.sqid}: ${sentence}`), line(urls.length > 0 ? `builds: ${urls.join(" ")}` : "")];
}

/** `count`: how many rows there are to scroll through. `room`: how many fit onto the screen. */
function footOf(
  { rows, notice }: Snapshot,
  scroll: Scroll,
  size: Size,
  { count, room }: { readonly count: number; readonly room: number },
): string {
  if (scroll.typing) return fitted(`/${scroll.search}█  Enter keeps the search, Escape drops it`, size.columns);
  const range = count > room ? `${scroll.top + 1}-${Math.min(count, scroll.top + room)} of ${count}` : `${count} shown`;
  const search = scroll.search === "" ? "" : `  /${scroll.search} (of ${rows.length}; Escape shows all)`;
  const keys = "↑↓ move  / search  q quit";
  return notice === undefined
    ? styled(size, "dim", fitted(`${range}${search}  ${keys}`, size.columns))
    : styled(size, "yellow", fitted(notice, size.columns));
}
