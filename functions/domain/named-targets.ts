import { Targets } from "../contracts/touches.ts";

/** The build targets of one change; undefined or empty: not known. */
type OfChange = readonly string[] | undefined;

/**
 * The build targets of a request by those of its changes: each once, sorted. Undefined, which means all targets, when those of a change are
 * not known, or when there are more than a request may name. Example: [cart, till] and [cart] make cart and till; [cart] and undefined are not
 * known.
 */
export function targetsOfAll(changes: readonly OfChange[]): readonly string[] | undefined {
  if (changes.length === 0 || changes.some((targets) => targets === undefined || targets.length === 0))
    return undefined;
  return Targets.safeParse([...new Set(changes.flatMap((targets) => targets ?? []))].sort()).data;
}

/**
 * The build targets that labels name. `pattern` is a regular expression for a whole label, whose one group is the target. Example, with the
 * pattern `target:(.+)`: [bug, target:cart] names cart.
 */
export function targetsInLabels(pattern: string, labels: readonly string[]): readonly string[] {
  const named = new RegExp(`^(?:${pattern})$`, "u");
  return labels.flatMap((label) => named.exec(label)?.[1] || []);
}

/** The build targets in what a command printed: one a line. Lines of blanks name none. */
export const targetsInLines = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
