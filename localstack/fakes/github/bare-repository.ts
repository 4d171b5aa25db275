import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { git } from "../../sandbox/git.ts";

export interface CommitInfo {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: { readonly name: string; readonly email: string; readonly date: string };
  readonly committer: { readonly name: string; readonly email: string; readonly date: string };
  readonly message: string;
}

const NULL = "0".repeat(40);
/** A file of the repository's directory. */
const PUSHES = "pushes.txt";

/** A ref that has changed. A commit of forty zeros: there was none before, or there is none after. */
export interface RefChange {
  readonly ref: string;
  readonly before: string;
  readonly after: string;
}

/** The bare repository that holds the truth about code. Everything is read from it anew, so writes of other programs are seen. */
export class BareRepository {
  readonly path: string;
  #known: ReadonlyMap<string, string> = new Map();
  /** How much of the list of pushes was read. */
  #seenPushes = 0;
  /** A commit never changes. */
  readonly #commits = new Map<string, Promise<CommitInfo>>();

  constructor(path: string) {
    this.path = path;
  }

  /** Makes the repository when there is none, and lets it be fetched from and pushed to over HTTP. */
  async open(): Promise<void> {
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
    if (!existsSync(hook)) await writeFile(hook, `#!/bin/sh\ncat >> ${PUSHES}\n`, { mode: 0o755 });
    this.#seenPushes = (await this.#pushes()).length;
    this.#known = await this.refs();
  }

  /** What was pushed, in order, also by programs that push to the directory: `<before> <after> <ref>`. */
  async #pushes(): Promise<readonly string[]> {
    const file = join(this.path, PUSHES);
    return existsSync(file) ? (await readFile(file, "utf8")).split("\n").filter((line) => line !== "") : [];
  }

  async refs(prefix = "refs/"): Promise<ReadonlyMap<string, string>> {
    const text = await git(this.path, ["for-each-ref", "--format=%(refname) %(objectname)", prefix]);
    const rows = text.split("\n").flatMap((line) => {
      const [ref = "", sha = ""] = line.split(" ");
      return ref === "" ? [] : [[ref, sha] as const];
    });
    return new Map(rows);
  }

  /** What has become of refs since the last look: pushes in their order, then what was written without a push. */
  async changes(): Promise<readonly RefChange[]> {
    const [pushes, now] = [await this.#pushes(), await this.refs()];
    const known = new Map(this.#known);
    const found: RefChange[] = [];
    const follow = (ref: string, after: string) => {
      const before = known.get(ref) ?? NULL;
      if (before !== after) found.push({ ref, before, after });
      if (after === NULL) known.delete(ref);
      else known.set(ref, after);
    };
    for (const line of pushes.slice(this.#seenPushes)) {
      const [, after = NULL, ref = ""] = line.split(" ");
      follow(ref, after);
    }
    for (const ref of new Set([...known.keys(), ...now.keys()])) follow(ref, now.get(ref) ?? NULL);
    this.#seenPushes = pushes.length;
    this.#known = now;
    return found;
  }

  /** The commit that a branch, a tag, a ref or a SHA names. Undefined when there is none. */
  async commitOf(name: string): Promise<string | undefined> {
    if (this.#commits.has(name)) return name;
    for (const tried of /^[0-9a-f]{40}$/.test(name)
      ? [name]
      : [`refs/heads/${name}`, `refs/tags/${name}`, `refs/${name}`, name]) {
      const found = await this.#try(["rev-parse", "--verify", "--quiet", "--end-of-options", `${tried}^{commit}`]);
      if (found === undefined) continue;
      const sha = found.trim();
      await this.commit(sha);
      return sha;
    }
    return undefined;
  }

  commit(sha: string): Promise<CommitInfo> {
    const found = this.#commits.get(sha) ?? this.#read(sha);
    this.#commits.set(sha, found);
    return found;
  }

  async #read(sha: string): Promise<CommitInfo> {
    const format = ["%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"].join("%x00");
    const text = await git(this.path, ["log", "-1", `--format=${format}`, sha]);
    const [hash = "", tree = "", parents = "", an = "", ae = "", ad = "", cn = "", ce = "", cd = "", message = ""] =
      text.split("\0");
    return {
      sha: hash,
      tree,
      parents: parents.split(" ").filter((parent) => parent !== ""),
      author: { name: an, email: ae, date: ad },
      committer: { name: cn, email: ce, date: cd },
      message: message.trimEnd(),
    };
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
    return (await this.#try(["update-ref", ref, to, was ?? NULL])) !== undefined;
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

  async #try(args: readonly string[]): Promise<string | undefined> {
    const { exitCode, stdout } = await execa("git", [...args], {
      cwd: this.path,
      reject: false,
      extendEnv: false,
      env: { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" },
    });
    return exitCode === 0 ? stdout : undefined;
  }
}
