import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseCommit } from "../../../functions/adapters/git/commits.ts";
import { type GitObject, ObjectReader } from "../../../functions/adapters/git/object-reader.ts";
import { processes } from "../../../functions/adapters/processes.ts";
import { git } from "../../sandbox/git.ts";
import { readRefFiles } from "./ref-files.ts";

export interface CommitInfo {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: { readonly name: string; readonly email: string; readonly date: string };
  readonly committer: { readonly name: string; readonly email: string; readonly date: string };
  readonly message: string;
}

/** Stands where a ref has no commit: before it was made, or after it was deleted. */
export const NO_COMMIT = "0".repeat(40);
/** What git reads and writes here by itself, without the settings of the user who runs this process. */
const ENVIRONMENT = { HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };
/** How long git may take. */
const LIMIT_MS = 120_000;
/** A file of the repository's directory. */
const PUSHES = "pushes.txt";

/** A ref that has changed. A commit of forty zeros: there was none before, or there is none after. */
export interface RefChange {
  readonly ref: string;
  readonly before: string;
  readonly after: string;
  /** The refs of the push that changed the ref, the ref itself included. */
  readonly together: readonly string[];
  /** All refs as the push left them. */
  readonly refs: ReadonlyMap<string, string>;
}

/** The bare repository that holds the truth about code. Everything is read from it anew, so writes of other programs are seen. */
export class BareRepository {
  readonly path: string;
  #known: ReadonlyMap<string, string> = new Map();
  /** How much of the list of pushes was read. */
  #seenPushes = 0;
  /** A commit never changes. */
  readonly #commits = new Map<string, CommitInfo>();
  readonly #objects: ObjectReader;

  constructor(path: string) {
    this.path = path;
    this.#objects = new ObjectReader(() => processes().start(this.#call(["cat-file", "--batch"])));
  }

  /** Makes the repository when there is none, and lets it be fetched from and pushed to over HTTP. */
  async open(): Promise<void> {
    if (existsSync(join(this.path, "reftable")))
      throw new Error(
        `${this.path} keeps its refs in tables, and they are read from files: git refs migrate --ref-format=files`,
      );
    if (!existsSync(join(this.path, "HEAD"))) {
      await mkdir(dirname(this.path), { recursive: true });
      await git(dirname(this.path), ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", this.path]);
    }
    await appendFile(
      join(this.path, "config"),
      "[http]\n\treceivepack = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n[receive]\n\tautogc = false\n",
    );
    const hook = join(this.path, "hooks", "post-receive");
    await mkdir(dirname(hook), { recursive: true });
    if (!existsSync(hook)) await writeFile(hook, `#!/bin/sh\n{ cat; echo; } >> ${PUSHES}\n`, { mode: 0o755 });
    this.#seenPushes = (await this.#pushes()).length;
    this.#known = await this.refs();
  }

  /** What was pushed, in order, also by programs that push to the directory: a line `<before> <after> <ref>` per ref of each push. */
  async #pushes(): Promise<readonly (readonly string[])[]> {
    const file = join(this.path, PUSHES);
    const pushes = existsSync(file) ? (await readFile(file, "utf8")).split("\n\n") : [];
    return pushes.map((push) => push.split("\n")).filter(([first = ""]) => first !== "");
  }

  /** Ends the process that reads objects. The next reading starts another one. */
  close(): Promise<void> {
    return this.#objects.close();
  }

  /** The refs that begin with the prefix, sorted by name. Costs no git process. */
  async refs(prefix = "refs/"): Promise<ReadonlyMap<string, string>> {
    return readRefFiles(this.path, prefix);
  }

