// What the fake GitHub keeps of each resource.

/** One App's results about one commit, or, of Actions, one workflow run's. */
export interface CheckSuite {
  readonly id: number;
  readonly sha: string;
  readonly branch: string | null;
  readonly appId: number;
}

export type Annotation = Readonly<Record<string, unknown>>;

export interface CheckRun {
  readonly id: number;
  readonly suite: CheckSuite;
  readonly sha: string;
  name: string;
  status: "queued" | "in_progress" | "completed";
  conclusion: string | null;
  startedAt: number;
  completedAt: number | null;
  detailsUrl: string | null;
  externalId: string;
  title: string | null;
  summary: string | null;
  text: string | null;
  annotations: Annotation[];
  /** Buttons, which are shown on a completed run. */
  actions: readonly object[];
}

export interface CommitStatus {
  readonly id: number;
  readonly sha: string;
  readonly context: string;
  readonly state: "error" | "failure" | "pending" | "success";
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creator: string;
  readonly createdAt: number;
}

/** A run of a workflow of Actions: one suite of checks, one check run per job. */
export interface WorkflowRun {
  readonly id: number;
  readonly name: string;
  readonly branch: string;
  readonly sha: string;
  readonly suite: CheckSuite;
  readonly startedAt: number;
  status: "queued" | "in_progress" | "completed";
  conclusion: string | null;
  /** Stops what runs. */
  readonly stop: () => void;
}

export interface PullRequest {
  readonly number: number;
  readonly author: string;
  readonly headBranch: string;
  title: string;
  body: string;
  base: string;
  head: string;
  isDraft: boolean;
  state: "open" | "closed";
  mergedAt: number | null;
  readonly createdAt: number;
  updatedAt: number;
  readonly labels: Set<string>;
  readonly reviews: Review[];
  /** Null: GitHub is still working it out. */
  mergeable: boolean | null;
  /** After so many looks a `mergeable` that is null is true. */
  looksUntilMergeable: number;
}

export interface Review {
  readonly id: number;
  readonly by: string;
  state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED" | "DISMISSED";
  /** The commit that the reviewer saw. */
  readonly commit: string;
  readonly at: number;
}

/** An issue that is no pull request. */
export interface Issue {
  readonly number: number;
  readonly title: string;
  state: "open" | "closed";
}

export interface IssueComment {
  readonly id: number;
  /** Of a pull request. */
  readonly issue: number;
  readonly by: string;
  body: string;
  readonly createdAt: number;
  updatedAt: number;
  /** How often the comment was edited. */
  edits: number;
  readonly reactions: Map<string, { readonly id: number; readonly by: string; readonly content: string }>;
}
