import type { BareRepository } from "./bare-repository.ts";
import type { CheckRun, CheckSuite, CommitStatus, Issue, IssueComment, PullRequest, WorkflowRun } from "./records.ts";
import { notFound } from "./refusal.ts";

/** A check that a branch requires, as a ruleset or classic protection names it. */
export interface RequiredCheck {
  readonly context: string;
  /** Only this App's report counts. */
  readonly appId?: number;
}

/** What a branch asks of reviews. */
export interface ReviewRule {
  /** Classic protection, or a ruleset. */
  readonly by: "classic" | "ruleset";
  readonly approvals?: number;
  /** One of these has to approve. */
  readonly codeOwners?: readonly string[];
  /** Of a ruleset: one of these has to approve, and GitHub's verdict says nothing of it. */
  readonly team?: readonly string[];
  /** True: a push dismisses approvals. */
  readonly dismissesStale?: boolean;
}

/** One repository: its code in a bare repository, and what GitHub keeps beside it. Each resource adds its own collection. */
export interface RepositoryState {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly fullName: string;
  defaultBranch: string;
  readonly git: BareRepository;
  readonly checkSuites: CheckSuite[];
  readonly checkRuns: CheckRun[];
  readonly statuses: CommitStatus[];
  readonly workflowRuns: WorkflowRun[];
  readonly pulls: PullRequest[];
  /** GitHub's own stacks: the numbers of pull requests, the lowest first. */
  readonly stacks: { readonly id: number; readonly base: string; readonly pulls: readonly number[] }[];
  readonly comments: IssueComment[];
  /** By number. */
  readonly issues: Map<number, Issue>;
  /** By their names in small letters: two labels of a repository differ in more than capitals. */
  readonly labels: Map<string, string>;
  /** Whether the head branches of merged pull requests are to be deleted. */
  deletesBranches: boolean;
  /** By login: what the user may do. Every other user may read. */
  readonly collaborators: Map<string, "admin" | "write" | "read" | "none">;
  /** By ref: the user who pushes it. Other users may push at the time at which GitHub looks at the repository. */
  readonly pushers: Map<string, string>;
  /** Every push, oldest first. */
  readonly activity: {
    readonly id: number;
    readonly ref: string;
    readonly before: string;
    readonly after: string;
    readonly at: number;
    readonly by: string;
  }[];
  /** By branch: required by a ruleset. */
  readonly ruleset: Map<string, readonly RequiredCheck[]>;
  /** By branch. */
  readonly reviewRules: Map<string, ReviewRule>;
  /** Whether the App is on the bypass list of the ruleset. */
  mayBypass: boolean;
  /** By branch: required by classic protection. */
  readonly protection: Map<string, readonly RequiredCheck[]>;
}

/** A repository `owner/name` that GitHub keeps nothing beside yet. Its default branch is main. */
export function newRepository(id: number, fullName: string, git: BareRepository): RepositoryState {
  const [owner = "", name = ""] = fullName.split("/");
  return {
    id,
    owner,
    name,
    fullName,
    defaultBranch: "main",
    git,
    checkSuites: [],
    checkRuns: [],
    statuses: [],
    workflowRuns: [],
    pulls: [],
    comments: [],
    issues: new Map(),
    labels: new Map(),
    deletesBranches: false,
    collaborators: new Map(),
    activity: [],
    pushers: new Map(),
    ruleset: new Map(),
    reviewRules: new Map(),
    stacks: [],
    mayBypass: true,
    protection: new Map(),
  };
}

/** What of GitHub a resource needs beside its repository. */
export interface Hub {
  /** The address of the REST API. */
  readonly url: string;
  readonly now: () => number;
  /** A number that was given to nothing yet. */
  nextId(): number;
  /** Sends the webhook, and tells those in this process that listen. `event` as `check_run.completed`, or `push`. */
  emit(repository: RepositoryState, event: string, payload: object, sender?: string): void;
  /** A pull request as answers and payloads show it. */
  pullBody(repository: RepositoryState, pull: PullRequest): object;
  /** The App of that id as an answer shows it. */
  appOf(id: number): object;
}

/** Throws 404 for a number that is none of a pull request. */
export const pullOf = ({ pulls }: RepositoryState, number: string | undefined): PullRequest => {
  const found = pulls.find((one) => String(one.number) === number);
  if (found === undefined) throw notFound();
  return found;
};

/** GitHub's times are seconds. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

export const userOf = (login: string, type: "User" | "Bot" | "Organization" = "User"): object => ({
  login,
  id: [...login].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003, 7),
  type,
  site_admin: false,
});

/** A repository as answers and payloads show it. */
export function repositoryOf({ id, owner, name, fullName, defaultBranch }: RepositoryState, url: string): object {
  const web = `https://github.invalid/${fullName}`;
  return {
    id,
    name,
    full_name: fullName,
    private: true,
    owner: userOf(owner, "Organization"),
    html_url: web,
    url: `${url}/repos/${fullName}`,
    clone_url: `${web}.git`,
    default_branch: defaultBranch,
    fork: false,
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    pushed_at: "2026-01-01T00:00:00Z",
  };
}
