import Table from "cli-table3";
import type { RequestReport } from "./report.ts";
import { shortTrail } from "./trail.ts";

const WIDEST = 150;
const FIXED = { request: 10, elapsed: 9 };

const NO_COLOURS = { head: [], border: [] };

/** All requests, one row each, no wider than `columns`. */
export function renderTable(requests: readonly RequestReport[], columns: number): string {
  const width = Math.min(Math.max(columns, 60), WIDEST);
  // Five bars between and around four columns.
  const free = width - FIXED.request - FIXED.elapsed - 5;
  const change = Math.min(26, Math.floor(free / 3));
  const table = new Table({
    head: ["REQUEST", "CHANGES", "ELAPSED", "STAGE"],
    colWidths: [FIXED.request, change, FIXED.elapsed, free - change],
    colAligns: ["left", "left", "right", "left"],
    wordWrap: true,
    style: { ...NO_COLOURS, "padding-left": 1, "padding-right": 1 },
  });
  for (const request of requests)
    table.push([request.sqid, request.titles.join("\n"), seconds(request.elapsedMs), stageOf(request)]);
  return table.toString();
}

const stageOf = ({ trail, reason }: RequestReport): string =>
  [shortTrail(trail), ...(reason ? [`${reason.code}: ${firstLines(reason.message)}`] : [])].join("\n");

/** The first two lines of a message, each bounded. */
const firstLines = (message: string, most = 200): string =>
  message
    .split("\n")
    .slice(0, 2)
    .map((line) => (line.length > most ? `${line.slice(0, most - 1)}…` : line))
    .join("\n");

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
