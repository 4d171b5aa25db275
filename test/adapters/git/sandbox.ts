import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordsRef } from "../../../functions/adapters/git/refs.ts";
import { openRepository, type Repository } from "../../../functions/adapters/git/repository.ts";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { BatchId, BuildKey, buildKeyOf, type GitSha, Sqid } from "../../../functions/contracts/ids.ts";
import type { LandBatch } from "../../../functions/contracts/messages/landing-messages.ts";
import type { Composed, MergeStep, MergeUnit } from "../../../functions/contracts/messages/merge-unit.ts";
import { QueueConfig } from "../../../functions/contracts/queues.ts";
import type { MergeStrategy } from "../../../functions/contracts/strategy.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { GitFiles } from "../../support/git-files.ts";

export const NOW = epochMs(1_790_000_000_000);

/** A commit to make: files by path, null for one that goes away. */
export interface Sketch {
  readonly files?: Readonly<Record<string, string | null>>;
  readonly message?: string;
  readonly author?: string;
  /** Further parents. What a merge leaves is `files`, on the files of the first parent. */
  readonly merges?: string | readonly string[];
  /** The committer's date in seconds since 1970; a minute after the last commit's when absent. */
  readonly committedAt?: number;
}

const ENV = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

/**
 * A push then starts two git processes less. A remote of a test never holds so much that git would collect garbage. And git lists the refs of
 * the repository itself, as of an alternate of the directory that receives the pushed objects: the `--all` of the same check names these refs.
 */
const CHEAP_PUSHES = "[receive]\n\tautogc = false\n[core]\n\talternateRefsCommand = true\n";

/** A bare remote with a trunk, and a directory to work in. */
export class Sandbox {
  readonly directory = mkdtempSync(join(tmpdir(), "runway-"));
  readonly remote = join(this.directory, "remote.git");
  readonly workDirectory = join(this.directory, "work");
  readonly base: GitSha;
  readonly #files = new GitFiles(this.remote);
  readonly #overrides: Partial<QueueConfig>;
  #clock = 1_700_000_000;