  /** What has become of refs since the last look: pushes in their order, then what was written without a push. */
  async changes(): Promise<readonly RefChange[]> {
    const [pushes, now] = [await this.#pushes(), await this.refs()];
    const known = new Map(this.#known);
    const found: RefChange[] = [];
    const follow = (ref: string, after: string) => {
      const before = known.get(ref) ?? NO_COMMIT;
      if (after === NO_COMMIT) known.delete(ref);
      else known.set(ref, after);
      return before === after ? [] : [{ ref, before, after }];
    };
    for (const push of pushes.slice(this.#seenPushes)) {
      const lines = push.map((line) => line.split(" "));
      const together = lines.map(([, , ref = ""]) => ref);
      const changed = lines.flatMap(([, after = NO_COMMIT, ref = ""]) => follow(ref, after));
      const refs = new Map(known);
      found.push(...changed.map((change) => ({ ...change, together, refs })));
    }
    for (const ref of new Set([...known.keys(), ...now.keys()]))
      found.push(
        ...follow(ref, now.get(ref) ?? NO_COMMIT).map((change) => ({ ...change, together: [ref], refs: now })),
      );
    this.#seenPushes = pushes.length;
    this.#known = now;
    return found;
  }

  /** The commit that a branch, a tag, a ref or a SHA names. Undefined when there is none. */
  async commitOf(name: string): Promise<string | undefined> {
    if (this.#commits.has(name)) return name;
    // git reads one name a line, and answers with the name as the first word of a line.
    if (/[\s\p{Cc}]/u.test(name)) return undefined;
    const names = /^[0-9a-f]{40}$/.test(name)
      ? [name]
      : [`refs/heads/${name}`, `refs/tags/${name}`, `refs/${name}`, name];
    const found = await this.#objects.readAll(names.map((tried) => `${tried}^{commit}`));
    const [first] = found.values();
    return first && this.#kept(first).sha;
  }

  /** Throws when there is no such commit. */
  async commit(sha: string): Promise<CommitInfo> {
    const known = this.#commits.get(sha);
    if (known) return known;
    const found = await this.#objects.read(`${sha}^{commit}`);
    if (found === undefined) throw new Error(`${this.path} has no commit ${sha}`);
    return this.#kept(found);
  }

  #kept(object: GitObject): CommitInfo {
    const info = infoOf(object);
    this.#commits.set(info.sha, info);
    return info;
  }

  /** Newest first. */
  async log(from: string, { skip = 0, count = 30 } = {}): Promise<readonly string[]> {
    const text = await git(this.path, ["log", "--format=%H", `--skip=${skip}`, `-n${count}`, from]);
    return text.split("\n").filter((line) => line !== "");
  }

  /** The commits of `to` that `from` does not hold, newest first. */
  async between(from: string, to: string): Promise<readonly string[]> {
    const text = await git(this.path, ["rev-list", `${from}..${to}`]);
    return text.split("\n").filter((line) => line !== "");
  }

  /** True when `sha` can be reached from `from`. */
  async holds(from: string, sha: string): Promise<boolean> {
    return (await this.#try(["merge-base", "--is-ancestor", sha, from])) !== undefined;
  }

  /** `was` undefined: only a ref that is not there. False when the ref is something else. */
  async update(ref: string, to: string, was?: string): Promise<boolean> {
    return (await this.#try(["update-ref", ref, to, was ?? NO_COMMIT])) !== undefined;
  }

  async delete(ref: string): Promise<boolean> {
    const there = (await this.refs(ref)).has(ref);
    if (there) await git(this.path, ["update-ref", "-d", ref]);
    return there;
  }

  /** What git takes for a ref, without asking git. */
  isRefName(ref: string): boolean {
    return /^refs\/(?!.*(\.\.|\/\/|@\{|\/\.|\.lock(\/|$)|[ ~^:?*[\\]))[^/]+\/.*[^/.]$/.test(ref);
  }

  #call(args: readonly string[]) {
    return { file: "git", args, directory: this.path, env: { PATH: process.env["PATH"] ?? "", ...ENVIRONMENT } };
  }

  async #try(args: readonly string[]): Promise<string | undefined> {
    const end = await processes().run({ ...this.#call(args), timeoutMs: LIMIT_MS });
    return end.kind === "exited" && end.exitCode === 0 ? end.stdout.toString("utf8") : undefined;
  }
}

function infoOf(object: GitObject): CommitInfo {
  const { sha, tree, parents, author, committer, message } = parseCommit(object);
  const utf8 = (text: string) => Buffer.from(text, "latin1").toString("utf8");
  return {
    sha,
    tree,
    parents,
    author: personOf(utf8(author)),
    committer: personOf(utf8(committer)),
    message: utf8(message).trimEnd(),
  };
}

/** `Ann <ann@example.org> 1800000000 +0130`, as a commit has it, with the date as `2027-01-15T09:30:00+01:30`. */
function personOf(line: string): CommitInfo["author"] {
  const [, name = "", email = "", seconds = "0", sign = "+", hours = "00", minutes = "00"] =
    /^(.*?) ?<(.*?)> (\d+) ([+-])(\d\d)(\d\d)$/.exec(line) ?? [];
  const offset = Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60;
  const local = new Date((Number(seconds) + offset) * 1_000).toISOString().slice(0, 19);
  return { name, email, date: `${local}${sign}${hours}:${minutes}` };
}
