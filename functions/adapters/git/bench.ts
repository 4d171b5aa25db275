import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import type { GitSha, Sqid } from "../../contracts/ids.ts";
import type { MergeUnit } from "../../contracts/messages.ts";
import type { Committer, QueueConfig } from "../../contracts/queues.ts";
import type { MergeStrategy } from "../../contracts/strategy.ts";
import { type Commit, type Made, makeCommit, parseCommit, writeObjects } from "./commits.ts";
import { notBefore, secondsOf } from "./dates.ts";
import { type PinnedChange, pinned } from "./ensure.ts";
import { lineOf, type Range, Ranges } from "./history.ts";
import { type Placement, recalled, remember } from "./memo.ts";
import { readObjects } from "./objects.ts";
import type { Repository } from "./repository.ts";
import type { Tip } from "./tip.ts";
import type { World } from "./world.ts";

/** A change with its place: which commits are its own, given all that goes ahead of it. */
export interface PlacedChange extends PinnedChange {
  readonly sqid: Sqid;
  readonly strategy: MergeStrategy;
  readonly range: Range;
}

/** The workplace of one composition: what was read, and what was made and not yet written. */
export class Bench {
  readonly repository: Repository;
  readonly branch: string;
  readonly committer: Committer;
  readonly trunk: Tip;
  readonly trunkRef: string;
  readonly #world: World;
  readonly #placed: ReadonlyMap<MergeUnit, readonly PlacedChange[]>;
  readonly #commits: ReadonlyMap<GitSha, Commit>;
  #unwritten: Made[] = [];
  #unremembered: (readonly [key: string, placement: Placement])[] = [];

  constructor(
    repository: Repository,
    { repository: { branch }, committer }: QueueConfig,
    world: World,
    placed: ReadonlyMap<MergeUnit, readonly PlacedChange[]>,
    commits: ReadonlyMap<GitSha, Commit>,
  ) {
    this.repository = repository;
    this.branch = branch;
    this.trunkRef = repository.trunkRef;
    this.committer = committer;
    this.#world = world;
    this.#placed = placed;
    this.#commits = commits;
    this.trunk = this.tipAt(world.trunk);
  }

  changesOf(unit: MergeUnit): readonly PlacedChange[] {
    return this.#placed.get(unit) ?? [];
  }

  /** A commit of the units, or one that they were made from. */
  commit(sha: GitSha): Commit {
    const commit = this.#commits.get(sha);
    if (!commit) throw new CodedError("repository.failed", `commit ${sha} was not read: its history is incomplete`);
    return commit;
  }

  isAboveTrunk(sha: GitSha): boolean {
    return this.#world.graph.has(sha);
  }

  /** The commits on the line from one commit to another, as lineOf. */
  line(tip: GitSha, until: GitSha): readonly GitSha[] {
    return lineOf(this.#world.graph, tip, until);
  }

  /** A commit of the units, or one that they were made from, as a tip. */
  tipAt(sha: GitSha): Tip {
    const { tree, committer } = this.commit(sha);
    return { sha, tree, committedAt: secondsOf(committer) };
  }

  /** A commit that is to stay. It is never dated earlier than its parents. */
  commitOn(parents: readonly Tip[], commit: Omit<Commit, "sha" | "parents">): Tip {
    const committer = notBefore(commit.committer, Math.max(...parents.map(({ committedAt }) => committedAt)));
    const sha = this.add(makeCommit({ ...commit, committer, parents: parents.map((parent) => parent.sha) }));
    return { sha, tree: commit.tree, committedAt: secondsOf(committer) };
  }

  /** A commit for the sake of its parents, which tell a merge what its base is. */
  scaffold(tree: GitSha, parents: readonly GitSha[]): GitSha {
    const nobody = "scaffold <scaffold@localhost.invalid> 0 +0000";
    return this.add(makeCommit({ tree, parents, author: nobody, committer: nobody, message: "scaffold\n" }));
  }

  /** A record, to be written with the commits. */
  add(made: Made): GitSha {
    this.#unwritten.push(made);
    return made.sha;
  }

  /** Where the change took this tip before, if anybody in this process has worked it out. */
  recall(tip: Tip, change: PlacedChange): Placement | undefined {
    return recalled(this.repository.directory, this.#memoKey(tip, change));
  }

  remember(tip: Tip, change: PlacedChange, placement: Placement): void {
    this.#unremembered.push([this.#memoKey(tip, change), placement]);
  }

  /** Everything that decides where a change takes a tip. */
  #memoKey(tip: Tip, { uri, sqid, strategy, range }: PlacedChange): string {
    const { name, email } = this.committer;
    const decides = [tip.sha, this.branch, name, email, sqid, uri, strategy];
    return hashOf(...decides, ...range.commits, "from", ...range.boundary);
  }

  /** Writes what was made, in one process for each kind. Nothing made here can be merged or pushed before. */
  async flush(): Promise<void> {
    const [objects, placements] = [this.#unwritten, this.#unremembered];
    this.#unwritten = [];
    this.#unremembered = [];
    await writeObjects(this.repository, objects);
    for (const [key, placement] of placements) remember(this.repository.directory, key, placement);
  }
}

/** Sets a bench for applying `units` in order. `landed` units are on the trunk: theirs is taken, and nothing is applied. One git process when a commit was not seen. */
export async function setBench(
  repository: Repository,
  config: QueueConfig,
  world: World,
  { landed, units }: { landed: readonly MergeUnit[]; units: readonly MergeUnit[] },
): Promise<Bench> {
  const ranges = new Ranges(world.graph);
  for (const unit of landed) place(unit, ranges);
  const placed = new Map(units.map((unit) => [unit, place(unit, ranges)] as const));
  const seen = new Map([...world.seen.values()].map((object) => [object.sha, object]));
  const names = new Set([world.trunk, ...[...placed.values()].flat().flatMap(commitsToRead)]);
  const objects = await readObjects(
    repository,
    [...names].filter((sha) => !seen.has(sha)),
  );
  const known = [...seen.values(), ...objects.values()].filter(({ type }) => type === "commit");
  const commits = new Map(known.map((object) => [object.sha, parseCommit(object)]));
  return new Bench(repository, config, world, placed, commits);
}

const place = (unit: MergeUnit, ranges: Ranges): readonly PlacedChange[] =>
  unit.steps.flatMap(({ changes, strategy, sqid }) =>
    changes.flatMap((uri) => {
      const change = pinned(uri);
      return change ? [{ ...change, strategy, sqid, range: ranges.take(change.sha) }] : [];
    }),
  );

const commitsToRead = ({ sha, strategy, range }: PlacedChange): readonly GitSha[] =>
  strategy === "PROMOTE" ? [sha, ...range.boundary] : [sha, ...range.commits, ...range.boundary];
