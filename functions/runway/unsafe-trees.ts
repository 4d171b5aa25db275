import type { Graph } from "../adapters/git/commit-graph.ts";
import { readable } from "../adapters/git/encodings.ts";
import type { Repository } from "../adapters/git/repository.ts";
import type { GitSha } from "../contracts/ids.ts";
import { faultOfModule, faultOfName, isModulesFile } from "./unsafe-names.ts";

/** An entry of a tree that no commit may bring onto the trunk. */
export interface Unsafe {
  readonly commit: GitSha;
  /** The path of the entry, for people. */
  readonly path: string;
  readonly why: string;
}

interface Entry {
  readonly mode: string;
  /** The name as bytes: one latin1 character per byte. */
  readonly name: string;
  readonly sha: GitSha;
}

interface Found {
  readonly path: string;
  readonly why: string;
}

const TREE = "40000";
const NO_SHA = "0".repeat(40);
const KEPT_TREES = 2_000;

/**
 * The first entry that git refuses to check out, in the tree of any of the commits: also one that a later commit removes. Only entries that a
 * commit adds to its parents are looked at, so entries that the trunk has already are accepted. `commits`: parents before children. One git
 * process for each .gitmodules that a commit adds.
 */
export async function unsafeIn(
  repository: Repository,
  graph: Graph,
  commits: readonly GitSha[],
): Promise<Unsafe | undefined> {
  if (commits.length === 0) return undefined;
  const walk = new Walk(repository);
  for (const commit of commits) {
    const found = await walk.added(commit, graph.get(commit) ?? []);
    if (found) return { commit, why: found.why, path: readable(found.path, undefined) };
  }
  return undefined;
}

/** Looks at each tree and each .gitmodules once, at the first path that leads to it. */
class Walk {
  readonly #repository: Repository;
  readonly #judged = new Set<string>();
  readonly #parsed = new Map<GitSha, readonly Entry[] | undefined>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  async added(commit: GitSha, parents: readonly GitSha[]): Promise<Found | undefined> {
    const before: GitSha[] = [];
    for (const parent of parents) before.push(await this.#treeOf(parent));
    return this.#addedTree(await this.#treeOf(commit), before, "");
  }

  async #treeOf(commit: GitSha): Promise<GitSha> {
    const object = await this.#repository.opened.objects.read(commit);
    return (object?.body.toString("latin1", 5, 45) ?? "") as GitSha;
  }

  async #addedTree(tree: GitSha, before: readonly GitSha[], path: string): Promise<Found | undefined> {
    if (before.includes(tree) || this.#judged.has(tree)) return undefined;
    this.#judged.add(tree);
    const entries = await this.#entriesOf(tree);
    if (entries === undefined) return { path: path || ".", why: "it is no tree that can be read" };
    const old: (readonly Entry[])[] = [];
    for (const one of before) old.push((await this.#entriesOf(one)) ?? []);
    const disorder = disorderIn(entries);
    if (disorder !== undefined && !old.some((one) => disorderIn(one) !== undefined))
      return { path: path + disorder, why: "its directory is out of order, or holds that name twice" };
    const known = new Set(old.flat().map(({ mode, name, sha }) => `${mode} ${sha} ${name}`));
    for (const entry of entries) {
      if (known.has(`${entry.mode} ${entry.sha} ${entry.name}`)) continue;
      const subtrees = old.flat().filter(({ mode, name }) => mode === TREE && name === entry.name);
      const found = await this.#addedEntry(
        entry,
        path,
        subtrees.map(({ sha }) => sha),
      );
      if (found) return found;
    }
    return undefined;
  }

  async #addedEntry(entry: Entry, directory: string, before: readonly GitSha[]): Promise<Found | undefined> {
    const { mode, name, sha } = entry;
    const path = directory + name;
    const why = faultOfName(name);
    if (why !== undefined) return { path, why };
    if (sha === NO_SHA) return { path, why: "it names no object" };
    if (isModulesFile(name)) return this.#modules(entry, path);
    return mode === TREE ? this.#addedTree(sha, before, `${path}/`) : undefined;
  }

  /**
   * The first setting of a .gitmodules that git refuses. git parses the file, because its rules of quoting are complex. A file that git can't
   * parse is accepted, since git ignores it.
   */
  async #modules({ mode, sha }: Entry, path: string): Promise<Found | undefined> {
    if (!mode.startsWith("100")) return { path, why: "the file that configures submodules is no plain file" };
    if (this.#judged.has(sha)) return undefined;
    this.#judged.add(sha);
    const { stdout } = await this.#repository.git(["config", "--blob", sha, "--null", "--list"]);
    for (const line of stdout.toString("latin1").split("\0")) {
      const end = line.indexOf("\n");
      const why = end < 0 ? undefined : faultOfModule(line.slice(0, end), line.slice(end + 1));
      if (why !== undefined) return { path, why: readable(why, undefined) };
    }
    return undefined;
  }

  async #entriesOf(tree: GitSha): Promise<readonly Entry[] | undefined> {
    if (this.#parsed.has(tree)) return this.#parsed.get(tree);
    const object = await this.#repository.opened.objects.read(tree);
    const entries = object?.type === "tree" ? entriesIn(object.body) : undefined;
    if (this.#parsed.size >= KEPT_TREES) this.#parsed.clear();
    this.#parsed.set(tree, entries);
    return entries;
  }
}

/** The entries of a tree: `<mode> <name>NUL<20 bytes>` each. Undefined when the bytes are no tree. */
function entriesIn(body: Buffer): readonly Entry[] | undefined {
  const entries: Entry[] = [];
  for (let at = 0; at < body.length; ) {
    const [space, nul] = [body.indexOf(32, at), body.indexOf(0, at)];
    if (space < 0 || nul < space || nul + 21 > body.length) return undefined;
    const mode = body.toString("latin1", at, space).replace(/^0+/, "");
    const sha = body.toString("hex", nul + 1, nul + 21) as GitSha;
    entries.push({ mode, name: body.toString("latin1", space + 1, nul), sha });
    at = nul + 21;
  }
  return entries;
}

/**
 * The first name that is out of git's order, or occurs twice. Undefined when there is none. In git's order a directory's name counts as if it
 * ended in a slash.
 */
function disorderIn(entries: readonly Entry[]): string | undefined {
  const names = new Set<string>();
  let last = "";
  for (const { mode, name } of entries) {
    const key = mode === TREE ? `${name}/` : name;
    if (names.has(name) || key < last) return name;
    names.add(name);
    last = key;
  }
  return undefined;
}
