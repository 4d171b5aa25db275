import { push, type RefUpdate } from "../adapters/git/push.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { HeadBranches, Movable } from "../adapters/github/head-branches.ts";
import { movedRef } from "../contracts/build-refs.ts";
import { type ChangeUri, changeOf } from "../contracts/change-uri.ts";
import type { CodedError } from "../contracts/errors.ts";
import type { BatchId, GitSha } from "../contracts/ids.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { AppliedUnit } from "./applied.ts";
import type { Composer } from "./composer.ts";
import type { HeadMoveNow, LandingHistory } from "./landing-history.ts";
import type { Stamp } from "./landing-records.ts";
import { movedRecord } from "./moved-heads.ts";

/** A change that is about to land: `to` is the commit that it lands as, or `from` when its own commit lands. */
export interface Landing {
  readonly batchId: BatchId;
  readonly uri: ChangeUri;
  readonly from: GitSha;
  readonly to: GitSha;
}

/**
 * The changes of a batch that was applied, with the commits that they land as. A change that adds no commit, or whose commit is not known,
 * is in `unmoved`.
 */
export function landingsOf(
  composer: Composer,
  unit: MergeUnit,
  { tip, idle, ends }: Extract<AppliedUnit, { kind: "applied" }>,
): { readonly landings: readonly Landing[]; readonly unmoved: Unmoved } {
  const landings: Landing[] = [];
  const unmoved = new Map<ChangeUri, string>();
  const changes = composer.changesOf(unit);
  for (const { uri, sha, strategy } of changes) {
    const end = ends.get(uri) ?? (changes.length === 1 ? tip.sha : undefined);
    const isKept = strategy === "MERGE" || strategy === "PROMOTE";
    if (idle.includes(uri)) unmoved.set(uri, "it added no commit");
    else if (end === undefined) unmoved.set(uri, "which commit it lands as is not known");
    else landings.push({ batchId: unit.batchId, uri, from: sha, to: isKept ? sha : end });
  }
  return { landings, unmoved };
}

/** Why the head branch of a change was not moved. The GitHub App closes such a pull request, where the App is installed. */
export type Unmoved = ReadonlyMap<ChangeUri, string>;

/** moved: each head branch was moved, or is in `unmoved`. */
export type HeadsMoved =
  | { readonly kind: "moved"; readonly moves: readonly HeadMoveNow[]; readonly unmoved: Unmoved }
  /** Which head branches were moved is not known: the remote has to be read again. */
  | { readonly kind: "failed"; readonly error: CodedError };

interface Moving {
  readonly repository: Repository;
  readonly composer: Composer;
  readonly history: LandingHistory;
  readonly heads: HeadBranches;
  readonly stamp: Stamp;
}

/**
 * Moves the head branches of changes to the commits that they land as, each only while the branch holds what is to land. A record goes ahead
 * of each move. Pull requests that are based on the branches are based on the trunk first, and so are those of the changes: GitHub marks a
 * pull request as merged when a push to its base brings its head. A branch that may not be moved, or that the host does not let the queue
 * move, stays. None, one or two pushes; one more for each branch that the host declines. Throws as HeadBranches does.
 */
export async function moveHeads(moving: Moving, landings: readonly Landing[]): Promise<HeadsMoved> {
  const unmoved = new Map<ChangeUri, string>();
  const planned = await plan(moving, landings, unmoved);
  const failed = (await announce(moving, planned, unmoved)) ?? (await carryOut(moving, planned, unmoved));
  if (failed !== undefined) return { kind: "failed", error: failed };
  return { kind: "moved", moves: recordsAfter(moving.history.moves, planned, unmoved), unmoved };
}

interface Planned extends HeadMoveNow {
  /** The moves that earlier tries of the landing have begun, each with its record. */
  readonly begun: readonly HeadMoveNow[];
  /** True when the record of this very move is on the remote. */
  isRecorded: boolean;
}

