import type { QueueNow } from "../queue-now.ts";
import { span, styled, type Terminal } from "./terminal.ts";

/** How a queue runs, and that its branch is red. Example: `paused for 3h by grace: release day`. */
export function modeOf(terminal: Pick<Terminal, "colours">, queue: QueueNow): string {
  const mode = wordsOfMode(terminal, queue);
  return queue.red === undefined ? mode : `${mode}, ${styled(terminal, "red", "trunk red")}`;
}

/** Why nothing lands while the branch is red. Example: `for 12m at 0a1b2c3d4e5f by Ann Lee: unit tests failed`. */
const redOf = ({ since, commit, author, reason }: NonNullable<QueueNow["red"]>): string =>
  `for ${span(Date.now() - Date.parse(since))} at ${commit.slice(0, 12)}${author === undefined ? "" : ` by ${author}`}: ${reason.message.split("\n")[0]}`;

function wordsOfMode(terminal: Pick<Terminal, "colours">, queue: QueueNow): string {
  const { mode, since, note, modeBy } = queue;
  if (mode === "open") return mode;
  const details = [since && `for ${span(Date.now() - Date.parse(since))}`, modeBy && `by ${modeBy}`]
    .filter(Boolean)
    .join(" ");
  return `${styled(terminal, "yellow", mode)}${details && ` ${details}`}${note ? `: ${note}` : ""}`;
}

/** What a queue holds and how it has done, a fact per line. A fact that the API does not tell has no line. */
export function statisticsOf(queue: QueueNow): readonly (readonly [string, string])[] {
  const { counts, ended, timeToLand, buildsRunning, budget, red, flakes = [] } = queue;
  const ends = (of: NonNullable<QueueNow["ended"]>["lastHour"]) =>
    `${of.landed} landed, ${of.refused} refused, ${of.cancelled} cancelled`;
  return [
    ...(red ? [["trunk red", redOf(red)] as const] : []),
    ...(counts ? [["in queue", countsOf(counts)] as const] : []),
    ...(buildsRunning === undefined ? [] : [["builds", `${buildsRunning} of ${budget ?? "?"} run`] as const]),
    ...(ended ? [["last hour", ends(ended.lastHour)] as const, ["last day", ends(ended.lastDay)] as const] : []),
    ...(timeToLand?.medianSeconds === undefined ? [] : [["to land", timesOf(timeToLand)] as const]),
    ...flakeLines(flakes),
  ];
}

type Flakes = NonNullable<QueueNow["flakes"]>;

/** The flaky tests, a line each, the one seen last first. None when there are none. */
export const flakeLines = (flakes: Flakes): readonly (readonly [string, string])[] => [
  ...flakes.slice(0, MOST_FLAKES).map((flake, i) => [i === 0 ? "flaky" : "", flakeOf(flake)] as const),
  ...(flakes.length > MOST_FLAKES ? [["", `and ${flakes.length - MOST_FLAKES} more: --json names them`] as const] : []),
];

/** How many flaky tests are shown: the latest ones. */
const MOST_FLAKES = 10;

/** Example: `cart › adds up: failed 3 builds of 2 requests and passed on retry, last 2h ago`. */
const flakeOf = ({ name, builds, requests, lastSeen }: Flakes[number]): string =>
  `${name}: failed ${builds} ${builds === 1 ? "build" : "builds"} of ${requests} ${requests === 1 ? "request" : "requests"} and passed on retry, last ${span(Date.now() - Date.parse(lastSeen))} ago`;

export const countsOf = ({ waiting, building, landing }: NonNullable<QueueNow["counts"]>): string =>
  `${waiting} waiting, ${building} building, ${landing} landing`;

function timesOf({ medianSeconds, p95Seconds }: NonNullable<QueueNow["timeToLand"]>): string {
  const time = (seconds: number | undefined) => (seconds === undefined ? "?" : span(seconds * 1_000));
  return `median ${time(medianSeconds)}, P95 ${time(p95Seconds)}`;
}
