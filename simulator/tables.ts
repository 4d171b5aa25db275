import type { Cell, Range } from "./cell.ts";
import type { Reliability } from "./measures.ts";
import { published } from "./published.ts";

type Row = readonly string[];

/** Columns as wide as their widest entry; the first two to the left, numbers to the right. */
export function table(header: Row, rows: readonly Row[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: Row) =>
    row
      .map((entry, column) => (column < 2 ? entry.padEnd(widths[column] ?? 0) : entry.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

const fixed = (value: number, digits = 2): string => value.toFixed(digits);
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const spread = (value: number, { least, most }: Range, digits = 2): string =>
  least === most ? fixed(value, digits) : `${fixed(value, digits)} (${fixed(least, digits)}–${fixed(most, digits)})`;

const HEADER = [
  "builders",
  "policy",
  "P50",
  "P95",
  "P99",
  "P50 min",
  "P95 min",
  "waiting P95",
  "builds/change",
  "aborted",
  "builder-h/landed",
  "landed/h",
  "bypassed",
  "false rejections",
];

const rowOf = (cell: Cell): Row => [
  String(cell.builders),
  cell.policy,
  spread(cell.p50, cell.range.p50),
  spread(cell.p95, cell.range.p95),
  spread(cell.p99, cell.range.p99),
  fixed(cell.minutes.p50, 0),
  fixed(cell.minutes.p95, 0),
  fixed(cell.waitingP95, 0),
  spread(cell.buildsPerChange, cell.range.buildsPerChange),
  percent(cell.abortedShare),
  fixed(cell.builderHoursPerLanded),
  fixed(cell.landedPerHour, 0),
  percent(cell.bypassShare),
  String(cell.falseRejections),
];

/** One table per workload and rate, with the published figures where there are any. */
export function comparison(cells: readonly Cell[]): string {
  const groups = Map.groupBy(cells, ({ workload, rate }) => `${workload}, ${Math.round(rate)} changes per hour`);
  return [...groups].map(([title, group]) => `${title}\n\n${table(HEADER, group.flatMap(withPublished))}`).join("\n\n");
}

function withPublished(cell: Cell, index: number, group: readonly Cell[]): Row[] {
  const rows = [rowOf(cell)];
  const figures = published(cell.rate, cell.builders);
  if (cell.workload === "eurosys" && figures && group[index + 1]?.builders !== cell.builders)
    rows.push([String(cell.builders), "published 2019", fixed(figures.p50), "", fixed(figures.p99)]);
  return rows;
}

/** How far what was told can be trusted. */
export const reliability = (tenths: readonly Reliability[]): string =>
  table(
    ["told", "", "changes", "mean told", "passed"],
    tenths.map(({ from, to, changes, told, passed }) => [
      `${fixed(from, 1)} … ${fixed(to, 1)}`,
      "",
      String(changes),
      fixed(told, 3),
      fixed(passed, 3),
    ]),
  );

export const plannerTime = (cells: readonly Cell[]): string =>
  table(
    ["builders", "policy", "planner runs", "P50 ms", "P95 ms"],
    cells.flatMap(({ builders, policy, plannerMs }) =>
      plannerMs ? [[String(builders), policy, String(plannerMs.runs), fixed(plannerMs.p50), fixed(plannerMs.p95)]] : [],
    ),
  );
