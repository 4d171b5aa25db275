import type { Trial } from "../../functions/contracts/api/question-views.ts";
import type { HistoryEntry, RequestSummary, Why } from "../../functions/contracts/api/request-views.ts";
import { happeningOf } from "../happenings.ts";
import { span, styled, styledStatus, type Terminal } from "./terminal.ts";

/** One line of a request's history: time, what happened, and what else is known. */
export function entryLine(terminal: Terminal, entry: HistoryEntry): string {
  const { at, status, event = "", reason, metadata } = entry;
  const words = happeningOf(entry) ?? status ?? event;
  const shown = status === undefined ? words : styledStatus(terminal, status, words);
  return [at.slice(11, 19), shown, ...details(metadata), ...(reason ? [reason.message] : [])].join("  ");
}

/** Of an entry's metadata, what people look for beside what happened. */
function details({ build_url, bypassed, why }: HistoryEntry["metadata"]): string[] {
  return [
    ...(typeof bypassed === "string" ? [`ahead of ${bypassed}`] : []),
    ...(typeof why === "string" ? [why] : []),
    ...(typeof build_url === "string" ? [build_url] : []),
  ];
}

/** Everything about one request, a fact per line. */
export function requestLines(terminal: Terminal, request: RequestSummary, why: Why): string {
  const { sqid, status, changes, strategy, priority, receivedAt, updatedAt, ended, reason } = request;
  const until = ended ? Date.parse(updatedAt) : Date.now();
  const facts: readonly (readonly [string, string])[] = [
    ["request", sqid],
    ["status", styledStatus(terminal, status)],
    ["why", why.sentence],
    ...(reason ? [["code", reason.code] as const] : []),
    ...changes.map((uri, i) => [i === 0 ? (changes.length === 1 ? "change" : "changes") : "", uri] as const),
    ["strategy", strategy],
    ...(priority > 0 ? [["priority", String(priority)] as const] : []),
    [ended ? "took" : "so far", span(until - Date.parse(receivedAt))],
    ...why.builds.map(
      ({ outcome, url }, i) => [i === 0 ? "builds" : "", [outcome, url].filter(Boolean).join("  ")] as const,
    ),
  ];
  return facts.map(([name, value]) => `${styled(terminal, "dim", name.padEnd(10))}${value}`).join("\n");
}

/** What came of a trial, a fact per line. */
export function trialLines(terminal: Terminal, trial: Trial): string {
  const { state, mergeable, sentence, reason, waits, conflicts = [], touches } = trial;
  const merges = mergeable === undefined ? `not known: ${state}` : mergeable ? "yes" : "no";
  const style = mergeable === true ? "green" : mergeable === false ? "red" : "yellow";
  const facts: readonly (readonly [string, string])[] = [
    ["lands", styled(terminal, style, merges)],
    ["why", sentence],
    ...(waits ? [["waits", waits] as const] : []),
    ...(reason ? [["code", reason.code] as const] : []),
    ...conflicts.map((path, i) => [i === 0 ? "conflicts" : "", path] as const),
    ...(touches ? [["touches", touchedLine(touches)] as const] : []),
  ];
  return facts.map(([name, value]) => `${styled(terminal, "dim", name.padEnd(10))}${value}`).join("\n");
}

const touchedLine = ({ files, additions, deletions }: NonNullable<Trial["touches"]>): string =>
  `${files} ${files === 1 ? "file" : "files"}, +${additions} -${deletions}`;

/** 0 when the request landed, or has not ended; 1 when it ended otherwise. */
export const exitCodeOf = ({ ended, status }: Pick<RequestSummary, "ended" | "status">): number =>
  ended && status !== "landed" ? 1 : 0;
