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
   * From when on all commits are kept that a passed build vouches for. Absent: all are kept. `halfAt`: when the newer half of the kept ones
   * began.
   */
  readonly keptSince?: EpochMs;
  readonly halfAt?: EpochMs;
  /** Since when a passed build has vouched for every commit that the trunk was at. Absent: ever since. */
  readonly soundSince?: EpochMs;
  /**
   * The newest commits of the trunk, when no passed build vouches for them, oldest first. Each but the first was landed directly on the one
   * before it. Empty when a passed build vouches for the newest commit.
   */
  readonly unproven: readonly GitSha[];
  /** Builds that started before this time say nothing new about which commit is the newest. */
  readonly knownAt: EpochMs;
  /** Set while the trunk itself is being built. */
  readonly build?: TrunkBuild;
  /** How often the trunk has been built so far. The key of its next build is made from this number. */
  readonly buildCount: number;
  /** Set while the trunk itself fails. */
  readonly red?: RedTrunk;
  /** A failed build that started before this time is no evidence: the trunk was red then. */
  readonly recoveredAt?: EpochMs;
  /** When the trunk is built again after builds of it that broke down, and how many of these there were in a row. */
  readonly brokenDown?: { readonly count: number; readonly nextAt: EpochMs };
  /** How many changes in a row were rejected by a failed build, without a passed build in between. */
  readonly rejectedInARow: number;
  /** How often the trunk has become red or has recovered, and up to which of these the gateway was told. */
  readonly changes: number;
  readonly told: number;
}

/** A build of the trunk itself. It holds a slot of the budget. cancelling: it is not needed any more, and has not stopped yet. */
interface TrunkBuild {
  readonly buildKey: BuildKey;
  readonly state: "building" | "cancelling";
  readonly dispatched: boolean;
  readonly startedAt: EpochMs;
  /** The commits that need no build: when the trunk is at one of them, the build ends without having built anything. */
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
  /** The commit that was built last, and how often in a row it has failed. */
  readonly built: GitSha;
  readonly failures: number;
  /** From when on that commit is built again, and from when on the trunk is looked at for another commit. */
  readonly rebuildAt: EpochMs;
  readonly lookAt: EpochMs;
}

/** What a queue knows that has never seen its trunk. */
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

/** How many commits that landed one after the other on an unproven commit are kept: the newest. */
const MOST_UNPROVEN = 64;

/** A red commit is built again after 5 minutes, then after 10, 20, 40, and then every hour. */
const REBUILD_FIRST_MS = 300_000;
const REBUILD_AT_MOST_MS = 3_600_000;

/** How often a red trunk is looked at for another commit. No look builds a commit that has been built. */
const LOOK_EVERY_MS = 60_000;

/** So many changes in a row have to be rejected before the trunk itself is doubted, although a passed build vouches for it. */
const DOUBTED_AFTER = 3;

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
 * The trunk after it was found to be sound at `commits`, of which the last is the newest commit. A red trunk has recovered, and a build of
 * the trunk that is under way is not needed any more.
 */
function sound(trunk: Trunk, commits: readonly GitSha[], now: EpochMs): Trunk {
  const { red, brokenDown: _, build, ...rest } = vouch(trunk, commits, now);
  const givenUp = build === undefined ? {} : { build: { ...build, state: "cancelling" as const } };
  const next: Trunk = { ...rest, ...givenUp, unproven: [], knownAt: now, rejectedInARow: 0 };
  return red === undefined ? next : { ...next, recoveredAt: now, changes: trunk.changes + 1 };
}

/** What is still known when the queue is configured for another repository or branch. A trunk that was red is not the queue's any more. */
export const forgotten = ({ buildCount, red, changes, told, build }: Trunk, now: EpochMs): Trunk => ({
  ...UNKNOWN_TRUNK,
  ...(build === undefined ? {} : { build: { ...build, state: "cancelling" } }),
  buildCount,
  ...(red === undefined ? { changes } : { changes: changes + 1, recoveredAt: now }),
  told,
});

/**
 * Batches landed on commit `onto`, and the trunk is at `tip` since. A passed build vouches for `tip` when the tree at `tip` is the tree of a
 * passed build that tested everything (`isTested`), or when one vouches for `onto`: the evidence covers all that was added. `onto` is
 * undefined when it is not known. Learning of a landing twice changes nothing.
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
  const under = at >= 0 ? trunk.unproven : onto === undefined ? [] : [onto];
  return { ...trunk, unproven: [...under, tip].slice(-MOST_UNPROVEN), knownAt: now };
}

/**
 * A build that started at `startedAt` was composed on `commit`. When nothing was known of the commit, and nothing newer was learned
 * since the build started, the commit was pushed past the queue, and is the newest.
 */
