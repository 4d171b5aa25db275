import { lineOf, type Range, Ranges } from "../adapters/git/commit-graph.ts";
import { type Commit, type Made, makeCommit, parseCommit, writeObjects } from "../adapters/git/commits.ts";
import { type PinnedChange, pinned } from "../adapters/git/pinned-changes.ts";
import type { Repository } from "../adapters/git/repository.ts";
import { CodedError } from "../contracts/errors.ts";
import { hashOf } from "../contracts/hash.ts";
import type { GitSha, Sqid } from "../contracts/ids.ts";
import type { MergeUnit } from "../contracts/messages/merge-unit.ts";
import type { Committer, QueueConfig } from "../contracts/queues.ts";
import type { MergeStrategy } from "../contracts/strategy.ts";
import { type Placement, recalled, remember } from "./compose-cache.ts";
import { notBefore, secondsOf } from "./dates.ts";
import type { RemoteSnapshot } from "./remote-snapshot.ts";
import type { Tip } from "./tip.ts";

/** A change with its range: the commits that it adds to the trunk and to the changes ahead of it. */
export interface PlacedChange extends PinnedChange {
  readonly sqid: Sqid;
  readonly strategy: MergeStrategy;
  readonly range: Range;
  /** What a squash of the change says. Undefined: its commits say it. */
  readonly said: string | undefined;
}

/** What was read before a composition begins. */
interface ReadCommits {
  readonly snapshot: RemoteSnapshot;
  readonly placed: ReadonlyMap<MergeUnit, readonly PlacedChange[]>;
  /** The commits of the changes, their parents, and the trunk's commit. */
  readonly commits: ReadonlyMap<GitSha, Commit>;
}

/** One composition in progress: the commits and changes that were read, and the new objects, which `flush` writes to the repository. */
export class Composer {
  readonly repository: Repository;
  readonly branch: string;
  readonly committer: Committer;
  readonly trunk: Tip;
  readonly trunkRef: string;
  readonly #snapshot: RemoteSnapshot;
  readonly #placed: ReadonlyMap<MergeUnit, readonly PlacedChange[]>;
  readonly #commits: ReadonlyMap<GitSha, Commit>;
  #unwritten: Made[] = [];
  #unremembered: (readonly [key: string, placement: Placement])[] = [];

  constructor(repository: Repository, { repository: { branch }, committer }: QueueConfig, read: ReadCommits) {
    const { snapshot, placed, commits } = read;
    this.repository = repository;
    this.branch = branch;
    this.trunkRef = repository.trunkRef;
    this.committer = committer;
    this.#snapshot = snapshot;
    this.#placed = placed;
    this.#commits = commits;
    this.trunk = this.tipAt(snapshot.trunk);
  }

  changesOf(unit: MergeUnit): readonly PlacedChange[] {
    return this.#placed.get(unit) ?? [];
  }

  /** A commit that is one of the units' commits, or a parent of one. Throws when it was not read. */
  commit(sha: GitSha): Commit {
    const commit = this.#commits.get(sha);
    if (!commit) throw new CodedError("repository.failed", `commit ${sha} was not read: its history is incomplete`);
    return commit;
  }

  isAboveTrunk(sha: GitSha): boolean {
    return this.#snapshot.graph.has(sha);
  }

