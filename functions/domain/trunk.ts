import type { BuildKey, GitSha } from "../contracts/ids.ts";
import type { Reason } from "../contracts/reasons.ts";
import type { EpochMs } from "../contracts/time.ts";

/**
 * What a queue knows about its trunk: which commits a passed build vouches for, and whether the trunk itself fails. See
 * doc/rfc/red-trunk.md.
 *
 * Example: the queue has landed A and B, so it vouches for the commits of both. A user pushes X past the queue, and C lands on X:
 * `unproven` is [X, C] until the trunk has been built, or until a batch lands whose build passed on exactly the tree that it leaves.
 */
export interface Trunk {
  /** The newest trunk commits that a passed build vouches for, oldest first. At most MOST_VOUCHED. */
  readonly vouched: readonly GitSha[];
  /**
   * `vouched` holds every commit that got a passed build since this time. Older ones may have been forgotten. Absent: none was forgotten.
   * `halfAt`: when the newer half of `vouched` began. It becomes `keptSince` when the older half is forgotten.
   */
  readonly keptSince?: EpochMs;
  readonly halfAt?: EpochMs;
  /** Since when a passed build has vouched for every commit that the trunk was at. Absent: since the queue began. */
  readonly soundSince?: EpochMs;
  /**
   * The newest commits of the trunk, when no passed build vouches for them, oldest first. Each but the first was landed directly on the one
   * before it. Empty when a passed build vouches for the newest commit.
   */
  readonly unproven: readonly GitSha[];
  /** When the newest commit was last learned. Builds that started before this time say nothing new about which commit is the newest. */
  readonly knownAt: EpochMs;
  /** Set while the trunk itself is being built. */
  readonly build?: TrunkBuild;
  /** How often the trunk has been built so far. The key of its next build is made from this number. */
  readonly buildCount: number;
  /** Set while the trunk itself fails. */
  readonly red?: RedTrunk;
  /** A failed build that started before this time is no evidence: the trunk was red then. */
  readonly recoveredAt?: EpochMs;
  /** How many builds of the trunk broke down in a row, and when the trunk is built again. Absent when the last one did not break down. */
  readonly brokenDown?: { readonly count: number; readonly nextAt: EpochMs };
  /** How many changes in a row were rejected by a failed build, without a passed build in between. */
  readonly rejectedInARow: number;
  /** How often the trunk has become red or has recovered. */
  readonly changes: number;
  /** How many of these changes the gateway was told. */
  readonly told: number;
}

/** A build of the trunk itself. It holds a slot of the budget. cancelling: the build is not needed any more, and has not stopped yet. */
interface TrunkBuild {
  readonly buildKey: BuildKey;
  readonly state: "building" | "cancelling";
  /** True once the build workflow is known to have been started. */
  readonly dispatched: boolean;
  readonly startedAt: EpochMs;
  /** Commits that need no build. When the trunk is at one of them, the build ends as `unchanged`, without having built anything. */
  readonly unless: readonly GitSha[];
}

/** The trunk fails by itself. */
export interface RedTrunk {
  readonly since: EpochMs;
  /** The first commit that was found to fail, and who made the commit. */
  readonly commit: GitSha;
  readonly author?: string;
  /** Why the last build of the trunk failed. */
  readonly reason: Reason;
  /** The commit that was built last. */
  readonly built: GitSha;
  /** How often in a row the build of `built` has failed. */
  readonly failures: number;
  /** When `built` is built again. */
  readonly rebuildAt: EpochMs;
  /** When the trunk is looked at for a commit other than `built`. */
  readonly lookAt: EpochMs;
}

/** What a queue knows about its trunk before it has seen any commit of the trunk. */
export const UNKNOWN_TRUNK: Trunk = {
  vouched: [],
  unproven: [],
  knownAt: 0 as EpochMs,
  buildCount: 0,
  rejectedInARow: 0,
  changes: 0,
  told: 0,
};

