import { type Caller, OPERATORS } from "../contracts/caller.ts";
import type { Access } from "../contracts/queues.ts";

/**
 * What a caller may be allowed in a queue. land: land changes, and cancel their own. cancelOthers: cancel everyone's. priority: land with a
 * priority above 0, and change priorities. operate: pause, drain and resume.
 */
const RIGHTS = ["land", "cancelOthers", "priority", "operate"] as const;
export type Right = (typeof RIGHTS)[number];

const DEFAULT_OPERATORS: readonly string[] = [`group:${OPERATORS}`];

/**
 * The patterns that say who has the right. A queue that says nothing lets every authenticated caller land, and its operators do the rest.
 * Example: with `operate: [group:sre]` alone, the group sre may also cancel everyone's requests and set priorities.
 */
export function patternsOf(access: Access, right: Right): readonly string[] {
  const operators = access.operate ?? DEFAULT_OPERATORS;
  return access[right] ?? (right === "land" ? ["*"] : operators);
}

/** True when one of the patterns of the right matches the caller. */
export const mayDo = (access: Access, caller: Caller, right: Right): boolean =>
  patternsOf(access, right).some((pattern) => matches(pattern, caller));

const GROUP = "group:";

/**
 * A pattern is a caller's name, or `group:` and the name of a group. `*` stands for any text. Case counts. Example:
 * `arn:aws:sts::*:assumed-role/Deploy/*` matches every session of the role Deploy.
 */
function matches(pattern: string, { name, groups = [] }: Caller): boolean {
  return pattern.startsWith(GROUP)
    ? groups.some((group) => fits(pattern.slice(GROUP.length), group))
    : fits(pattern, name);
}

/** Compares piece by piece, and not with a regular expression: a pattern with many `*` would take exponential time. */
function fits(pattern: string, text: string): boolean {
  const [first = "", ...pieces] = pattern.split("*");
  const last = pieces.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, from);
    if (found < 0) return false;
    from = found + piece.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
