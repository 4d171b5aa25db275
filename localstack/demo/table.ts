import Table from "cli-table3";
import { howLandedText } from "./how-landed.ts";
import { addedNothing, type RequestReport } from "./report.ts";
import { shortTrail } from "./trail.ts";

const WIDEST = 150;
const FIXED = { request: 10, elapsed: 9, outcome: 13 };
/** Narrower than this, the outcome has no column: the end of the trail tells it. */
const NARROW = 90;

const NO_COLOURS = { head: [], border: [] };

/** All requests, one row each, no wider than `columns`. */
export function renderTable(requests: readonly RequestReport[], columns: number): string {
  const width = Math.min(Math.max(columns, 60), WIDEST);
  const withOutcome = width >= NARROW;
  // A bar before each column and one after the last.
  const free = width - FIXED.request - FIXED.elapsed - 5 - (withOutcome ? FIXED.outcome + 1 : 0);
  const change = Math.min(26, Math.floor(free / 3));
  const only = <T>(outcome: T): T[] => (withOutcome ? [outcome] : []);
  const table = new Table({
    head: ["REQUEST", "CHANGES", "ELAPSED", ...only("OUTCOME"), "STAGE"],
    colWidths: [FIXED.request, change, FIXED.elapsed, ...only(FIXED.outcome), free - change],
    colAligns: ["left", "left", "right", ...only("left" as const), "left"],
    wordWrap: true,
    style: { ...NO_COLOURS, "padding-left": 1, "padding-right": 1 },
  });
  for (const request of requests) {
    const { sqid, titles, elapsedMs } = request;
    table.push([sqid, titles.join("\n"), seconds(elapsedMs), ...only(outcomeOf(request)), stageOf(request)]);
  }
  return table.toString();
}

/** In short: the status of the request, and how the request landed. */
function outcomeOf(request: RequestReport): string {
  const { ended, status, howLanded } = request;
  if (!ended) return "";
  return [status, ...(addedNothing(request) ? ["nothing new"] : []), ...howLandedText(howLanded)].join("\n");
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
