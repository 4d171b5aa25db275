import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, type GraphQLError, type GraphQLSchema, graphql } from "graphql";
import { type Identity, mayDo, sees } from "./identity.ts";
import { lookAtMergeable } from "./pull-requests.ts";
import type { PullRequest } from "./records.ts";
import { decisionOn, mergeStateOf, opinionsOn } from "./reviews.ts";
import type { RepositoryState } from "./state.ts";

let schema: GraphQLSchema | undefined;

/** An error that GitHub puts into an answer 200. */
class Told extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export interface GraphqlAnswer {
  readonly data?: unknown;
  readonly errors?: readonly object[];
}

/** Answers a query of GitHub's GraphQL API, as far as github.graphql describes it. A query that GitHub would not take is an error in the answer. */
export async function answerGraphql(
  repositories: ReadonlyMap<string, RepositoryState>,
  as: Identity,
  { query = "", variables = {} }: { query?: string; variables?: Record<string, unknown> },
): Promise<GraphqlAnswer> {
  schema ??= buildSchema(readFileSync(join(import.meta.dirname, "description/github.graphql"), "utf8"));
  const rootValue = {
    repository: ({ owner, name }: { owner: string; name: string }) => {
      const found = repositories.get(`${owner}/${name}`);
      if (found === undefined || !sees(as, name))
        throw new Told("NOT_FOUND", `Could not resolve to a Repository with the name '${owner}/${name}'.`);
      return shownRepository(found, as);
    },
  };
  const { data, errors = [] } = await graphql({ schema, source: query, rootValue, variableValues: variables });
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors.length === 0 ? {} : { errors: errors.map(shownError) }),
  };
}

const shownError = ({ message, path, originalError }: GraphQLError): object => ({
  ...(originalError instanceof Told ? { type: originalError.type } : {}),
  ...(path === undefined ? {} : { path }),
  message,
});

const shownRepository = (repository: RepositoryState, as: Identity) => ({
  ref: async ({ qualifiedName }: { qualifiedName: string }) => {
    const branch = qualifiedName.replace(/^refs\/heads\//, "");
    if (!(await repository.git.refs(qualifiedName)).has(qualifiedName)) return null;
    const rule = repository.reviewRules.get(branch);
    if (rule?.by !== "classic") return { refUpdateRule: null };
    const { approvals = 0, codeOwners = [] } = rule;
    return {
      refUpdateRule: { requiredApprovingReviewCount: approvals, requiresCodeOwnerReviews: codeOwners.length > 0 },
    };
  },
  pullRequest: ({ number }: { number: number }) => {
    if (!mayDo(as, "pull_requests:read")) throw new Told("FORBIDDEN", "Resource not accessible by integration");
    const pull = repository.pulls.find((one) => one.number === number);
    if (pull === undefined)
      throw new Told("NOT_FOUND", `Could not resolve to a PullRequest with the number of ${number}.`);
    return shownPull(repository, pull);
  },
});

function shownPull(repository: RepositoryState, pull: PullRequest): object {
  const mergeStateStatus = mergeStateOf(repository, pull);
  const mergeable = lookAtMergeable(pull);
  return {
    number: pull.number,
    state: pull.mergedAt === null ? pull.state.toUpperCase() : "MERGED",
    isDraft: pull.isDraft,
    headRefOid: pull.head,
    headRefName: pull.headBranch,
    baseRefName: pull.base,
    mergeable: mergeable === null ? "UNKNOWN" : mergeable ? "MERGEABLE" : "CONFLICTING",
    mergeStateStatus,
    reviewDecision: decisionOn(repository, pull),
    author: { __typename: "User", login: pull.author },
    labels: { nodes: [...pull.labels].map((name) => ({ name })) },
    latestOpinionatedReviews: {
      nodes: opinionsOn(repository, pull).map(({ by, state, commit }) => ({
        state,
        author: { __typename: "User", login: by },
        commit: { oid: commit },
      })),
    },
  };
}
