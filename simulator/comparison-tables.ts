import type { Cell, Range } from "./cell.ts";
import type { Reliability } from "./measures.ts";
import { published } from "./published.ts";

type Row = readonly string[];

/**
 * A table for the terminal. A column is as wide as its widest entry. The first two columns are aligned to the left, the others to the
 * right. A line break in a title makes a second line of titles.
 */
export function table(header: Row, rows: readonly Row[]): string {
  const stacked = header.map((title) => title.split("\n"));
  const height = Math.max(...stacked.map((lines) => lines.length));
  const titles = Array.from({ length: height }, (_, i) =>
    stacked.map((lines) => lines[i - height + lines.length] ?? ""),
  );
  const widths = header.map((_, column) => Math.max(...[...titles, ...rows].map((row) => (row[column] ?? "").length)));
  const line = (row: Row) =>
    row
      .map((entry, column) => (column < 2 ? entry.padEnd(widths[column] ?? 0) : entry.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [...titles.map(line), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

const fixed = (value: number, digits = 2): string => value.toFixed(digits);
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
/** The median, and the range when the seeds differ: 1.54 (1.30–1.97). */
const spread = (value: number, { least, most }: Range, digits = 2): string =>
  least === most ? fixed(value, digits) : `${fixed(value, digits)} (${fixed(least, digits)}–${fixed(most, digits)})`;

/** One column: its title, the entry of a cell, and which published figure belongs into it, if any. */
interface Column {
  readonly title: string;
  readonly of: (cell: Cell) => string;
  readonly published?: "p50" | "p99";
}

const TURNAROUND: readonly Column[] = [
  { title: "P50", of: (cell) => spread(cell.p50, cell.range.p50), published: "p50" },
  { title: "P95", of: (cell) => spread(cell.p95, cell.range.p95) },
  { title: "P99", of: (cell) => spread(cell.p99, cell.range.p99), published: "p99" },
];

const LANDINGS: readonly Column[] = [
  { title: "P50", of: (cell) => fixed(cell.minutes.p50, 0) },
  { title: "P95", of: (cell) => fixed(cell.minutes.p95, 0) },
  { title: "waiting\nP95", of: (cell) => fixed(cell.waitingP95, 0) },
  { title: "landed\nper hour", of: (cell) => fixed(cell.landedPerHour, 0) },
  { title: "bypassed", of: (cell) => percent(cell.bypassShare) },
  { title: "false\nrejections", of: (cell) => String(cell.falseRejections) },
];

const COST: readonly Column[] = [
  { title: "builds\nper change", of: (cell) => spread(cell.buildsPerChange, cell.range.buildsPerChange) },
  { title: "aborted\nbuilds", of: (cell) => percent(cell.abortedShare) },
  { title: "builder-hours\nper landed change", of: (cell) => fixed(cell.builderHoursPerLanded) },
];

/**
 * Three tables per workload and rate: turnaround as a multiple of the oracle's, minutes and landings, and cost. They fit into 80 columns
 * when no policy's name is longer than 16 characters and ratios are below 10. Published figures stand below the policies of their number
 * of builders.
 */
export function comparison(cells: readonly Cell[]): string {
  const groups = Map.groupBy(cells, ({ workload, rate }) => `${workload}, ${Math.round(rate)} changes per hour`);
  return [...groups]
    .flatMap(([title, group]) => [
      title,
      `Turnaround as a multiple of the oracle's\n\n${tableOf(TURNAROUND, group)}`,
      `Minutes of turnaround and of waiting after the build that decided; landings\n\n${tableOf(LANDINGS, group)}`,
      `Cost\n\n${tableOf(COST, group)}`,
    ])
    .join("\n\n");
}

function tableOf(columns: readonly Column[], group: readonly Cell[]): string {
  const rows = group.flatMap((cell, index) => [
    [String(cell.builders), cell.policy, ...columns.map(({ of }) => of(cell))],
    ...(group[index + 1]?.builders === cell.builders ? [] : publishedRows(columns, cell)),
  ]);
  return table(["builders", "policy", ...columns.map(({ title }) => title)], rows);
}

function publishedRows(columns: readonly Column[], { workload, rate, builders }: Cell): Row[] {
  const figures = workload === "eurosys" ? published(rate, builders) : undefined;
  if (!figures || !columns.some((column) => column.published)) return [];
  return [
    [
      String(builders),
      "published 2019",
      ...columns.map((column) => (column.published ? fixed(figures[column.published]) : "")),
    ],
  ];
}

/** What was predicted against what happened, by tenths of the predicted probability. */
export const reliability = (tenths: readonly Reliability[]): string =>
  table(
    ["told", "changes", "mean told", "passed"],
    tenths.map(({ from, to, changes, told, passed }) => [
      `${fixed(from, 1)} … ${fixed(to, 1)}`,
      String(changes).padStart(7),
      fixed(told, 3),
      fixed(passed, 3),
    ]),
  );

/** The real time of the planner's runs. Policies that do not drive the product's planner are left out. */
export const plannerTime = (cells: readonly Cell[]): string =>
  table(
    ["builders", "policy", "planner runs", "P50", "P95"],
    cells.flatMap(({ builders, policy, plannerMs }) =>
      plannerMs ? [[String(builders), policy, String(plannerMs.runs), fixed(plannerMs.p50), fixed(plannerMs.p95)]] : [],
    ),
  );
