import type { Cell } from "./cell.ts";

const COLOURS = ["#2563eb", "#9ca3af", "#d97706", "#059669", "#7c3aed", "#dc2626", "#0891b2", "#65a30d"];
const [WIDTH, LEFT, TOP, PLOT, GAP] = [880, 56, 84, 220, 64];

interface Panel {
  readonly title: string;
  readonly measureOf: (cell: Cell) => number;
  /** Where a dashed line is drawn: the oracle, which no policy beats that lands strictly in order. */
  readonly reference?: number;
}

const PANELS: readonly Panel[] = [
  { title: "Turnaround P50, times the oracle’s", measureOf: (cell) => cell.p50, reference: 1 },
  { title: "Turnaround P95, times the oracle’s", measureOf: (cell) => cell.p95, reference: 1 },
  { title: "Builds per change", measureOf: (cell) => cell.buildsPerChange },
];

const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const at = (value: number): string => value.toFixed(1);

/** An SVG document with a bar per measure, number of builders and policy. Shows only the first workload and rate of `cells`. */
export function chart(cells: readonly Cell[]): string {
  const first = cells[0];
  const shown = cells.filter((cell) => cell.workload === first?.workload && cell.rate === first.rate);
  const policies = [...new Set(shown.map((cell) => cell.policy))];
  const width = (WIDTH - LEFT - 24 - GAP * (PANELS.length - 1)) / PANELS.length;
  const title = first ? `${first.workload}, ${Math.round(first.rate)} changes per hour` : "nothing was simulated";
  const panels = PANELS.map((panel, i) => drawPanel(panel, shown, policies, { left: LEFT + i * (width + GAP), width }));
  const height = TOP + PLOT + 56;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT - 36}" y="26" font-size="15" font-weight="600" fill="#111827">${escaped(title)}</text>`,
    legend(policies),
    ...panels,
    "</svg>\n",
  ].join("\n");
}

function legend(policies: readonly string[]): string {
  let x = LEFT - 36;
  const items = policies.map((policy, i) => {
    const item = `<rect x="${x}" y="38" width="10" height="10" rx="2" fill="${colour(i)}"/><text x="${x + 15}" y="47" fill="#374151">${escaped(policy)}</text>`;
    x += 34 + policy.length * 7;
    return item;
  });
  const oracle = `<line x1="${x}" x2="${x + 14}" y1="43" y2="43" stroke="#111827" stroke-dasharray="4 3"/><text x="${x + 19}" y="47" fill="#374151">oracle</text>`;
  return [...items, oracle].join("\n");
}

const colour = (i: number): string => COLOURS[i % COLOURS.length] ?? "#000000";

function drawPanel(
  { title, measureOf, reference }: Panel,
  cells: readonly Cell[],
  policies: readonly string[],
  { left, width }: { readonly left: number; readonly width: number },
): string {
  const budgets = [...new Set(cells.map((cell) => cell.builders))];
  const top = niceTop(Math.max(1, ...cells.map(measureOf)));
  const y = (value: number) => TOP + PLOT - (PLOT * value) / top;
  const group = width / Math.max(1, budgets.length);
  const bar = Math.min(26, (group - 10) / Math.max(1, policies.length));
  const ticks = [0, top / 4, top / 2, (3 * top) / 4, top].map(
    (value) =>
      `<line x1="${at(left)}" x2="${at(left + width)}" y1="${at(y(value))}" y2="${at(y(value))}" stroke="#e5e7eb"/><text x="${at(left - 6)}" y="${at(y(value) + 4)}" text-anchor="end" fill="#6b7280">${Number(value.toFixed(2))}</text>`,
  );
  const bars = cells.map((cell) => {
    const middle = left + group * (budgets.indexOf(cell.builders) + 0.5);
    const x = middle + bar * (policies.indexOf(cell.policy) - policies.length / 2);
    const value = measureOf(cell);
    const label = `${cell.policy}, ${cell.builders} builders: ${value.toFixed(2)}`;
    return `<rect x="${at(x)}" y="${at(y(value))}" width="${at(Math.max(1, bar - 2))}" height="${at(TOP + PLOT - y(value))}" rx="1" fill="${colour(policies.indexOf(cell.policy))}"><title>${escaped(label)}</title></rect>`;
  });
  const names = budgets.map(
    (budget, i) =>
      `<text x="${at(left + group * (i + 0.5))}" y="${TOP + PLOT + 18}" text-anchor="middle" fill="#374151">${budget}</text>`,
  );
  const line =
    reference === undefined
      ? ""
      : `<line x1="${at(left)}" x2="${at(left + width)}" y1="${at(y(reference))}" y2="${at(y(reference))}" stroke="#111827" stroke-dasharray="4 3"/>`;
  return [
    `<text x="${at(left)}" y="${TOP - 12}" fill="#111827" font-weight="600">${escaped(title)}</text>`,
    ...ticks,
    ...bars,
    line,
    ...names,
    `<text x="${at(left + width / 2)}" y="${TOP + PLOT + 38}" text-anchor="middle" fill="#6b7280">builders</text>`,
  ].join("\n");
}

/** The top of the axis: the least of 1, 2, 4, 6, 8 times a power of ten that is at least `value`. Example: 4 for 3.07. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}
