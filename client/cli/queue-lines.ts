import type { QueueNow } from "../queue-now.ts";
import { span, styled, type Terminal } from "./terminal.ts";

/** How a queue runs. Example: `paused for 3h by grace: release day`. */
export function modeOf(terminal: Pick<Terminal, "colours">, queue: QueueNow): string {
  const { mode, since, note, modeBy } = queue;
  if (mode === "open") return mode;
  const details = [since && `for ${span(Date.now() - Date.parse(since))}`, modeBy && `by ${modeBy}`]
    .filter(Boolean)
    .join(" ");
  return `${styled(terminal, "yellow", mode)}${details && ` ${details}`}${note ? `: ${note}` : ""}`;
}

/** What a queue holds and how it has done, a fact per line. A fact that the API does not tell has no line. */
export function statisticsOf(queue: QueueNow): readonly (readonly [string, string])[] {
  const { counts, ended, timeToLand, buildsRunning, budget } = queue;
  const ends = (of: NonNullable<QueueNow["ended"]>["lastHour"]) =>
    `${of.landed} landed, ${of.refused} refused, ${of.cancelled} cancelled`;
  return [
    ...(counts ? [["in queue", countsOf(counts)] as const] : []),
    ...(buildsRunning === undefined ? [] : [["builds", `${buildsRunning} of ${budget ?? "?"} run`] as const]),
    ...(ended ? [["last hour", ends(ended.lastHour)] as const, ["last day", ends(ended.lastDay)] as const] : []),
    ...(timeToLand?.medianSeconds === undefined ? [] : [["to land", timesOf(timeToLand)] as const]),
  ];
}

export const countsOf = ({ waiting, building, landing }: NonNullable<QueueNow["counts"]>): string =>
  `${waiting} waiting, ${building} building, ${landing} landing`;

export function timesOf({ medianSeconds, p95Seconds }: NonNullable<QueueNow["timeToLand"]>): string {
  const time = (seconds: number | undefined) => (seconds === undefined ? "?" : span(seconds * 1_000));
  return `median ${time(medianSeconds)}, P95 ${time(p95Seconds)}`;
}
