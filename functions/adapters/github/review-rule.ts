import type { ReviewRule } from "../../domain/pull-request.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf } from "./errors.ts";

/**
 * What the rulesets of a branch ask of reviews, all of them together. Undefined when they ask for none. One call. GitHub's verdict on
 * reviews leaves out the reviewers that a ruleset names.
 */
export async function rulesetRule(
  { call, owner, repo }: GitHubClient,
  branch: string,
): Promise<ReviewRule | undefined> {
  try {
    const { data } = await call("GET /repos/{owner}/{repo}/rules/branches/{branch}", {
      owner,
      repo,
      branch,
      per_page: 100,
    });
    const rules = data.flatMap((rule) => (rule.type === "pull_request" && rule.parameters ? [rule.parameters] : []));
    if (rules.length === 0) return undefined;
    const others = rules.flatMap(({ required_reviewers: reviewers = [] }) => reviewers);
    return {
      approvals: Math.max(...rules.map((rule) => rule.required_approving_review_count)),
      ofHeadCommit: rules.some((rule) => rule.dismiss_stale_reviews_on_push || rule.require_last_push_approval),
      ofOwnersOrTeams:
        rules.some((rule) => rule.require_code_owner_review) || others.some((one) => one.minimum_approvals > 0),
    };
  } catch (error) {
    // An installation of GitHub without rulesets.
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/**
 * What classic protection asks of reviews, as far as REST says to a client that is no administrator: that there is any protection. What it
 * asks is not known, so the approvals are GitHub's to judge. One call.
 */
export async function restRule({ call, owner, repo }: GitHubClient, branch: string): Promise<ReviewRule | undefined> {
  try {
    const { data } = await call("GET /repos/{owner}/{repo}/branches/{branch}", { owner, repo, branch });
    return data.protection?.enabled === true ? { approvals: 0, ofHeadCommit: false, ofOwnersOrTeams: true } : undefined;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** What two rules ask together. */
export const stricter = (one: ReviewRule | undefined, other: ReviewRule | undefined): ReviewRule | undefined =>
  one && other
    ? {
        approvals: Math.max(one.approvals, other.approvals),
        ofHeadCommit: one.ofHeadCommit || other.ofHeadCommit,
        ofOwnersOrTeams: one.ofOwnersOrTeams || other.ofOwnersOrTeams,
      }
    : (one ?? other);
