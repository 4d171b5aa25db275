import { type Caller, OPERATORS, patternParts } from "../contracts/caller.ts";
import type { Access } from "../contracts/queues.ts";

/**
 * What a caller may do in a queue. land: land changes, and cancel their own requests. cancelOthers: cancel every caller's requests.
 * priority: land with a priority above 0, and change priorities. operate: pause, drain and resume the queue.
 */
export type Right = "land" | "cancelOthers" | "priority" | "operate";

const DEFAULT_OPERATORS: readonly string[] = [`group:${OPERATORS}`];

/**
 * The patterns that say who has the right. Where the queue's `access` has no patterns for it, every caller has the right `land`, and those
 * who may operate the queue have each other right. Operators are the group `operators` where `access` names none.
 *
 * Example: with `operate: [group:sre]` alone, the group sre may also cancel every caller's requests and set priorities.
 */
export function patternsOf(access: Access, right: Right): readonly string[] {
  const operators = access.operate ?? DEFAULT_OPERATORS;
  return access[right] ?? (right === "land" ? ["*"] : operators);
}

/** True when the caller has the right: one of its patterns (`patternsOf`) matches the caller's name or one of the caller's groups. */
export const mayDo = (access: Access, caller: Caller, right: Right): boolean =>
  patternsOf(access, right).some((pattern) => matches(pattern, caller));

/**
 * A pattern is a caller's name, or `group:` and the name of a group. `iam:` or `jwt:` before a name says how the caller is known: by AWS
 * credentials, or by a token. `*` stands for any text, also for none. Case counts.
 *
 * Example: `iam:arn:aws:sts::*:assumed-role/Deploy/*` matches every session of the role Deploy, and no token whose subject is written like one.
 */
function matches(pattern: string, { kind, name, groups = [] }: Caller): boolean {
  const { of, text } = patternParts(pattern);
  if (of === "group") return groups.some((group) => fits(text, group));
  return (of === undefined || of === kind) && fits(text, name);
}

/** Looks for the pieces between the `*` one after the other. A regular expression with many `*` could take exponential time. */
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