/** How many vouched commits are kept: some 5 KB. When there are more, the older half is forgotten. */
const MOST_VOUCHED = 128;

/** How many unproven commits are kept at most. The newest are kept. */
const MOST_UNPROVEN = 64;

/** A red commit is built again after 5 minutes, then after 10, 20, 40, and then after an hour each time. */
const REBUILD_FIRST_MS = 300_000;
const REBUILD_AT_MOST_MS = 3_600_000;

/** How often a red trunk is looked at for another commit. A look does not build the commit that was built last. */
const LOOK_EVERY_MS = 60_000;

/** How many changes in a row have to be rejected before the trunk is built again, although a passed build vouches for it. */
const DOUBTED_AFTER = 3;

/** True when a passed build is known to vouch for the commit. */
export const isVouched = ({ vouched }: Trunk, commit: GitSha): boolean => vouched.includes(commit);

/** The trunk with these commits vouched for, the newest last. */
function vouch(trunk: Trunk, commits: readonly GitSha[], now: EpochMs): Trunk {
  const vouched = [...trunk.vouched.filter((one) => !commits.includes(one)), ...commits];
  const half = MOST_VOUCHED / 2;
  if (vouched.length <= half) return { ...trunk, vouched };
  const { halfAt = now } = trunk;
  if (vouched.length <= MOST_VOUCHED) return { ...trunk, vouched, halfAt };
  return { ...trunk, vouched: vouched.slice(-half), keptSince: halfAt, halfAt: now };
}

/**
 * The trunk after a passed build vouched for `commits`, of which the last is the trunk's newest commit. No commit is unproven then. A red trunk
 * has recovered, and a build of the trunk that is under way is not needed any more.
 */
function sound(trunk: Trunk, commits: readonly GitSha[], now: EpochMs): Trunk {
  const { red, brokenDown: _, build, ...rest } = vouch(trunk, commits, now);
  const givenUp = build === undefined ? {} : { build: { ...build, state: "cancelling" as const } };
  const next: Trunk = { ...rest, ...givenUp, unproven: [], knownAt: now, rejectedInARow: 0 };
  return red === undefined ? next : { ...next, recoveredAt: now, changes: trunk.changes + 1 };
}

/**
 * What the queue knows about its trunk after it was configured for another repository or branch: nothing but counts. A running build of the old
 * trunk is not needed any more. A red trunk counts as recovered.
 */
export const retargeted = ({ buildCount, red, changes, told, build }: Trunk, now: EpochMs): Trunk => ({
  ...UNKNOWN_TRUNK,
  ...(build === undefined ? {} : { build: { ...build, state: "cancelling" } }),
  buildCount,
  ...(red === undefined ? { changes } : { changes: changes + 1, recoveredAt: now }),
  told,
});

/**
 * The trunk after batches landed on commit `onto` and moved the trunk to `tip`. `onto` is undefined when it is not known. `isTested` is true
 * when the tree at `tip` is the tree of a passed build that tested everything. A passed build vouches for `tip` when `isTested`, or when one
 * vouches for `onto`, since the evidence covers all that was added. Otherwise `tip` is unproven. Learning of a landing twice changes nothing.
 */
export function learnLanding(
  trunk: Trunk,
  { onto, tip, isTested }: { readonly onto: GitSha | undefined; readonly tip: GitSha; readonly isTested: boolean },
  now: EpochMs,
): Trunk {
  if (isVouched(trunk, tip) || trunk.unproven.includes(tip)) return trunk;
  if (onto !== undefined && isVouched(trunk, onto)) return sound(trunk, [tip], now);
  if (isTested) return { ...sound(trunk, [tip], now), soundSince: now };
  const at = onto === undefined ? -1 : trunk.unproven.indexOf(onto);
  const below = at >= 0 ? trunk.unproven : [onto].filter((commit) => commit !== undefined);
  return { ...trunk, unproven: [...below, tip].slice(-MOST_UNPROVEN), knownAt: now };
}

