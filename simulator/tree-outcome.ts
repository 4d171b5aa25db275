import type { Change } from "./workload.ts";

/**
 * What a build tests. `everything`: every change in its tree. `affected`: only what its heads affect, so a passed build is no evidence
 * about the changes of its base.
 */
export const TEST_SCOPES = ["everything", "affected"] as const;
export type TestScope = (typeof TEST_SCOPES)[number];

/** What a build contains in addition to the trunk, as numbers of changes. */
export interface Tree {
  readonly heads: readonly number[];
  /** The changes that are assumed to land before the heads. */
  readonly base: readonly number[];
}

/**
 * True when the build of `tree` passes: every change that the build tests passes alone, and clashes with no change of the tree or of
 * the trunk.
 *
 * Example: 0 and 1 clash, 2 passes alone and clashes with neither. Heads [2] on base [0, 1]: passes when the build tests what is
 * affected, fails when the build tests everything. Heads [1] on base [0] fails either way.
 */
export function passes(
  changes: readonly Change[],
  isLanded: (n: number) => boolean,
  { heads, base }: Tree,
  tests: TestScope,
): boolean {
  const inTree = new Set([...base, ...heads]);
  const isSound = (n: number): boolean => {
    const change = changes[n];
    return change?.passes === true && !change.clashes.some((other) => inTree.has(other) || isLanded(other));
  };
  return heads.every(isSound) && (tests === "affected" || base.every(isSound));
}

/**
 * Per change, whether it lands when changes are built and landed one after the other, in order of arrival.
 *
 * Example: 0 fails alone, 1 and 2 clash: [false, true, false].
 */
export function serialOutcome(changes: readonly Change[]): boolean[] {
  const landed: boolean[] = [];
  for (const { n } of changes)
    landed[n] = passes(changes, (other) => landed[other] === true, { heads: [n], base: [] }, "everything");
  return landed;
}
