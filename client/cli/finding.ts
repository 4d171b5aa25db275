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
