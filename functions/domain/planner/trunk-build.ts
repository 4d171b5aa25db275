import { buildKeyOf, trunkIdOf } from "../../contracts/ids.ts";
import type { TrunkChanged } from "../../contracts/messages/log-messages.ts";
import type { BuildVerdict, SignalOf } from "../../contracts/messages/signals.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { lowerQuartileOf } from "../speculation/history.ts";
import { dueBuild, type Trunk, trunkBrokeDown, trunkFailed, trunkPassed, trunkUnchanged } from "../trunk.ts";
import type { Draft } from "./draft.ts";
import type { Command, QueueState } from "./plan.ts";

/**
 * Records how the build of the trunk itself ended. The verdict of a build that was given up only frees its slot. A verdict about any other
 * build than the one under way changes nothing.
 */
export function recordTrunkBuild(draft: Draft, { buildKey, verdict }: SignalOf<"build-finished">): void {
  const { build, ...trunk } = draft.trunk;
  if (build?.buildKey !== buildKey) return;
  draft.trunk = build.state === "cancelling" ? trunk : judged(trunk, verdict, draft.now);
}

/** The trunk after the verdict on a build of the trunk. A failure without a commit counts as a failure of the infrastructure. */
function judged(trunk: Trunk, verdict: BuildVerdict, now: EpochMs): Trunk {
  switch (verdict.kind) {
    case "passed":
      return trunkPassed(trunk, verdict.composed.commit, now);
    case "failed": {
      const { composed, reason } = verdict;
      if (composed === undefined) return trunkBrokeDown(trunk, now);
      return trunkFailed(trunk, { commit: composed.commit, author: composed.author, reason }, now);
    }
    case "unchanged":
      return trunkUnchanged(trunk, verdict.trunk, now);
    default:
      return trunkBrokeDown(trunk, now);
  }
}

/** Records that a build of the trunk could not be started. It counts as one whose infrastructure failed. Changes nothing once it was started. */
export function trunkBuildNotStarted(draft: Draft, buildKey: string): void {
  const { build, ...trunk } = draft.trunk;
  if (build?.buildKey === buildKey && !build.dispatched) draft.trunk = trunkBrokeDown(trunk, draft.now);
}

/**
 * Starts a build of the trunk itself when one is due (`dueBuild`) and a slot of the budget is free. One build serves all batches whose builds
 * failed on the trunk's commit.
 */
export function buildTrunk(draft: Draft): void {
  const { trunk, now } = draft;
  if (draft.activeBuilds() >= draft.config.budget) return;
  const unfinished = new Set(draft.unfinished().map(({ id }) => id));
  const paths = draft.batches().flatMap((batch) => batch.paths);
  const isAsked = paths.some((path) => path.setAside === "unproven" && path.heads.some((id) => unfinished.has(id)));
  const due = dueBuild(trunk, isAsked, now);
  if (due === undefined) return;
  const { installation, queue } = draft.queue;
  const buildCount = trunk.buildCount + 1;
  const buildKey = buildKeyOf(installation, trunkIdOf(queue), buildCount);
  draft.trunk = {
    ...trunk,
    buildCount,
    build: { buildKey, state: "building", dispatched: false, startedAt: now, ...due },
  };
}

/** The commands about the trunk: to start a build of it, and to tell the gateway that it has become red or has recovered. */
export function trunkCommands({ queue, trunk: { build, vouched, red, changes, told, recoveredAt } }: Draft): Command[] {
  const commands: Command[] = [];
  if (build !== undefined && !build.dispatched) {
    const since = vouched.at(-1);
    const batchId = trunkIdOf(queue.queue);
    commands.push({
      kind: "start-build",
      installation: queue.installation,
      batchId,
      buildKey: build.buildKey,
      attempt: 1,
      base: [],
      head: { batchId, steps: [], unless: [...build.unless], ...(since === undefined ? {} : { since }) },
      sqids: [],
      without: [],
      ...lowerQuartileOf(queue.history),
    });
  }
  if (told < changes) {
    const at = red?.since ?? recoveredAt;
    const message = { v: 1 as const, kind: "trunk" as const, queue: queue.queue, version: changes };
    if (at !== undefined) commands.push({ kind: "announce-trunk", message: { ...message, at, ...redOf(red) } });
  }
  return commands;
}

function redOf(red: Trunk["red"]): Pick<TrunkChanged, "red"> {
  if (red === undefined) return {};
  const { since, commit, author, reason } = red;
  return { red: { since, commit, ...(author === undefined ? {} : { author }), reason } };
}

/** The queue's own item with the commands about the trunk recorded as carried out. Undefined when there are no such commands. */
export function acknowledgeTrunk(queue: QueueState): QueueState | undefined {
  const { trunk } = queue;
  if (trunk === undefined) return undefined;
  const { build, told, changes } = trunk;
  const isUndispatched = build !== undefined && !build.dispatched;
  if (!isUndispatched && told >= changes) return undefined;
  return {
    ...queue,
    trunk: { ...trunk, told: changes, ...(isUndispatched ? { build: { ...build, dispatched: true } } : {}) },
    version: queue.version + 1,
  };
}
