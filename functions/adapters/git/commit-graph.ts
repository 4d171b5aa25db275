import type { GitSha } from "../../contracts/ids.ts";
import type { OpenedDirectory } from "./bare-repository.ts";
import type { Repository } from "./repository.ts";

/** The commits that some tips have and the trunk has not: each with its parents, the first one first. */
export type Graph = ReadonlyMap<GitSha, readonly GitSha[]>;

/** What this process has read of the history of one directory. It stays right, because a commit's history never changes. */
interface Known {
  /** The graphs, by trunk and tips. */
  readonly graphs: Map<string, Promise<Graph>>;
  /** The trunk of the last graph that was read above a trunk, by tips. */
  readonly trunks: Map<string, GitSha>;
}

const histories = new WeakMap<OpenedDirectory, Known>();
/** How many graphs are kept, and of how many commits: together some 20 MB at most. A larger graph is read each time. */
const MAX_KEPT = 1_000;
const MAX_COMMITS = 200;

/**
 * The commits that the tips have and the trunk has not. Nothing is read when this process has read the graph of the same trunk and tips before.
 * When it has read that of the same tips above an earlier trunk, one git process lists what the trunk has got since, once for all tips. Else
 * costs as `readGraph`. Example: the trunk is T, and a branch left it with commits A ← B. graphAbove(T, [B]) is {A: [T], B: [A]}.
 */
export function graphAbove(repository: Repository, trunk: GitSha, tips: readonly GitSha[]): Promise<Graph> {
  const known = histories.get(repository.opened) ?? { graphs: new Map(), trunks: new Map() };
  histories.set(repository.opened, known);
  const above = [...new Set(tips)].sort().join(" ");
  const earlier = known.trunks.get(above);
  const before = earlier === undefined ? undefined : known.graphs.get(`${earlier} ${above}`);
  keep(known.trunks, above, trunk);
  return once(known, `${trunk} ${above}`, async () => {
    if (earlier === undefined || before === undefined) return readGraph(repository, trunk, tips);
    const since = await once(known, `${earlier} ${trunk}`, () => readGraph(repository, earlier, [trunk]));
    return aboveMoved(await before, earlier, since) ?? readGraph(repository, trunk, tips);
  });
}

/**
 * The graph of the same tips above a trunk that has moved, from `graph`, the one above `trunk` before the move, and the commits that the trunk
 * has got `since`. Undefined when the trunk was not moved forward, so that it may lack commits that it had.
 *
 * Example: T is the trunk, and {A: [T], B: [A]} the graph above T. The trunk gets A and then X. Above X is {B: [A]}.
 */
function aboveMoved(graph: Graph, trunk: GitSha, since: Graph): Graph | undefined {
  if (![...since.values()].some((parents) => parents.includes(trunk))) return undefined;
  return new Map([...graph].filter(([sha]) => !since.has(sha)));
}

function once({ graphs }: Known, key: string, read: () => Promise<Graph>): Promise<Graph> {
  const before = graphs.get(key);
  if (before) return before;
  const reading = read();
  keep(graphs, key, reading);
  reading.then(
    ({ size }) => size > MAX_COMMITS && graphs.delete(key),
    () => graphs.delete(key),
  );
  return reading;
}

/** Sets an entry, and drops the oldest when there are too many. */
function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.delete(key);
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
}

/**
 * The commits that the tips have and the trunk has not. The trunk and all tips must be commits of this repository. Two git processes for any
 * number of tips; one when every lowest commit is a child of the trunk's commit.
 *
 * `git rev-list` decides by the dates of commits where to stop. When a commit of the trunk is dated before its parents, `git rev-list` may list
 * commits of the trunk. So `git merge-base`, which does not go by dates, is asked whether the lowest listed commits are on the trunk. When one
 * is, the whole history is read (8 MB for 100,000 commits).
 */
