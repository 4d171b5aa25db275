import { resolve } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import { hashOf } from "../../contracts/hash.ts";
import { GitSha } from "../../contracts/ids.ts";
import type { Repository as RepositoryConfig } from "../../contracts/queues.ts";
import { forgetCached, type OpenedDirectory, openDirectory } from "./bare-repository.ts";
import { exclusively } from "./lock.ts";
import { look, type Seen } from "./look.ts";
import {
  type CallOptions,
  complaint,
  FEW_BASES,
  type GitAnswer,
  type RunsGit,
  runGit,
  settingsEnvironment,
} from "./process.ts";
import { authorization, protocolOf } from "./remote.ts";
import type { Signer } from "./signer.ts";
import { IS_SHALLOW, troubleWith } from "./trouble.ts";

const LOCAL_MS = 120_000;
/** Less than the five minutes that a function may run, so that the function can report a fetch that hangs. */
const FETCH_MS = 240_000;

/** The directories into which this process has fetched. */
const fetchedBefore = new WeakSet<OpenedDirectory>();

/** Which repository to open, where, and with which credentials. */
export interface OpenOptions {
  /** The directory that holds the repositories, one per remote. It is a cache, and may vanish between two calls. */
  readonly workDirectory: string;
  readonly repository: RepositoryConfig;
  /** An HTTPS token, sent as basic authentication to the remote's host alone. */
  readonly token?: string | undefined;
  /** Signs the commits that are made for the repository. Absent: they are not signed. */
  readonly signer?: Signer | undefined;
}

/**
 * A bare repository on this machine with the needed part of a remote. Objects may be read and written concurrently; operations that write
 * refs run one after the other (`exclusively`). Every method may throw repository.unavailable (retryable), repository.refused or
 * repository.failed (final).
 */
export class Repository implements RunsGit {
  readonly directory: string;
  /** The directory as it was opened. A cache of its objects is valid only for this very value (`OpenedDirectory`). */
  readonly opened: OpenedDirectory;
  /** The address that git fetches from and pushes to: a URL or an absolute path. */
  readonly remote: string;
  /** `refs/heads/<branch>` of the queue's target. */
  readonly trunkRef: string;
  readonly signer: Signer | undefined;
  readonly #env: Readonly<Record<string, string>>;
  /** Settings for a fetch that is not the first one (`FEW_BASES`). */
  readonly #whenFetchedBefore: Readonly<Record<string, string>>;
  /** The remote and the credentials: calls of repositories with the same value may share a fetch. */
  readonly #access: string;

