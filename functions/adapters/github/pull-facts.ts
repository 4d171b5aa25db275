import * as z from "zod";
import { GitSha } from "../../contracts/ids.ts";
import { isReviewSettled, type Opinion, type PullFacts, type ReviewRule } from "../../domain/pull-request.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf, unseen } from "./errors.ts";
import { graphql } from "./graphql.ts";
import { restFacts } from "./pull-facts-rest.ts";
import { restRule, rulesetRule, stricter } from "./review-rule.ts";

/** So many pull requests are asked for at once; a stack has 50 changes at most. */
const MOST_AT_ONCE = 50;

const FIELDS = `fragment Facts on PullRequest {
  number state isDraft headRefOid headRefName baseRefName mergeable mergeStateStatus reviewDecision
  author { login }
  labels(first: 100) { nodes { name } }
  latestOpinionatedReviews(first: 100, writersOnly: true) { nodes { state author { login } commit { oid } } }
}`;

/** One alias a pull request, as in `p12: pullRequest(number: 12)`, and what classic protection of the branch asks of reviews. */
const queryFor = (pulls: readonly number[]): string =>
  `query PullRequests($owner: String!, $repo: String!, $branch: String!) { repository(owner: $owner, name: $repo) {
  branch: ref(qualifiedName: $branch) { refUpdateRule { requiredApprovingReviewCount requiresCodeOwnerReviews } }
  ${pulls
    .filter(isPossible)
    .map((pull) => `p${pull}: pullRequest(number: ${pull}) { ...Facts }`)
    .join("\n  ")}
} }${pulls.some(isPossible) ? `\n${FIELDS}` : ""}`;

/** GraphQL refuses a query with a number beyond 32 bits as a whole. GitHub has no pull request of such a number. */
const isPossible = (pull: number): boolean => pull < 2 ** 31;

const Branch = z.looseObject({
  refUpdateRule: z
    .looseObject({ requiredApprovingReviewCount: z.int().nullish(), requiresCodeOwnerReviews: z.boolean() })
    .nullish(),
});

const Login = z.looseObject({ login: z.string() }).nullish();
const Node = z.looseObject({
  number: z.int(),
  state: z.enum(["OPEN", "CLOSED", "MERGED"]),
  isDraft: z.boolean(),
  headRefOid: GitSha,
  headRefName: z.string(),
  baseRefName: z.string(),
  mergeable: z.enum(["MERGEABLE", "CONFLICTING", "UNKNOWN"]),
  mergeStateStatus: z.string(),
  reviewDecision: z.enum(["APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"]).nullable(),
  author: Login,
  labels: z.looseObject({ nodes: z.array(z.looseObject({ name: z.string() }).nullable()).nullish() }).nullish(),
  latestOpinionatedReviews: z
    .looseObject({
      nodes: z
        .array(
          z
            .looseObject({
              state: z.string(),
              author: Login,
              commit: z.looseObject({ oid: z.string() }).nullish(),
            })
            .nullable(),
        )
        .nullish(),
    })
    .nullish(),
});
type Node = z.infer<typeof Node>;

const STATES = { OPEN: "open", CLOSED: "closed", MERGED: "merged" } as const;
const MERGEABLE = { MERGEABLE: "yes", CONFLICTING: "no", UNKNOWN: "unknown" } as const;
const DECISIONS = {
  APPROVED: "approved",
  CHANGES_REQUESTED: "changes_requested",
  REVIEW_REQUIRED: "review_required",
} as const;
const OPINIONS: Readonly<Record<string, Opinion["state"]>> = {
  APPROVED: "approved",
  CHANGES_REQUESTED: "changes_requested",
};

/**
 * What GitHub says of pull requests that are to land on a branch; a pull request that GitHub does not have is left out. GitHub's own verdict
 * on reviews counts. GitHub gives none where only a ruleset names reviewers, and its verdict on a pull request of a stack is about the
 * branch that the pull request is based on: then the rule of the branch that it is to land on is read. One call, two when a verdict is missing.
 * An installation of GitHub without GraphQL is asked by REST, at two calls per pull request and one more. Throws as GitHubClient does.
 */
export async function pullFacts(client: GitHubClient, pulls: readonly number[], branch: string): Promise<PullsRead> {
  const { facts, rule: classic } = await read(client, [...new Set(pulls)], branch);
  const isEverythingSaid = facts.length > 0 && facts.every((one) => isReviewSettled(one, branch));
  return { facts, rule: isEverythingSaid ? undefined : stricter(classic, await rulesetRule(client, branch)) };
}

export interface PullsRead {
  readonly facts: readonly PullFacts[];
  /** What the branch asks of reviews. Undefined when it asks nothing, or where GitHub's verdicts on the pull requests say everything. */
  readonly rule: ReviewRule | undefined;
}

async function read(client: GitHubClient, pulls: readonly number[], branch: string): Promise<PullsRead> {
  const parts: PullsRead[] = [];
  for (let from = 0; from === 0 || from < pulls.length; from += MOST_AT_ONCE)
    parts.push(await atOnce(client, pulls.slice(from, from + MOST_AT_ONCE), branch));
  return { facts: parts.flatMap(({ facts }) => facts), rule: parts[0]?.rule };
}

async function atOnce(client: GitHubClient, pulls: readonly number[], branch: string): Promise<PullsRead> {
  const { owner, repo } = client;
  try {
    const variables = { owner, repo, branch: `refs/heads/${branch}` };
    const { repository } = await graphql(client, queryFor(pulls), variables);
    if (repository === null || repository === undefined) throw unseen(client);
    const { branch: trunk, ...nodes } = z.record(z.string(), z.unknown()).parse(repository);
    const facts = Object.values(nodes).flatMap((node) => (node === null ? [] : [factsIn(Node.parse(node))]));
    return { facts, rule: classicRule(Branch.nullish().parse(trunk)) };
  } catch (error) {
    if (![404, 410].includes(statusOf(error) ?? 0)) throw error;
    const facts = await Promise.all(pulls.map((pull) => restFacts(client, pull)));
    return { facts: facts.flatMap((one) => one ?? []), rule: await restRule(client, branch) };
  }
}

function classicRule(branch: z.infer<typeof Branch> | null | undefined): ReviewRule | undefined {
  const rule = branch?.refUpdateRule;
  return rule
    ? {
        approvals: rule.requiredApprovingReviewCount ?? 0,
        ofHeadCommit: false,
        ofOwnersOrTeams: rule.requiresCodeOwnerReviews,
      }
    : undefined;
}

const factsIn = (node: Node): PullFacts => ({
  number: node.number,
  state: STATES[node.state],
  isDraft: node.isDraft,
  head: node.headRefOid,
  headBranch: node.headRefName,
  base: node.baseRefName,
  mergeable: MERGEABLE[node.mergeable],
  isBlocked: node.mergeStateStatus === "BLOCKED" || node.mergeStateStatus === "UNKNOWN",
  decision: node.reviewDecision === null ? "none" : DECISIONS[node.reviewDecision],
  opinions: (node.latestOpinionatedReviews?.nodes ?? []).flatMap((review) => {
    const state = OPINIONS[review?.state ?? ""];
    return state === undefined
      ? []
      : [{ by: review?.author?.login ?? "ghost", state, commit: review?.commit?.oid ?? undefined }];
  }),
  author: node.author?.login ?? "ghost",
  labels: (node.labels?.nodes ?? []).flatMap((label) => label?.name ?? []),
});
