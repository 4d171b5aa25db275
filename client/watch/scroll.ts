import { isEnded, type Row, stateOf } from "./row.ts";

/** Where the reader of a live view is. */
export interface Scroll {
  /** The row that the reader looks at, counted among the rows that the search leaves. */
  readonly cursor: number;
  /** The first row on the screen. */
  readonly top: number;
  /** Words that a row has to hold, each one somewhere. */
  readonly search: string;
  /** True while the search is being typed. */
  readonly typing: boolean;
}

export const START: Scroll = { cursor: 0, top: 0, search: "", typing: false };

/** A key as node:readline names it. */
export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

/** The rows that hold every word of the search, in any case of letters. */
export function found(rows: readonly Row[], search: string): readonly Row[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = `${row.sqid} ${row.status} ${row.title} ${stateOf(row)} ${isEnded(row) ? "ended" : ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The view with the cursor on a row that exists, and on the screen. `room` is how many rows fit; `count` how many there are. */
export function settled(scroll: Scroll, count: number, room: number): Scroll {
  const cursor = Math.max(0, Math.min(scroll.cursor, count - 1));
  const lowestTop = Math.max(0, count - room);
  const top = Math.max(0, Math.min(Math.max(scroll.top, cursor - room + 1), cursor, lowestTop));
  return { ...scroll, cursor, top };
}

/** The view after a key; "quit" when the key ends it. */
export function press(scroll: Scroll, key: Key, count: number, room: number): Scroll | "quit" {
  if (key.ctrl) return key.name === "c" || key.name === "d" ? "quit" : scroll;
  if (scroll.typing) return settled(typed(scroll, key), count, room);
  if (key.name === "q") return "quit";
  if (key.sequence === "/") return { ...scroll, typing: true, search: "" };
  if (key.name === "escape") return { ...START };
  const by = key.sequence === "G" ? count : (STEPS[key.name ?? ""] ?? (() => 0))(room, count);
  return settled({ ...scroll, cursor: Math.max(0, Math.min(scroll.cursor, count - 1)) + by }, count, room);
}

const STEPS: Readonly<Record<string, (room: number, count: number) => number>> = {
  up: () => -1,
  k: () => -1,
  down: () => 1,
  j: () => 1,
  pageup: (room) => -room,
  b: (room) => -room,
  pagedown: (room) => room,
  space: (room) => room,
  home: (_, count) => -count,
  g: (_, count) => -count,
  end: (_, count) => count,
};

/** The search after one more key. Enter keeps it, Escape drops it. */
function typed(scroll: Scroll, { name, sequence = "" }: Key): Scroll {
  if (name === "return" || name === "enter") return { ...scroll, typing: false };
  if (name === "escape") return START;
  if (name === "backspace")
    return scroll.search === "" ? START : { ...scroll, search: [...scroll.search].slice(0, -1).join("") };
  return /^[^\p{C}]$/u.test(sequence) ? { ...scroll, search: scroll.search + sequence, cursor: 0, top: 0 } : scroll;
}