  constructor(opened: OpenedDirectory, remote: string, options: OpenOptions) {
    const directory = opened.path;
    this.directory = directory;
    this.opened = opened;
    this.remote = remote;
    this.signer = options.signer;
    this.trunkRef = `refs/heads/${options.repository.branch}`;
    const authorized = authorization(remote, options.repository, options.token);
    this.#env = {
      GIT_DIR: directory,
      GIT_ALLOW_PROTOCOL: protocolOf(remote),
      ...settingsEnvironment(authorized),
    };
    this.#whenFetchedBefore = settingsEnvironment({ ...authorized, ...FEW_BASES });
    this.#access = JSON.stringify(this.#env);
  }

  /** Runs one git process in this repository, and answers its output and exit code. Does not throw for an exit code. */
  git(args: readonly string[], { input, env = {}, timeoutMs = LOCAL_MS }: CallOptions = {}): Promise<GitAnswer> {
    return runGit({ directory: this.directory, args, env: { ...this.#env, ...env }, input, timeoutMs });
  }

  /** Runs one git process, which must succeed, and answers its standard output as text. Throws repository.failed when git fails. */
  async run(args: readonly string[], options: CallOptions = {}): Promise<string> {
    const answer = await this.git(args, options);
    if (answer.exitCode === 0) return answer.stdout.toString("utf8");
    throw new CodedError(
      "repository.failed",
      `git ${args[0]} failed (${answer.exitCode}): ${complaint(answer.stderr)}`,
    );
  }

  /** Runs `work` when no other caller in this process holds this repository. Not re-entrant: `fetch` and `see` take the same lock. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return exclusively(this.directory, work);
  }

  /** Fetches refspecs such as `+refs/x:refs/x`, whose refs must exist on the remote. Throws the error of `troubleWith` when the fetch fails. */
  fetch(refspecs: readonly string[]): Promise<void> {
    return this.exclusively(() => this.#fetch(refspecs));
  }

  async #fetch(refspecs: readonly string[]): Promise<void> {
    const answer = await this.tryFetch(refspecs);
    // git leaves out a ref that ends at a shallow commit, warns, and answers 0.
    if (answer.exitCode !== 0 || IS_SHALLOW.test(answer.stderr))
      throw troubleWith(this.remote, "fetched", answer.stderr);
  }

  /** As `fetch`, but answers the exit code instead of throwing. Only inside `exclusively`. */
  async tryFetch(refspecs: readonly string[]): Promise<GitAnswer> {
    const flags = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--prune"];
    const env = fetchedBefore.has(this.opened) ? this.#whenFetchedBefore : {};
    const answer = await this.git(["fetch", ...flags, this.remote, ...refspecs], { env, timeoutMs: FETCH_MS });
    if (answer.exitCode === 0) fetchedBefore.add(this.opened);
    return answer;
  }

  /**
   * The named refs of the remote as they are now, and local objects by any name that git resolves. The answer lacks what does not exist. One
   * fetch, shared with the calls that wait at the same time; none when `refs` is empty.
   */
  see(refs: readonly string[], objects: readonly string[] = []): Promise<Seen> {
    const looking = {
      directory: this.directory,
      fetch: (refspecs: readonly string[]) => this.#fetch(refspecs),
      read: (names: readonly string[]) => this.opened.objects.readAll(names),
    };
    return look(looking, this.#access, { refs, objects });
  }

  /** The commit that the target branch points at on the remote now. Costs one fetch. */
  async trunk(): Promise<GitSha> {
    return this.trunkIn(await this.see([this.trunkRef]));
  }

  /** The trunk among refs that were just seen. Throws repository.refused when the remote has no such branch. */
  trunkIn(seen: Seen): GitSha {
    const trunk = seen.get(this.trunkRef);
    if (trunk?.type !== "commit")
      throw new CodedError(
        "repository.refused",
        `${this.remote} has no branch ${this.trunkRef}: create it, or name another in queues.yaml`,
      );
    return trunk.sha;
  }

  /**
   * Packs loose objects and refs, and deletes objects that no ref has led to for two weeks, once git counts 6,700 loose objects or 50 packs
   * (`gc.auto`). One git process when there are fewer. Waits for the fetches before it, and fetches wait for it. A merge or a push may run
   * meanwhile: git deletes no loose object before it is packed, and `writeObjects` renews the date of an object that exists. Caches of
   * the objects are not used any more. Throws repository.failed, and repository.unavailable after two minutes: a collection that was
   * broken off harms nothing, and the next call begins again.
   */
  async collectGarbage(): Promise<void> {
    try {
      await this.exclusively(() => this.run(["gc", "--auto", "--quiet"]));
    } finally {
      forgetCached(this.directory);
    }
  }

  /** The best common ancestor; undefined for unrelated histories. */
  async mergeBase(a: string, b: string): Promise<GitSha | undefined> {
    const answer = await this.git(["merge-base", a, b]);
    if (answer.exitCode === 1) return undefined;
    if (answer.exitCode !== 0)
      throw new CodedError("repository.failed", `git merge-base failed: ${complaint(answer.stderr)}`);
    return GitSha.parse(answer.stdout.toString("utf8").trim());
  }
}

/** Opens (makes, when it is not there) the repository of a remote. Throws config.invalid when git is missing or too old. */
export async function openRepository(options: OpenOptions): Promise<Repository> {
  const { remote } = options.repository;
  const located = /^(https|ssh|file):\/\//.test(remote) ? remote : resolve(remote);
  const directory = resolve(options.workDirectory, "git", hashOf(located).slice(0, 24));
  return new Repository(await openDirectory(directory), located, options);
}