/**
 * The trunk after a build that started at `startedAt` was found to be composed on `commit`. A commit that the queue does not know was pushed past
 * the queue: it is unproven, and the newest. Changes nothing when the commit is known, or when something newer was learned after the build
 * started.
 */
export function learnCommit(trunk: Trunk, commit: GitSha, startedAt: EpochMs): Trunk {
  if (isVouched(trunk, commit) || trunk.unproven.includes(commit) || startedAt < trunk.knownAt) return trunk;
  return { ...trunk, unproven: [commit], knownAt: startedAt };
}

/** The trunk after it was built at `commit` and passed. The build vouches for `commit` and for every commit that was landed on it. */
export function trunkPassed(trunk: Trunk, commit: GitSha, now: EpochMs): Trunk {
  const at = trunk.unproven.indexOf(commit);
  return { ...sound(trunk, at < 0 ? [commit] : trunk.unproven.slice(at), now), soundSince: now };
}

/**
 * The trunk after it was built at `commit` and failed for `reason`: it is red. `since`, `commit` and `author` of a trunk that was red before stay
 * those of the first commit that failed.
 */
export function trunkFailed(
  trunk: Trunk,
  {
    commit,
    author,
    reason,
  }: { readonly commit: GitSha; readonly author?: string | undefined; readonly reason: Reason },
  now: EpochMs,
): Trunk {
  const { red: before, brokenDown: _, ...rest } = trunk;
  const first = before ?? { since: now, commit, author };
  const failures = before?.built === commit ? before.failures + 1 : 1;
  const pause = Math.min(REBUILD_FIRST_MS * 2 ** (failures - 1), REBUILD_AT_MOST_MS);
  return {
    ...rest,
    vouched: trunk.vouched.filter((one) => one !== commit),
    unproven: trunk.unproven.includes(commit) ? trunk.unproven : [commit],
    knownAt: now,
    red: {
      since: first.since,
      commit: first.commit,
      ...(first.author === undefined ? {} : { author: first.author }),
      reason,
      built: commit,
      failures,
      rebuildAt: (now + pause) as EpochMs,
      lookAt: (now + LOOK_EVERY_MS) as EpochMs,
    },
    changes: before === undefined ? trunk.changes + 1 : trunk.changes,
  };
}

/**
 * The trunk after a build of it ended as `unchanged`: the trunk is at `commit`, which needed no build (`TrunkBuild.unless`). When a passed build
 * vouches for `commit`, the trunk is sound, also when it was red before. When `commit` is the red commit that was built last, the trunk stays
 * red, and is looked at again a minute later.
 */
export function trunkUnchanged(trunk: Trunk, commit: GitSha, now: EpochMs): Trunk {
  if (trunk.red?.built === commit) return looked(trunk, now);
  return isVouched(trunk, commit) ? { ...sound(trunk, [commit], now), soundSince: now } : trunk;
}

/** The trunk after a build of it broke down, by no fault of any commit. It is built again after a minute, then after 2, 4, 8 … at most 60. */
export function trunkBrokeDown(trunk: Trunk, now: EpochMs): Trunk {
  const count = (trunk.brokenDown?.count ?? 0) + 1;
  const pause = Math.min(LOOK_EVERY_MS * 2 ** (count - 1), REBUILD_AT_MOST_MS);
  return { ...looked(trunk, now), brokenDown: { count, nextAt: (now + pause) as EpochMs } };
}

/** The trunk with the next look at a red trunk put off by LOOK_EVERY_MS. */
const looked = (trunk: Trunk, now: EpochMs): Trunk =>
  trunk.red === undefined ? trunk : { ...trunk, red: { ...trunk.red, lookAt: (now + LOOK_EVERY_MS) as EpochMs } };