async function readGraph(repository: Repository, trunk: GitSha, tips: readonly GitSha[]): Promise<Graph> {
  if (tips.length === 0) return new Map();
  const graph = await listed(repository, [...new Set(tips), `^${trunk}`]);
  const lowest = [...graph].filter(([, parents]) => !parents.some((parent) => graph.has(parent))).map(([sha]) => sha);
  // A child of the trunk's commit is not on the trunk.
  if (lowest.every((sha) => graph.get(sha)?.includes(trunk))) return graph;
  const independent = await repository.run(["merge-base", "--independent", trunk, ...lowest]);
  const above = new Set(independent.split("\n"));
  if (lowest.every((sha) => above.has(sha))) return graph;
  const everything = await listed(repository, [...new Set(tips), trunk]);
  const onTrunk = reachedFrom(everything, trunk);
  return new Map([...everything].filter(([sha]) => !onTrunk.has(sha)));
}

async function listed(repository: Repository, names: readonly string[]): Promise<Graph> {
  const input = `${names.join("\n")}\n`;
  const lines = (await repository.run(["rev-list", "--parents", "--stdin"], { input })).split("\n");
  return new Map(
    lines
      .filter((line) => line !== "")
      .map((line) => {
        const [sha, ...parents] = line.split(" ") as GitSha[];
        return [sha as GitSha, parents] as const;
      }),
  );
}

function reachedFrom(graph: Graph, tip: GitSha): ReadonlySet<GitSha> {
  const reached = new Set([tip]);
  for (const sha of reached) for (const parent of graph.get(sha) ?? []) reached.add(parent);
  return reached;
}

/**
 * The commits from `tip` down to `until` along first parents, oldest first: `tip` is included, `until` is not. Ends at a commit of the trunk
 * when `until` does not come before. Example: T ← A ← B with T on the trunk. lineOf(graph, B, T) is [A, B].
 */
export function lineOf(graph: Graph, tip: GitSha, until: GitSha): readonly GitSha[] {
  const line: GitSha[] = [];
  for (let at: GitSha | undefined = tip; at !== undefined && at !== until && graph.has(at); at = graph.get(at)?.[0])
    line.push(at);
  return line.reverse();
}

/** The commits of one change: what it adds to the trunk and to the changes ahead of it. */
export interface Range {
  /** Parents before children, in an order that depends on nothing but these commits. */
  readonly commits: readonly GitSha[];
  /**
   * The parents of the change's commits that are not commits of the change: where the change left the trunk, or the change below it. Empty
   * for a change with commits whose history is unrelated to the trunk's.
   */
  readonly boundary: ReadonlySet<GitSha>;
  /** True when the change is made on top of a change ahead of it, and not on the trunk alone. */
  readonly stacked: boolean;
}

/**
 * Divides the commits of a graph among changes. Each commit belongs to the first change that is asked about and has the commit. Example: a
 * stack of two changes with the tips A and B, T ← A ← B. The range of the first change is [A], and then the range of the second one is [B].
 */
export class Ranges {
  readonly #graph: Graph;
  readonly #taken = new Set<GitSha>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  take(tip: GitSha): Range {
    const commits: GitSha[] = [];
    const boundary = new Set<GitSha>();
    const own = new Set<GitSha>();
    const isFree = (sha: GitSha) => this.#graph.has(sha) && !this.#taken.has(sha);
    // Depth first with a stack of its own: a history may be deeper than JavaScript's.
    const open: { readonly sha: GitSha; readonly parents: readonly GitSha[]; next: number }[] = [];
    const enter = (sha: GitSha) => {
      own.add(sha);
      open.push({ sha, parents: this.#graph.get(sha) ?? [], next: 0 });
    };
    if (isFree(tip)) enter(tip);
    for (let at = open.at(-1); at; at = open.at(-1)) {
      const parent = at.parents[at.next++];
      if (parent === undefined) commits.push((open.pop() ?? at).sha);
      else if (!isFree(parent)) boundary.add(parent);
      else if (!own.has(parent)) enter(parent);
    }
    const stacked = [...boundary].some((sha) => this.#taken.has(sha));
    for (const sha of own) this.#taken.add(sha);
    return { commits, boundary, stacked };
  }
}
