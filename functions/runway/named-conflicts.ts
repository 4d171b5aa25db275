import { differingPaths } from "../adapters/git/merge.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { BatchId, GitSha } from "../contracts/ids.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { Refused } from "./applied.ts";
import type { Landed } from "./landing-records.ts";

/** What a unit has made of the trees below it: their difference is what the unit changes. */
export interface Step {
  readonly unit: MergeUnit;
  readonly before: GitSha;
  readonly after: GitSha;
}

/** What units that have landed have made of the trunk, as far as the landing added commits. */
export const landedSteps = (units: readonly MergeUnit[], landed: ReadonlyMap<BatchId, Landed>): readonly Step[] =>
  units.flatMap((unit) => {
    const { commits = [], commit = undefined } = landed.get(unit.batchId)?.outcome ?? {};
    const [first] = commits;
    return first === undefined || commit === undefined ? [] : [{ unit, before: `${first}^` as GitSha, after: commit }];
  });

/**
 * The reason of a refusal. That of a merge conflict names the requests that the conflict is with: those of the units ahead, in order, that
 * change one of the paths in conflict; where there is none, those that have landed and do. Example: main/3 changes `a.ts`, main/4 changes
 * `b.ts`, and main/5 conflicts in `a.ts`: the reason names main/3. No git process for another refusal; for a conflict, one for each unit.
 */
export async function reasonNaming(
  repository: Repository,
  { reason, conflicts, reasonWith }: Refused,
  { ahead, landed }: { readonly ahead: readonly Step[]; readonly landed: readonly Step[] },
): Promise<Reason> {
  if (conflicts === undefined || reasonWith === undefined) return reason;
  for (const [steps, haveLanded] of [
    [ahead, false],
    [landed, true],
  ] as const) {
    const requests = await touching(repository, steps, new Set(conflicts));
    if (requests.length > 0) return reasonWith({ kind: "named", requests, haveLanded });
  }
  return reason;
}

/** The sqids of the units that change one of the paths. */
async function touching(
  repository: Repository,
  steps: readonly Step[],
  paths: ReadonlySet<string>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { unit, before, after } of steps) {
    const changed = await differingPaths(repository, before, after);
    if (changed.some((path) => paths.has(path))) found.push(...unit.steps.map(({ sqid }) => sqid));
  }
  return found;
}