  /** The commits from `tip` down to `until` along first parents (`lineOf`). */
  line(tip: GitSha, until: GitSha): readonly GitSha[] {
    return lineOf(this.#snapshot.graph, tip, until);
  }

  /** A commit that is one of the units' commits, or a parent of one, as a tip. Throws when it was not read. */
  tipAt(sha: GitSha): Tip {
    const { tree, committer } = this.commit(sha);
    return { sha, tree, committedAt: secondsOf(committer) };
  }

  /** Makes a commit of the result, signed where the queue signs. Its date is never earlier than its parents' dates. */
  async commitOn(parents: readonly Tip[], commit: Omit<Commit, "sha" | "parents">): Promise<Tip> {
    const committer = notBefore(commit.committer, Math.max(...parents.map(({ committedAt }) => committedAt)));
    const committedAt = secondsOf(committer);
    const whole = { ...commit, committer, parents: parents.map((parent) => parent.sha) };
    const unsigned = makeCommit(whole);
    const signature = await this.repository.signer?.sign(unsigned.body, committedAt);
    const sha = this.add(signature === undefined ? unsigned : makeCommit(whole, signature));
    return { sha, tree: commit.tree, committedAt };
  }

  /** Makes a commit that is no part of the result: its parents only determine the base of a merge. */
  scaffold(tree: GitSha, parents: readonly GitSha[]): GitSha {
    const scaffold = "scaffold <scaffold@localhost.invalid> 0 +0000";
    return this.add(makeCommit({ tree, parents, author: scaffold, committer: scaffold, message: "scaffold\n" }));
  }

  /** Adds an object, such as a record, which is written with the commits. */
  add(made: Made): GitSha {
    this.#unwritten.push(made);
    return made.sha;
  }

  /** The tip after the change was applied to this tip. Undefined when this process has not applied the change to this tip before. */
  recall(tip: Tip, change: PlacedChange): Placement | undefined {
    return recalled(this.repository.opened, this.#cacheKey(tip, change));
  }

  remember(tip: Tip, change: PlacedChange, placement: Placement): void {
    this.#unremembered.push([this.#cacheKey(tip, change), placement]);
  }

  /** A text of everything that determines the result of applying a change to a tip. */
  #cacheKey(tip: Tip, { uri, sqid, strategy, range, said = "" }: PlacedChange): string {
    const { name, email } = this.committer;
    const decides = [
      this.repository.signer?.id ?? "unsigned",
      tip.sha,
      this.branch,
      name,
      email,
      sqid,
      uri,
      strategy,
      said,
    ];
    return hashOf(...decides, ...range.commits, "from", ...range.boundary);
  }

  /** Writes the new objects. Until then git can neither merge nor push them. */
  async flush(): Promise<void> {
    const [objects, placements] = [this.#unwritten, this.#unremembered];
    this.#unwritten = [];
    this.#unremembered = [];
    await writeObjects(this.repository, objects);
    for (const [key, placement] of placements) remember(this.repository.opened, key, placement);
  }
}

/**
 * The composer for applying `units` in order. `landed` units are on the trunk: their commits count as theirs, and not as commits of a later
 * unit, but are not applied. One git process when the snapshot lacks a commit, none otherwise.
 */
export async function composerFor(
  repository: Repository,
  config: QueueConfig,
  snapshot: RemoteSnapshot,
  { landed, units }: { landed: readonly MergeUnit[]; units: readonly MergeUnit[] },
): Promise<Composer> {
  const ranges = new Ranges(snapshot.graph);
  for (const unit of landed) place(unit, ranges);
  const placed = new Map(units.map((unit) => [unit, place(unit, ranges)] as const));
  const seen = new Map([...snapshot.seen.values()].map((object) => [object.sha, object]));
  const names = new Set([snapshot.trunk, ...[...placed.values()].flat().flatMap(commitsToRead)]);
  const objects = await repository.opened.objects.readAll([...names].filter((sha) => !seen.has(sha)));
  const known = [...seen.values(), ...objects.values()].filter(({ type }) => type === "commit");
  const commits = new Map(known.map((object) => [object.sha, parseCommit(object)]));
  return new Composer(repository, config, { snapshot, placed, commits });
}

const place = (unit: MergeUnit, ranges: Ranges): readonly PlacedChange[] =>
  unit.steps.flatMap(({ changes, strategy, sqid, messages }) =>
    changes.flatMap((uri, index) => {
      const change = pinned(uri);
      return change
        ? [{ ...change, strategy, sqid, range: ranges.take(change.sha), said: messages?.[index] || undefined }]
        : [];
    }),
  );

const commitsToRead = ({ sha, strategy, range }: PlacedChange): readonly GitSha[] =>
  strategy === "PROMOTE" ? [sha, ...range.boundary] : [sha, ...range.commits, ...range.boundary];