/** The moves to make. What an earlier try was allowed to move, this one may move: GitHub is asked about other changes alone. */
async function plan(
  { heads, history }: Moving,
  landings: readonly Landing[],
  unmoved: Map<ChangeUri, string>,
): Promise<readonly Planned[]> {
  const begunOf = ({ uri }: Landing) => history.moves.filter((move) => move.uri === uri);
  const fresh = landings.filter((landing) => begunOf(landing).length === 0);
  const asked: ReadonlyMap<ChangeUri, Movable> =
    fresh.length === 0 ? new Map() : await heads.movable(fresh.map(({ uri }) => uri));
  const based = new Set<number>();
  return landings.flatMap((landing): Planned[] => {
    const { uri, from, to } = landing;
    const begun = begunOf(landing);
    const found = begun.find(({ bases }) => bases.length > 0) ?? begun[0] ?? placeIn(asked.get(uri), from);
    if ("why" in found) unmoved.set(uri, found.why);
    else if (![from, to, ...begun.map((move) => move.to)].includes(found.at ?? from))
      unmoved.set(uri, `the branch ${found.branch} was pushed to`);
    else {
      const bases = found.bases.filter(({ pull }) => !based.has(pull));
      for (const { pull } of bases) based.add(pull);
      const isRecorded = begun.some((move) => move.to === to);
      const { branch, at } = found;
      return to === from && bases.length === 0 ? [] : [{ ...landing, branch, bases, at, begun, isRecorded }];
    }
    return [];
  });
}

type Place = Pick<HeadMoveNow, "branch" | "bases" | "at">;

function placeIn(found: Movable | undefined, from: GitSha): Place | { readonly why: string } {
  if (found?.kind === "movable") return { branch: found.branch, bases: [...found.bases], at: from };
  return { why: found?.why ?? "GitHub does not say whether its branch may be moved" };
}

/**
 * Bases pull requests on the trunk, of branches that were not moved yet. The records are pushed before that. A branch stays when the pull
 * request itself keeps its base: GitHub would not mark the pull request as merged.
 */
async function announce(moving: Moving, planned: readonly Planned[], unmoved: Map<ChangeUri, string>) {
  const unbased = planned.filter(({ bases, at, from }) => bases.length > 0 && at === from);
  const unrecorded = unbased.filter(({ isRecorded }) => !isRecorded);
  const failed = await pushAll(moving, unrecorded, unmoved, (move) => [recordOf(moving, move)]);
  if (failed !== undefined) return failed;
  for (const move of unbased.filter(({ uri }) => !unmoved.has(uri))) {
    move.isRecorded = true;
    const left = await moving.heads.retarget(move.bases);
    const change = changeOf(move.uri);
    const why = change.scheme === "github" ? left.get(change.pull) : undefined;
    if (why !== undefined) unmoved.set(move.uri, `it could not be based on the trunk: ${why}`);
  }
  return undefined;
}

/** Pushes the branches, with the records that are not on the remote yet. */
const carryOut = (moving: Moving, planned: readonly Planned[], unmoved: Map<ChangeUri, string>) =>
  pushAll(moving, planned, unmoved, (move) => {
    const { branch, at, to, begun, isRecorded } = move;
    const outdated = begun.flatMap((earlier) => (earlier.to === to ? [] : [dropped(earlier.to)]));
    const moves = at === to ? [] : [{ ref: `refs/heads/${branch}`, to, mode: { was: at } }];
    return [...moves, ...(isRecorded ? [] : [recordOf(moving, move)]), ...outdated];
  });

/**
 * Pushes the updates of moves, all or none. A move that the host declines is left out, and the rest is pushed. A host that declines all of
 * several does not say which of them it means: then each is pushed by itself.
 */
