import { CodedError } from "../../../functions/contracts/errors.ts";
import type { GitSha } from "../../../functions/contracts/ids.ts";
import { type EpochMs, epochMs } from "../../../functions/contracts/time.ts";
import type { Permission, Pull } from "../../../functions/domain/github/refusal.ts";
import type { CheckReport } from "../../../functions/domain/github/report.ts";
import type { GitHub } from "../../../functions/handlers/github/service.ts";
import { REPOSITORY } from "./world.ts";

export interface MemoryPull {
  number: number;
  branch: string;
  base: string;
  head: GitSha;
  isOpen: boolean;
  isDraft: boolean;
  isMerged: boolean;
  /** True while its review counts. */
  isApproved: boolean;
  labels: Set<string>;
  /** Of the App: bodies, in order. */
  comments: string[];
}

export interface Push {
  readonly branch: string;
  readonly sha: GitSha;
  readonly at: EpochMs;
  readonly by: "user" | "queue";
}

/** How a call of GitHub goes wrong. done: it did its work, and the answer is a 502. */
export type Fault = "unavailable" | "done" | "limited" | "revoked";

/**
 * What the service calls of GitHub, in memory: some thousand times as fast as the fake, for runs by the thousand. `faultOf` is asked before
 * each call.
 */
export class MemoryGitHub {
  readonly pulls: MemoryPull[] = [];
  readonly pushes: Push[] = [];
  readonly checks = new Map<string, CheckReport & { readonly id: number }>();
  /** The commits of the trunk, and the refs that are no branches. */
  readonly trunk = new Set<GitSha>();
  readonly refs = new Set<string>();
  readonly deleted = new Set<string>();
  /** The open pull requests that the deletion of a branch has closed. */
  readonly closedByDeletion: number[] = [];
  readonly people = new Map<string, Permission>([
    ["ann", "write"],
    ["rob", "read"],
  ]);
  isInstalled = true;
  faultOf: () => Fault | undefined = () => undefined;
  readonly #now: () => EpochMs;
  #ids = 100;

  constructor(now: () => EpochMs) {
    this.#now = now;
  }

  newCommit = (): GitSha => String(++this.#ids).padStart(40, "0") as GitSha;

  push(branch: string, by: Push["by"] = "user", sha: GitSha = this.newCommit()): GitSha {
    this.pushes.push({ branch, sha, at: this.#now(), by });
    for (const pull of this.pulls) if (pull.branch === branch && pull.isOpen) pull.head = sha;
    return sha;
  }

  open(base: string): MemoryPull {
    const number = this.pulls.length + 1;
    const branch = `b${number}`;
    const head = this.push(branch);
    const state = { isOpen: true, isDraft: false, isMerged: false, isApproved: true };
    const pull = { number, branch, base, head, ...state, labels: new Set<string>(), comments: [] };
    this.pulls.push(pull);
    return pull;
  }

  #of(number: number): MemoryPull | undefined {
    return this.pulls.find((pull) => pull.number === number);
  }

  #shown({ number, head, base, branch, isDraft, isOpen, isMerged }: MemoryPull): Pull {
    const names = { title: `Pull ${number}`, body: "", author: "ann", headBranch: branch, headRepository: REPOSITORY };
    return { number, head, base, isDraft, isOpen, isMerged, isStacked: false, ...names };
  }

  /** A call that the faults of the run may hit. */
  async #call<T>(work: () => T): Promise<T> {
    if (!this.isInstalled) throw new CodedError("config.invalid", "the App is not installed");
    switch (this.faultOf()) {
      case "unavailable":
        throw new CodedError("github.unavailable", "502");
      case "done":
        work();
        throw new CodedError("github.unavailable", "502, after the work was done");
      case "limited":
        throw new CodedError("github.limited", "403", { detail: { retryAt: epochMs(this.#now() + 30_000) } });
      case "revoked":
        throw new CodedError("config.invalid", "401");
      case undefined:
        return work();
    }
  }

  readonly service: GitHub = {
    get: (number) =>
      this.#call(() => {
        const pull = this.#of(number);
        return pull && this.#shown(pull);
      }),
    nativeStack: () => this.#call(() => undefined),
    withHead: (branch) =>
      this.#call(() =>
        this.pulls.filter((pull) => pull.branch === branch && pull.isOpen).map((pull) => this.#shown(pull)),
      ),
    permissionOf: (login) => this.#call(() => this.people.get(login) ?? "none"),
    headAt: ({ headBranch }, moment) =>
      this.#call(() => {
        const second = (at: number) => Math.floor(at / 1_000);
        const last = this.pushes.findLast(({ branch, at }) => branch === headBranch && second(at) <= second(moment));
        return last === undefined || second(last.at) === second(moment) ? undefined : last.sha;
      }),
    react: () => this.#call(() => undefined),
    commentOnce: async (number, marker, body, _since, spend) => {
      const pull = this.#of(number);
      const isThere = await this.#call(() => pull?.comments.some((one) => one.startsWith(marker)) ?? true);
      if (isThere) return;
      await spend();
      await this.#call(() => void pull?.comments.push(body));
    },
    keepComment: (number, marker, body, known) =>
      this.#call(() => {
        const { comments = [] } = this.#of(number) ?? {};
        const at = known ?? comments.findIndex((one) => one.startsWith(marker));
        if (at < 0) return comments.push(body) - 1;
        comments[at] = body;
        return at;
      }),
    keepCheck: (_name, head, report) =>
      this.#call(() => {
        const id = this.checks.get(head)?.id ?? ++this.#ids;
        this.checks.set(head, { ...report, id });
        return id;
      }),
    close: (number) =>
      this.#call(() => {
        const pull = this.#of(number);
        if (pull !== undefined) pull.isOpen = false;
      }),
    label: (number, label) => this.#call(() => void this.#of(number)?.labels.add(label)),
    unlabel: (number, label) => this.#call(() => void this.#of(number)?.labels.delete(label)),
    settings: () => this.#call(() => ({ defaultBranch: "main", deletesBranches: true })),
    commitMessages: () => this.#call(() => []),
    closeIssue: () => this.#call(() => undefined),
    hasRef: (ref) => this.#call(() => this.refs.has(ref)),
    holds: (_branch, commit) => this.#call(() => this.trunk.has(commit)),
    branch: (name) =>
      this.#call(() => {
        const last = this.deleted.has(name) ? undefined : this.pushes.findLast(({ branch }) => branch === name);
        return last && { sha: last.sha, isProtected: false };
      }),
    basedOn: (branch) =>
      this.#call(() => this.pulls.filter((pull) => pull.isOpen && pull.base === branch).map(({ number }) => number)),
    retarget: (number, base) =>
      this.#call(() => {
        const pull = this.#of(number);
        if (pull?.isOpen !== true) return false;
        pull.base = base;
        return true;
      }),
    deleteBranch: (name) =>
      this.#call(() => {
        this.deleted.add(name);
        for (const pull of this.pulls.filter(({ isOpen, base, branch }) => isOpen && [base, branch].includes(name))) {
          pull.isOpen = false;
          this.closedByDeletion.push(pull.number);
        }
      }),
  };
}
