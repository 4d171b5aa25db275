import type { Session } from "./session.ts";
import { styled } from "./terminal.ts";

/**
 * What one check found. `says` tells what to do about a warning or a problem. A warning stops no command. A check is `skipped` when an earlier
 * check that it needs has a problem.
 */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warning" | "problem" | "skipped";
  readonly says: string;
}

export const skipped = (check: string, says: string): Finding => ({ check, state: "skipped", says });

/** 1 when there is a problem, or when a check could not be made; else 0. */
export const exitCodeOf = (findings: readonly Finding[]): number =>
  findings.some(({ state }) => state === "problem" || state === "skipped") ? 1 : 0;

const MARKS = { ok: ["green", "✔"], warning: ["yellow", "!"], problem: ["red", "✘"], skipped: ["dim", "–"] } as const;

/** A line for each finding. */
export function findingsText({ terminal }: Pick<Session, "terminal">, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const line = ({ check, state, says }: Finding) => {
    const [style, mark] = MARKS[state];
    return `${styled(terminal, style, mark)} ${check.padEnd(width)} ${says}`;
  };
  return findings.map(line).join("\n");
}