async function pushAll(
  moving: Moving,
  planned: readonly Planned[],
  unmoved: Map<ChangeUri, string>,
  updatesOf: (move: Planned) => readonly RefUpdate[],
): Promise<CodedError | undefined> {
  const { repository, composer } = moving;
  const perMove = planned.map((move) => ({ move, updates: updatesOf(move) }));
  for (;;) {
    const left = perMove.filter(({ move, updates }) => !unmoved.has(move.uri) && updates.length > 0);
    if (left.length === 0) return undefined;
    await composer.flush();
    const pushed = await push(
      repository,
      left.flatMap(({ updates }) => updates),
    );
    if (pushed.kind === "pushed") return undefined;
    if (pushed.kind === "failed") return pushed.error;
    const { refs, text } = pushed.words;
    const declined = left.filter(({ updates }) => updates.some(({ ref }) => refs.includes(ref)));
    if (left.length > 1 && (declined.length === 0 || declined.length === left.length)) {
      for (const { move } of left) {
        const failed = await pushAll(moving, [move], unmoved, updatesOf);
        if (failed !== undefined) return failed;
      }
      return undefined;
    }
    for (const { move } of declined.length === 0 ? left : declined)
      unmoved.set(move.uri, `the host declines to move ${move.branch}: ${text}`);
  }
}

function recordOf({ composer, history, stamp }: Moving, move: HeadMoveNow): RefUpdate {
  const to = composer.add(movedRecord(history.keeper, move, stamp));
  return { ref: movedRef(move.to), to, mode: { was: undefined } };
}

const dropped = (to: GitSha): RefUpdate => ({ ref: movedRef(to), to: undefined, mode: "always" });

/** The moves of which a record is on the remote now. */
function recordsAfter(
  before: readonly HeadMoveNow[],
  planned: readonly Planned[],
  unmoved: Unmoved,
): readonly HeadMoveNow[] {
  const made = planned.flatMap(({ begun, isRecorded, ...move }): readonly HeadMoveNow[] => {
    if (!unmoved.has(move.uri)) return [{ ...move, at: move.to }];
    return isRecorded && !begun.some(({ to }) => to === move.to) ? [...begun, move] : begun;
  });
  return [...before.filter(({ uri }) => !planned.some((move) => move.uri === uri)), ...made];
}

/**
 * What becomes of moves in a push. over: their changes land, so their records are deleted. undone: their changes do not land, or land without
 * their head branch.
 */
export function settled(
  { moves, unmoved }: Pick<Extract<HeadsMoved, { kind: "moved" }>, "moves" | "unmoved">,
  fateOf: (batchId: BatchId) => "lands" | "stays" | "open",
): { readonly over: readonly HeadMoveNow[]; readonly undone: readonly HeadMoveNow[] } {
  const isLeft = ({ uri, at, from }: HeadMoveNow) => unmoved.has(uri) && at !== from;
  const landing = moves.filter(({ batchId }) => fateOf(batchId) === "lands");
  const staying = moves.filter(({ batchId }) => fateOf(batchId) === "stays");
  const left = landing.filter(isLeft).map((move) => ({ ...move, bases: [] }));
  return { over: landing.filter((move) => !isLeft(move)), undone: [...staying, ...left] };
}

/** The updates that delete the records of moves, in the push of the trunk. */
export const finished = (moves: readonly HeadMoveNow[]): readonly RefUpdate[] => moves.map(({ to }) => dropped(to));

/**
 * Undoes moves whose changes do not land: pull requests get their bases back, and branches that hold what the landing put there get their
 * commits back. A branch that was pushed to since is left. One push, more when the host declines. Throws repository.unavailable, and as
 * HeadBranches does.
 */
export async function undoMoves(
  repository: Repository,
  heads: HeadBranches | undefined,
  moves: readonly HeadMoveNow[],
): Promise<void> {
  for (const { bases } of moves) if (bases.length > 0) await heads?.restore(bases);
  const updates = moves.flatMap(({ branch, from, to, at }): RefUpdate[] => [
    ...(at === to && at !== from ? [{ ref: `refs/heads/${branch}`, to: from, mode: { was: at } }] : []),
    dropped(to),
  ]);
  for (let left = updates; left.length > 0; ) {
    const pushed = await push(repository, left);
    if (pushed.kind === "pushed") return;
    if (pushed.kind === "failed") throw pushed.error;
    const { refs } = pushed.words;
    const allowed = left.filter(({ ref }) => !refs.includes(ref));
    if (allowed.length === left.length) return;
    left = allowed;
  }
}
