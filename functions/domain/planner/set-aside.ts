import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import { isoTimestamp } from "../../contracts/time.ts";
import { brokeDown, type Path } from "../batch.ts";
import { doubted, endRejections, failureOn, learnCommit, type RedTrunk, type Trunk } from "../trunk.ts";
import { announceRetry } from "./announce-retry.ts";
import type { Draft } from "./draft.ts";

/**
 * Called once for each build that ends, with its path as ended. Records in the draft what the build tells of the trunk: which commit the trunk is at,
 * and whether changes pass on it. Answers the path, marked as `unproven` when the build failed on a trunk commit that no passed build vouches
 * for. Such a failure does not count until `judgeFailures` has decided about it. A build that was never composed, or whose infrastructure
 * failed, changes nothing.
 */
export function setAside(draft: Draft, path: Path): Path {
  const { composed, startedAt } = path;
  if (composed === undefined || brokeDown(path)) return path;
  const trunk = learnCommit(draft.trunk, composed.trunk, startedAt);
  if (path.state !== "failed") {
    draft.trunk = path.state === "passed" ? endRejections(trunk) : trunk;
    return path;
  }
  draft.trunk = doubted(trunk, composed.trunk);
  return failureOn(draft.trunk, composed.trunk, startedAt) === "evidence" ? path : { ...path, setAside: "unproven" };
}

/**
 * Decides about the failures that were set aside as `unproven`, by what is known of the trunk (`failureOn`): each becomes evidence, or counts as
 * nothing, or waits on. When a failure counts as nothing, the log is told that its batches are built again. A repeat changes nothing, so a
 * crash between two writes loses nothing.
 */
export function judgeFailures(draft: Draft): void {
  const { trunk } = draft;
  for (const { id } of draft.batches())
    for (const path of draft.lookup(id)?.paths ?? []) {
      const { composed, setAside: aside } = path;
      if (aside !== "unproven" || composed === undefined) continue;
      const verdict = failureOn(trunk, composed.trunk, path.startedAt);
      if (verdict === "unproven") continue;
      const { setAside: _, ...evidence } = path;
      const next: Path = verdict === "evidence" ? evidence : { ...evidence, setAside: "nothing" };
      const batch = draft.lookup(id);
      if (batch === undefined) continue;
      draft.put({ ...batch, paths: batch.paths.map((one) => (one === path ? next : one)) });
      if (verdict === "nothing") announceRetry(draft, path, whyNothing(draft, trunk));
    }
}

/** Why a failure counts as nothing. */
const whyNothing = (draft: Draft, { red }: Trunk): Reason =>
  red === undefined
    ? reasonOf(
        "trunk.red",
        `The build ran on a commit of ${branchOf(draft)} that no passed build vouches for, so its failure does not count. The request is built again.`,
      )
    : reasonOf(
        "trunk.red",
        `The build failed, and so does ${branchOf(draft)} itself, so the failure does not count. The request is built again.`,
      );

const branchOf = ({ config }: Draft): string => config.repository.branch;

/** Why no request lands while the trunk is red, and what people can do. `branch`: the name of the trunk. */
export const redReason = (branch: string, { commit, author, since, reason }: RedTrunk): Reason =>
  reasonOf(
    "trunk.red",
    `${branch} itself has failed since ${isoTimestamp(since)} at commit ${commit.slice(0, 12)}${author === undefined ? "" : ` by ${author}`}: ${reason.message} Land or push a repair. A request whose build passes lands at once, and all others keep their places and go on once ${branch} passes.`,
  );