  constructor(overrides: Partial<QueueConfig> = {}) {
    this.#overrides = overrides;
    const first = Sandbox.#first;
    if (first) cpSync(first.directory, this.remote, { recursive: true });
    else {
      execFileSync("git", ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", this.remote], {
        env: ENV,
      });
      mkdirSync(join(this.remote, "hooks"));
      appendFileSync(join(this.remote, "config"), CHEAP_PUSHES);
    }
    this.base = first?.base ?? this.commit("refs/heads/main", { files: { "README.md": "hello\n" }, message: "first" });
    if (first) this.#clock += 60;
    else Sandbox.#keep(this);
  }

  /** The remote as it is at first: copied for each sandbox, since git takes a while to make one. */
  static #first: { readonly directory: string; readonly base: GitSha } | undefined;

  static #keep({ remote, base }: Sandbox): void {
    const directory = mkdtempSync(join(tmpdir(), "runway-first-"));
    cpSync(remote, directory, { recursive: true });
    Sandbox.#first = { directory, base };
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  }

  get config(): QueueConfig {
    return QueueConfig.parse({
      name: "q",
      repository: { remote: this.remote },
      buildRunner: { type: "fake" },
      committer: { name: "The Queue", email: "queue@example.test" },
      ...this.#overrides,
    });
  }

  open(workDirectory = this.workDirectory): Promise<Repository> {
    return openRepository({ workDirectory, repository: this.config.repository });
  }

  git(...args: string[]): string {
    return execFileSync("git", args, { cwd: this.remote, env: ENV, encoding: "utf8" }).trim();
  }

  /** An object as git stores it, without its header. */
  bytes(name: string): Buffer {
    return this.#files.read(this.#resolved(name)).body;
  }

  /** Writes an object of any bytes: also one that git itself would refuse to write. */
  store(type: string, body: Buffer): GitSha {
    return this.#files.store(type, body);
  }

  /** Points a ref at an object, which need not descend from the commit before. */
  point(ref: string, commit: string): void {
    this.#files.setRef(ref, this.#resolved(commit));
  }

  /** Has a ref name another ref. */
  link(ref: string, to: string): void {
    this.#files.setRef(ref, `ref: ${to}`);
  }

  /** Of a ref that git has not packed. */
  delete(ref: string): void {
    this.#files.deleteRef(ref);
  }

  /** Makes commits on a ref of the remote, the first one on top of `from` (default: the ref itself, or nothing). Oldest first. */
  commits(ref: string, sketches: readonly Sketch[], from?: string): GitSha[] {
    const made: GitSha[] = [];
    for (const { files = {}, message = `change ${this.#clock}`, author, merges = [], committedAt } of sketches) {
      this.#clock += 60;
      const onto = made.at(-1) ?? (from === undefined ? this.at(ref) : this.#resolved(from));
      const tree = this.#files.edited(onto && this.#files.treeOf(onto), files);
      const parents = [...(onto === undefined ? [] : [onto]), ...[merges].flat().map((name) => this.#resolved(name))];
      const lines = [
        `tree ${tree}`,
        ...parents.map((parent) => `parent ${parent}`),
        `author ${author ?? "Ada <ada@example.test>"} ${this.#clock} +0100`,
        `committer Someone <someone@example.test> ${committedAt ?? this.#clock + 7} -0300`,
      ];
      made.push(this.store("commit", Buffer.from(`${lines.join("\n")}\n\n${message}`)));
    }
    const tip = made.at(-1);
    if (tip !== undefined) this.#files.setRef(ref, tip);
    return made;
  }

  commit(ref: string, sketch: Sketch, from?: string): GitSha {
    return this.commits(ref, [sketch], from).at(-1) as GitSha;
  }

  /** A branch that left the trunk at `from`, as a git:// change. */
  branch(name: string, sketches: readonly Sketch[], from: string = this.at("refs/heads/main") ?? ""): ChangeUri {
    const ref = `refs/heads/${name}`;
    return gitUri(ref, this.commits(ref, sketches, from).at(-1) as GitSha);
  }

  /** A user pushes to the trunk directly. */
  intrude(files: Sketch["files"] = { intruder: `${this.#clock}\n` }): GitSha {
    return this.commit("refs/heads/main", { files, message: "pushed by hand" });
  }

  /** The commit that a ref points at. */
  at(ref: string): GitSha | undefined {
    return this.#files.ref(ref);
  }

  get trunk(): GitSha {
    return this.at("refs/heads/main") as GitSha;
  }

  tree(commit: string): GitSha {
    return this.#files.treeOf(this.#resolved(commit));
  }

  /** The refs below a prefix, each as `<name> <object>`. */
  refs(prefix = "refs"): string[] {
    return [...this.#files.refs(prefix)].map((ref) => ref.join(" "));
  }

  /** The commit of each batch whose landing the remote has a record of. */
  records(branch = "main"): ReadonlyMap<string, GitSha> {
    const ref = recordsRef(branch);
    const commit = this.at(ref);
    if (commit === undefined) return new Map();
    return new Map(
      this.#files.filesIn(this.#files.treeOf(commit)).flatMap((sha) => {
        const { content } = JSON.parse(this.#files.read(sha).body.toString("utf8")) as { content: string };
        const { batchId, outcome } = JSON.parse(content) as { batchId?: string; outcome?: { commit: GitSha } };
        return batchId && outcome ? [[batchId, outcome.commit] as const] : [];
      }),
    );
  }

  /** Subjects of the trunk since the base, oldest first. One git process when there is a merge commit among them, or for another format. */
  log(format = "%s", until = "refs/heads/main"): string[] {
    const line = format === "%s" || format === "%H" ? this.#lineTo(until) : undefined;
    if (line !== undefined) return line.map(({ sha, subject }) => (format === "%H" ? sha : subject)).filter(Boolean);
    return this.git("log", "--reverse", "--topo-order", `--format=${format}`, `${this.base}..${until}`)
      .split("\n")
      .filter(Boolean);
  }

  /** The commits since the base, oldest first. Undefined when one of them has several parents, or none, or names its encoding. */
  #lineTo(until: string): { readonly sha: GitSha; readonly subject: string }[] | undefined {
    const line: { readonly sha: GitSha; readonly subject: string }[] = [];
    for (let at = this.#resolved(until); at !== this.base; ) {
      const [head = "", ...text] = this.#files.read(at).body.toString("utf8").split("\n\n");
      const [parent, ...others] = [...head.matchAll(/^parent (.*)$/gm)].map(([, sha]) => sha as GitSha);
      if (parent === undefined || others.length > 0 || head.includes("\nencoding ")) return undefined;
      const [subject = ""] = text
        .join("\n\n")
        .replace(/^\n+/, "")
        .split(/\n\s*(?:\n|$)/, 1);
      line.push({ sha: at, subject: subject.replaceAll("\n", " ").trimEnd() });
      at = parent;
    }
    return line.reverse();
  }

  /** What a file of a commit holds, without blanks at its ends. */
  show(path: string, commit = "refs/heads/main"): string {
    const blob = this.#files.entryAt(this.tree(commit), path);
    if (blob === undefined) throw new Error(`${commit} has no ${path}`);
    return this.#files.read(blob).body.toString("utf8").trim();
  }

  /** The object of a name: a ref, or anything else that git resolves. */
  #resolved(name: string): GitSha {
    if (/^[0-9a-f]{40}$/.test(name)) return name as GitSha;
    return this.at(name) ?? this.at(`refs/heads/${name}`) ?? (this.git("rev-parse", "--verify", name) as GitSha);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const gitUri = (ref: string, sha: string): ChangeUri =>
  ChangeUri.parse(`git://git.example.test/acme/shop/${encodeURIComponent(ref)}/${sha}`);
export const pullUri = (pull: number, sha: string): ChangeUri =>
  ChangeUri.parse(`github://github.com/acme/shop/pull/${pull}/${sha}`);

export const step = (n: number, changes: readonly ChangeUri[], strategy: MergeStrategy = "REBASE"): MergeStep => ({
  sqid: Sqid.parse(`q/${n}`),
  changes: [...changes],
  strategy,
});

export const unit = (n: number, changes: readonly ChangeUri[], strategy: MergeStrategy = "REBASE"): MergeUnit => ({
  batchId: BatchId.parse(`q/batch/${n}`),
  steps: [step(n, changes, strategy)],
});

export const INSTALLATION = "here";

export const buildKey = (n: number, count = 1): BuildKey =>
  BuildKey.parse(buildKeyOf(INSTALLATION, BatchId.parse(`q/batch/${n}`), count));

/** A message that lands units on the evidence of their builds. */
export const landing = (
  id: string,
  batches: readonly { unit: MergeUnit; tested: Composed; exact?: boolean; bundle?: string }[],
): LandBatch => ({
  v: 1,
  kind: "land-batch",
  id,
  queue: QueueConfig.shape.name.parse("q"),
  installation: INSTALLATION,
  batches: batches.map(({ unit: { batchId, steps }, tested, exact = true, bundle }) => ({
    ...{ batchId, steps, tested, exact },
    ...(bundle === undefined ? {} : { bundle }),
  })),
});