/** The trunk after one more change was rejected by a failed build. */
export const countRejection = (trunk: Trunk): Trunk => ({ ...trunk, rejectedInARow: trunk.rejectedInARow + 1 });
/** The trunk after a passed build, which ends a row of rejected changes. */
export const endRejections = (trunk: Trunk): Trunk =>
  trunk.rejectedInARow === 0 ? trunk : { ...trunk, rejectedInARow: 0 };

/**
 * The trunk after a build on `commit` has failed. When `commit` is the newest commit and DOUBTED_AFTER changes in a row were rejected, `commit`
 * becomes unproven, so that the trunk is built: something outside the repository may have broken. Otherwise nothing changes.
 */
export function doubted(trunk: Trunk, commit: GitSha): Trunk {
  const isNewest = trunk.unproven.length === 0 && trunk.vouched.at(-1) === commit;
  if (!isNewest || trunk.rejectedInARow < DOUBTED_AFTER) return trunk;
  return { ...trunk, vouched: trunk.vouched.slice(0, -1), unproven: [commit] };
}

/**
 * True when a build that started at `startedAt` was composed on a commit that a passed build vouched for, and that may have been forgotten since
 * (`keptSince`).
 */
const mayBeForgotten = ({ keptSince, soundSince }: Trunk, startedAt: EpochMs): boolean =>
  startedAt < (keptSince ?? 0) && startedAt >= (soundSince ?? 0);

/**
 * What a failed build says about its batches. It started at `startedAt` and was composed on `commit`.
 * - evidence: it may count against them, since a passed build vouches for `commit`.
 * - unproven: not known before the trunk itself has been built at `commit`.
 * - nothing: the trunk is red or was red when the build started, or the queue does not know `commit`.
 */
export function failureOn(trunk: Trunk, commit: GitSha, startedAt: EpochMs): "evidence" | "unproven" | "nothing" {
  if (trunk.recoveredAt !== undefined && startedAt < trunk.recoveredAt) return "nothing";
  if (trunk.red !== undefined) return "nothing";
  if (isVouched(trunk, commit) || mayBeForgotten(trunk, startedAt)) return "evidence";
  return trunk.unproven.includes(commit) ? "unproven" : "nothing";
}

/**
 * True when the trunk is red and a build was composed on the red commit or on a newer one: it started after the trunk became red, or `commit` is
 * that commit or landed on it. When the build has passed, its change is a repair.
 */
export const isOnRed = ({ red, unproven }: Trunk, commit: GitSha, startedAt: EpochMs): boolean =>
  red !== undefined && (startedAt >= red.since || unproven.indexOf(commit) >= Math.max(0, unproven.indexOf(red.built)));

/**
 * The build of the trunk that is due, by the commits that need no build (`TrunkBuild.unless`). Undefined when none is due, and while the trunk is
 * being built. A build is due
 * - of a trunk that is not red, when its newest commit is unproven and `isAsked`: a failed build waits for a verdict on the trunk.
 * - of a red trunk, when its newest commit is not the commit that was built last, when that commit is to be built again (`rebuildAt`), and when
 *   the trunk is to be looked at (`lookAt`).
 * After a build that broke down, none is due before `brokenDown.nextAt`.
 *
 * Example: a passed build vouches for T, X was pushed past the queue, and a build on X failed. `unless` is [T]: should X be gone by then,
 * nothing is built.
 */
export function dueBuild(trunk: Trunk, isAsked: boolean, now: EpochMs): Pick<TrunkBuild, "unless"> | undefined {
  const { build, red, brokenDown, unproven, vouched } = trunk;
  if (build !== undefined || (brokenDown !== undefined && now < brokenDown.nextAt)) return undefined;
  const newestVouched = vouched.slice(-1);
  if (red === undefined) return isAsked && unproven.length > 0 ? { unless: newestVouched } : undefined;
  if (unproven.at(-1) !== red.built || now >= red.rebuildAt) return { unless: newestVouched };
  return now >= red.lookAt ? { unless: [...newestVouched, red.built] } : undefined;
}
