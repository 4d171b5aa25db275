import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { frameOf, roomFor } from "../../../client/watch/frame.ts";
import { changedRows, logLine } from "../../../client/watch/news.ts";
import type { Row, Snapshot } from "../../../client/watch/row.ts";
import { found, type Key, press, type Scroll, START, settled } from "../../../client/watch/scroll.ts";

const aRow = (n: number, more: Partial<Row> = {}): Row => ({
  sqid: `main/${n}`,
  status: "speculating",
  title: `acme/shop topic-${n} 01234567`,
  receivedAt: 0,
  builds: [],
  ...more,
});
const many = (count: number): readonly Row[] => Array.from({ length: count }, (_, i) => aRow(i + 1));
const snapshot = (rows: readonly Row[], more: Partial<Snapshot> = {}): Snapshot => ({ heading: "main", rows, ...more });
const plain = (lines: readonly string[]) => lines.map(stripVTControlCharacters);
const shown = (lines: readonly string[]) =>
  plain(lines).flatMap((line) => /main\/\d+(?= +(speculating|landed) )/.exec(line)?.[0] ?? []);
const size = (columns: number, rows: number) => ({ columns, rows, colours: true });
const keys = (scroll: Scroll, count: number, room: number, ...pressed: readonly Key[]): Scroll =>
  pressed.reduce<Scroll>((at, key) => {
    const next = press(at, key, count, room);
    if (next === "quit") throw new Error("the view has ended");
    return next;
  }, scroll);
const typing = (text: string): Key[] => [...text].map((sequence) => ({ sequence, name: sequence }));

describe("the live view", () => {
  it("never has more lines or columns than the terminal, with every name of a request", () => {
    const row = fc.record({
      sqid: fc.constantFrom("main/1", "a-queue-with-a-long-name/123456"),
      status: fc.constantFrom("speculating" as const, "landed" as const, "error" as const),
      title: fc.string({ unit: "grapheme" }),
      receivedAt: fc.constant(0),
      builds: fc.array(fc.record({ state: fc.constantFrom("running", "passed", "failed"), url: fc.webUrl() })),
      on: fc.array(fc.constantFrom("main/1", "main/2")),
      sentence: fc.string({ unit: "grapheme" }),
    });
    const anything = fc.property(
      fc.array(row, { maxLength: 30 }),
      fc.integer({ min: 60, max: 200 }),
      fc.integer({ min: 8, max: 60 }),
      fc.nat(100),
      (rows, columns, height, cursor) => {
        const lines = frameOf(snapshot(rows), { ...START, cursor }, size(columns, height), 90_000);
        expect(lines.length).toBeLessThan(height);
        for (const line of plain(lines)) {
          expect(line).not.toContain("\n");
          expect(stringWidth(line)).toBeLessThanOrEqual(columns);
        }
      },
    );
    fc.assert(anything, { numRuns: 50 });
  });

  it("shows the number of a request also where the name of its queue is cut", () => {
    const rows = [7, 123456].map((n) => ({ ...aRow(n), sqid: `${"q".repeat(100)}/${n}` }));
    const [, , ...lines] = plain(frameOf(snapshot(rows), START, size(80, 24), 0));
    expect(lines.slice(0, 2).map((line) => line.split(" ")[line.startsWith("›") ? 1 : 2])).toEqual([
      `${"q".repeat(17)}…/7`,
      `${"q".repeat(12)}…/123456`,
    ]);
  });

  it.each([80, 120])("shows status, builds, time, estimate and blocker in %i columns", (columns) => {
    const rows = [
      aRow(17, {
        builds: [{ state: "running", url: "https://ci/1" }, { state: "passed" }, { state: "failed" }],
        on: ["main/15", "main/16"],
        blocker: "dependency",
        estimateSeconds: 200,
        sentence: "Passed. Waiting for main/15.",
      }),
    ];
    const text = plain(frameOf(snapshot(rows), START, size(columns, 24), 250_000));
    expect(text[2]).toMatch(/^› main\/17 speculating 1… 1✔ 1✘ +4m +~3m acme\/shop.* waits for main\/15 \+1$/);
    expect(text).toContain("main/17: Passed. Waiting for main/15.");
    expect(text).toContain("builds: https://ci/1");
  });

  it("scrolls through 200 requests, and says where the reader is", () => {
    const rows = many(200);
    const room = roomFor({ rows: 24 });
    const at = (scroll: Scroll) => plain(frameOf(snapshot(rows), scroll, size(80, 24), 0));
    expect(shown(at(START))).toEqual(rows.slice(0, room).map(({ sqid }) => sqid));
    expect(at(START).at(-1)).toMatch(/^1-18 of 200 /);
    const paged = keys(START, 200, room, { name: "pagedown" }, { name: "pagedown" });
    expect(at(paged).find((line) => line.startsWith("›"))).toContain("main/37 ");
    expect(shown(at(paged))).toContain("main/37");
    const last = keys(START, 200, room, { name: "end" });
    expect(shown(at(last)).at(-1)).toBe("main/200");
    expect(at(keys(last, 200, room, { name: "up" })).find((line) => line.startsWith("›"))).toContain("main/199 ");
    expect(shown(at(keys(last, 200, room, { name: "home" })))[0]).toBe("main/1");
  });

  it("searches: a row stays when it holds every word, and Escape brings the others back", () => {
    const rows = [...many(30), aRow(31, { status: "landed", commit: "f".repeat(40) })];
    const found31 = keys(START, 31, 18, { sequence: "/" }, ...typing("LANDED ffff"), { name: "return" });
    expect(found(rows, found31.search).map(({ sqid }) => sqid)).toEqual(["main/31"]);
    const lines = plain(frameOf(snapshot(rows), found31, size(100, 24), 0));
    expect(shown(lines)).toEqual(["main/31"]);
    expect(lines.at(-1)).toContain("1 shown  /LANDED ffff (of 31; Escape shows all)");
    // While the search is typed, q is a letter.
    expect(keys(START, 31, 18, { sequence: "/" }, ...typing("q")).search).toBe("q");
    expect(keys(found31, 1, 18, { name: "escape" })).toEqual(START);
    expect(plain(frameOf(snapshot(rows), { ...START, search: "nothing" }, size(80, 24), 0)).at(-1)).toMatch(/^0 shown/);
  });

  it.each<Key>([{ name: "q" }, { name: "c", ctrl: true }])("ends at %j", (key) => {
    expect(press(START, key, 3, 3)).toBe("quit");
  });

  it("keeps the cursor on a row when rows go", () => {
    expect(settled({ ...START, cursor: 150, top: 140 }, 20, 10)).toMatchObject({ cursor: 19, top: 10 });
    expect(settled({ ...START, cursor: 5 }, 0, 10)).toMatchObject({ cursor: 0, top: 0 });
  });
});

describe("the log of a watch", () => {
  it("has a line for each change of state, and none for a request that stays as it is", () => {
    const before = [aRow(1), aRow(2), aRow(3)];
    const now = [
      aRow(1, { estimateSeconds: 5 }),
      aRow(2, { status: "landed", commit: "0123456789abcdef" }),
      aRow(3, { builds: [{ state: "running" }] }),
      aRow(4, { status: "error", reason: { code: "build.failed", message: "The build failed.\nmore" } }),
    ];
    expect(changedRows(before, now).map(logLine)).toEqual([
      "main/2  landed  as 0123456789ab",
      "main/3  speculating  1…  building",
      "main/4  error  build.failed  The build failed.",
    ]);
    expect(changedRows(now, now)).toEqual([]);
  });
});
