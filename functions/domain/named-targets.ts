import { Targets } from "../contracts/touches.ts";

/** The labels of one pull request. */
type Labels = readonly string[];

/**
 * The build targets that the labels of a request's pull requests name: each once, sorted. `pattern` is a regular expression for a whole label,
 * whose one group is the target. Undefined, which means all targets, when a pull request has no label that names one, or when they name more
 * than a request may.
 *
 * Example, with the pattern `target:(.+)`: pull requests with the labels [bug, target:cart] and [target:till, target:cart] name cart and till;
 * with the labels [bug] and [target:till] the targets are not known.
 */
export function targetsNamedBy(pattern: string, pulls: readonly Labels[]): readonly string[] | undefined {
  const named = new RegExp(`^(?:${pattern})$`, "u");
  const targets = pulls.map((labels) => labels.flatMap((label) => named.exec(label)?.[1] || []));
  if (targets.length === 0 || targets.some((ofOne) => ofOne.length === 0)) return undefined;
  return Targets.safeParse([...new Set(targets.flat())].sort()).data;
}
