import { Targets } from "../contracts/touches.ts";

/** The build targets of one change. Undefined or empty when they are not known. */
type OfChange = readonly string[] | undefined;

/**
 * The build targets of a request: those of all its changes, each once, sorted. Undefined, which counts as all targets of the repository, when
 * the targets of one change are not known, when there are more than 1,000, or when one has an empty name or a name of more than 300 characters.
 *
 * Example: changes with [cart, till] and [cart] give [cart, till]. Changes with [cart] and undefined give undefined.
 */
export function targetsOfAll(changes: readonly OfChange[]): readonly string[] | undefined {
  if (changes.length === 0 || changes.some((targets) => targets === undefined || targets.length === 0))
    return undefined;
  return Targets.safeParse([...new Set(changes.flatMap((targets) => targets ?? []))].sort()).data;
}

/**
 * The build targets that labels of a pull request name. `pattern` is a regular expression for a whole label, whose one group is the target.
 * Example with the pattern `target:(.+)`: the labels [bug, target:cart] give [cart].
 */
export function targetsInLabels(pattern: string, labels: readonly string[]): readonly string[] {
  const named = new RegExp(`^(?:${pattern})$`, "u");
  return labels.flatMap((label) => named.exec(label)?.[1] || []);
}

/** The build targets in the output of a command: one per line, without blanks around. An empty line names none. */
export const targetsInLines = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
