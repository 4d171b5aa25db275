import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordsRef } from "../../../functions/adapters/git/refs.ts";
import { openRepository, type Repository } from "../../../functions/adapters/git/repository.ts";
import { ChangeUri } from "../../../functions/contracts/change-uri.ts";
import { BatchId, BuildKey, buildKeyOf, type GitSha, Sqid } from "../../../functions/contracts/ids.ts";
import type { Composed, LandBatch, MergeStep, MergeUnit } from "../../../functions/contracts/messages.ts";
import { QueueConfig } from "../../../functions/contracts/queues.ts";
import type { MergeStrategy } from "../../../functions/contracts/strategy.ts";
import { epochMs } from "../../../functions/contracts/time.ts";

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

/** A bare remote with a trunk, and a directory to work in. */
export class Sandbox {
  readonly directory = mkdtempSync(join(tmpdir(), "runway-"));
  readonly remote = join(this.directory, "remote.git");
  readonly workDirectory = join(this.directory, "work");
  readonly base: GitSha;
  readonly #overrides: Partial<QueueConfig>;
  #clock = 1_700_000_000;

  constructor(overrides: Partial<QueueConfig> = {}) {
    this.#overrides = overrides;
    const first = Sandbox.#first;
    if (first) cpSync(first.directory, this.remote, { recursive: true });
    else execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", this.remote], { env: ENV });
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

  bytes(...args: string[]): Buffer {
    return execFileSync("git", args, { cwd: this.remote, env: ENV });
  }

  store(type: string, body: Buffer, ...flags: string[]): GitSha {
    const args = ["hash-object", "-w", ...flags, "-t", type, "--stdin"];
    return execFileSync("git", args, { cwd: this.remote, env: ENV, input: body }).toString().trim() as GitSha;
  }

  /** Makes commits on a ref of the remote, the first one on top of `from` (default: the ref itself, or nothing). Oldest first. */
  commits(ref: string, sketches: readonly Sketch[], from?: string): GitSha[] {
    const marks = join(this.directory, "marks");
    const parts: string[] = [];
    sketches.forEach(({ files = {}, message = `change ${this.#clock}`, author, merges = [], committedAt }, index) => {
      this.#clock += 60;
      parts.push(`commit refs/made\nmark :${index + 1}`);
      parts.push(`author ${author ?? "Ada <ada@example.test>"} ${this.#clock} +0100`);
      parts.push(`committer Someone <someone@example.test> ${committedAt ?? this.#clock + 7} -0300`);
      parts.push(data(message));
      const parent = index > 0 ? `:${index}` : (from ?? this.at(ref));
      if (parent) parts.push(`from ${parent}`);
      for (const other of [merges].flat()) parts.push(`merge ${other}`);
      for (const [path, content] of Object.entries(files))
        parts.push(content === null ? `D ${path}` : `M 100644 inline ${path}\n${data(content)}`);
      parts.push("");
    });
    // Into a pack: to unpack it takes another process.
    const args = ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force", `--export-marks=${marks}`];
    execFileSync("git", args, { cwd: this.remote, env: ENV, input: `${parts.join("\n")}\n` });
    const shas = new Map(
      readFileSync(marks, "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split(" ") as [string, GitSha]),
    );
    const made = sketches.map((_, index) => shas.get(`:${index + 1}`) as GitSha);
    const moves = `update ${ref}\0${made.at(-1)}\0\0delete refs/made\0\0`;
    execFileSync("git", ["update-ref", "-z", "--stdin"], { cwd: this.remote, env: ENV, input: moves });
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

  at(ref: string): GitSha | undefined {
    const file = join(this.remote, ref);
    const loose = statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file, "latin1").trim() : "";
    if (/^[0-9a-f]{40}$/.test(loose)) return loose as GitSha;
    const found = this.git("for-each-ref", "--format=%(objectname)", ref);
    return found === "" ? undefined : (found as GitSha);
  }

  get trunk(): GitSha {
    return this.at("refs/heads/main") as GitSha;
  }

  tree(commit: string): string {
    return this.git("rev-parse", `${commit}^{tree}`);
  }

  refs(prefix = "refs"): string[] {
    return this.git("for-each-ref", "--format=%(refname) %(objectname)", prefix).split("\n").filter(Boolean);
  }

  /** The commit of each batch whose landing the remote has a record of. */
  records(branch = "main"): ReadonlyMap<string, GitSha> {
    const ref = recordsRef(branch);
    if (this.at(ref) === undefined) return new Map();
    const files = this.git("ls-tree", "-r", "--name-only", ref).split("\n");
    return new Map(
      files.flatMap((file) => {
        const { content } = JSON.parse(this.git("show", `${ref}:${file}`)) as { content: string };
        const { batchId, outcome } = JSON.parse(content) as { batchId?: string; outcome?: { commit: GitSha } };
        return batchId && outcome ? [[batchId, outcome.commit] as const] : [];
      }),
    );
  }

  /** Subjects of the trunk since the base, oldest first. */
  log(format = "%s", until = "refs/heads/main"): string[] {
    return this.git("log", "--reverse", "--topo-order", `--format=${format}`, `${this.base}..${until}`)
      .split("\n")
      .filter(Boolean);
  }

  show(path: string, commit = "refs/heads/main"): string {
    return this.git("show", `${commit}:${path}`);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}`;

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
