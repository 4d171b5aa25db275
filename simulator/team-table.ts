import type { Cell } from "./cell.ts";
import { table } from "./comparison-tables.ts";

const rounded = (value: number): string => value.toFixed(0);
const tenths = (value: number): string => value.toFixed(1);
const hundredths = (value: number): string => value.toFixed(2);
/** Example: "20/h, 4" for 20 changes an hour and 4 builders. */
const titleOf = ({ rate, builders }: Cell): string => `${tenths(rate).replace(".0", "")}/h, ${builders}`;

const HEADER = [
  "changes,\nbuilders",
  "\npolicy",
  "min. to\nland: P50",
  "\nP95",
  "× own\nbuild",
  "landed\nper hour",
  "builds per\nlanded",
  "trunk\nbroken",
] as const;

const entriesOf = ({ policy, landing, timesOwn, landedPerHour, buildsPerLanded, trunkBroken }: Cell): string[] => [
  ...[policy, rounded(landing.p50), rounded(landing.p95), tenths(timesOwn.p50)],
  ...[tenths(landedPerHour), hundredths(buildsPerLanded), trunkBroken === 0 ? "" : rounded(trunkBroken)],
];

/** The bound by group testing as a row. It is about builds, so the columns of time are empty. */
function boundEntries({ bound: { landedPerHour, buildsPerLanded } }: Cell): string[] {
  const most = Number.isFinite(landedPerHour) ? tenths(landedPerHour) : "–";
  return ["group testing", "", "", "", most, hundredths(buildsPerLanded), ""];
}

/** The rows of one rate and number of builders. The first row says which. */
function rowsOf(cells: readonly Cell[]): string[][] {
  const first = cells[0];
  if (first === undefined) return [];
  return [...cells.map(entriesOf), boundEntries(first)].map((entries, row) => [
    row === 0 ? titleOf(first) : "",
    ...entries,
  ]);
}

/**
 * Time to land and cost, a row per rate, number of builders and policy, and the bound by group testing below the policies of each number of
 * builders. One table per conflict analyzer. 80 columns at most.
 */
export function teamTable(cells: readonly Cell[]): string {
  return [...Map.groupBy(cells, ({ analyzer }) => analyzer)]
    .map(([analyzer, ofAnalyzer]) => {
      const groups = [...Map.groupBy(ofAnalyzer, titleOf).values()];
      const rows = groups.flatMap((group, i) => (i === 0 ? rowsOf(group) : [[], ...rowsOf(group)]));
      return `Conflict analyzer ${analyzer}\n\n${table(HEADER, rows)}`;
    })
    .join("\n\n");
}

/** For the policies that were broken down: what the minutes from request to landing are made of, at P50 and P95. */
export function whereMinutesGo(cells: readonly Cell[]): string {
  const rows = cells.flatMap((cell) => {
    const { analyzer, breakdown } = cell;
    return breakdown === undefined
      ? []
      : (["p50", "p95"] as const).map((quantile) => {
          const { own, order, budget, failures } = breakdown[quantile];
          const parts = [own, order, budget, failures, own + order + budget + failures];
          return [analyzer, titleOf(cell), quantile.toUpperCase(), ...parts.map(tenths)];
        });
  });
  const header = ["analyzer", "changes,\nbuilders", "", "own\nbuild", "order", "budget", "failures", "sum"];
  return `Minutes to land with ours: the change's own build, and what is added by order,\nbudget and failures (each entry is a median over the seeds)\n\n${table(header, rows)}`;
}