export function learnCommit(trunk: Trunk, commit: GitSha, startedAt: EpochMs): Trunk {
  if (isVouched(trunk, commit) || trunk.unproven.includes(commit) || startedAt < trunk.knownAt) return trunk;
  return { ...trunk, unproven: [commit], knownAt: startedAt };
}

/** The trunk itself was built at `commit`, and passed: so every commit that was landed on this one is sound too. */
export function trunkPassed(trunk: Trunk, commit: GitSha, now: EpochMs): Trunk {
  const at = trunk.unproven.indexOf(commit);
  return { ...sound(trunk, at < 0 ? [commit] : trunk.unproven.slice(at), now), soundSince: now };
}

/** The trunk itself was built at `commit`, and failed. */
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

/** The trunk was looked at, and is at `commit`, which needed no build. */
export function trunkUnchanged(trunk: Trunk, commit: GitSha, now: EpochMs): Trunk {
  if (trunk.red?.built === commit) return looked(trunk, now);
  return isVouched(trunk, commit) ? { ...sound(trunk, [commit], now), soundSince: now } : trunk;
}

/** The trunk could not be built, by no fault of any commit. It is tried again after a minute, then after 2, 4, 8 … at most 60. */
export function trunkBrokeDown(trunk: Trunk, now: EpochMs): Trunk {
  const count = (trunk.brokenDown?.count ?? 0) + 1;
  const pause = Math.min(LOOK_EVERY_MS * 2 ** (count - 1), REBUILD_AT_MOST_MS);
  return { ...looked(trunk, now), brokenDown: { count, nextAt: (now + pause) as EpochMs } };
}

const looked = (trunk: Trunk, now: EpochMs): Trunk =>
  trunk.red === undefined ? trunk : { ...trunk, red: { ...trunk.red, lookAt: (now + LOOK_EVERY_MS) as EpochMs } };

/** A change was rejected by a failed build; or a build has passed, which ends the row. */
export const countRejection = (trunk: Trunk): Trunk => ({ ...trunk, rejectedInARow: trunk.rejectedInARow + 1 });
export const endRow = (trunk: Trunk): Trunk => (trunk.rejectedInARow === 0 ? trunk : { ...trunk, rejectedInARow: 0 });

/**
 * The trunk at `commit`, which a build has failed on. When the newest commit has rejected too many changes in a row, no build vouches for
 * it any more: something outside may have broken.
 */
export function doubted(trunk: Trunk, commit: GitSha): Trunk {
  const isNewest = trunk.unproven.length === 0 && trunk.vouched.at(-1) === commit;
  if (!isNewest || trunk.rejectedInARow < DOUBTED_AFTER) return trunk;
  return { ...trunk, vouched: trunk.vouched.slice(0, -1), unproven: [commit] };
}

/** True when the commit may be one that was forgotten, and nothing was pushed past the queue since the build started. */
const mayBeForgotten = ({ keptSince, soundSince }: Trunk, startedAt: EpochMs): boolean =>
  startedAt < (keptSince ?? 0) && startedAt >= (soundSince ?? 0);

/**
 * What a failed build says that started at `startedAt` and was composed on `commit`. evidence: it may count against its batches. unproven:
 * not known before the trunk itself has been built. nothing: the trunk was red, or another commit than any that was judged.
 */
export function failureOn(trunk: Trunk, commit: GitSha, startedAt: EpochMs): "evidence" | "unproven" | "nothing" {
  if (trunk.recoveredAt !== undefined && startedAt < trunk.recoveredAt) return "nothing";
  if (trunk.red !== undefined) return "nothing";
  if (isVouched(trunk, commit) || mayBeForgotten(trunk, startedAt)) return "evidence";
  return trunk.unproven.includes(commit) ? "unproven" : "nothing";
}

/** True when the trunk is red and the build was composed on the red commit or on a newer one: when it passed, its change is a repair. */
export const isOnRed = ({ red, unproven }: Trunk, commit: GitSha, startedAt: EpochMs): boolean =>
  red !== undefined && (startedAt >= red.since || unproven.indexOf(commit) >= Math.max(0, unproven.indexOf(red.built)));

/**
 * The commits that need no build, when a build of the trunk is due. Undefined when none is due. `isAsked`: a failed build waits for a
 * verdict on the trunk.
 */
export function dueBuild(trunk: Trunk, isAsked: boolean, now: EpochMs): readonly GitSha[] | undefined {
  const { build, red, brokenDown, unproven, vouched } = trunk;
  if (build !== undefined || (brokenDown !== undefined && now < brokenDown.nextAt)) return undefined;
  if (red === undefined) return isAsked && unproven.length > 0 ? vouched.slice(-1) : undefined;
  if (unproven.at(-1) !== red.built || now >= red.rebuildAt) return vouched.slice(-1);
  return now >= red.lookAt ? [...vouched.slice(-1), red.built] : undefined;
}
