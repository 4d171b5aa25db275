import { notFound } from "./refusal.ts";
import { commitOf } from "./repositories.ts";
import { ok, R, type Routes } from "./routes.ts";
import type { Hub, RepositoryState, RequiredCheck, ReviewRule } from "./state.ts";

/** Branches, and what is required on a branch: by classic protection, and by rulesets. */
export function branchRoutes(hub: Hub): Routes {
  return {
    [`get ${R}/branches/{branch}`]: {
      needs: "contents:read",
      answer: async ({ repository, params: { branch = "" } }) => {
        const ref = `refs/heads/${branch}`;
        const sha = (await repository.git.refs(ref)).get(ref);
        if (sha === undefined) throw notFound();
        const required = repository.protection.get(branch);
        const isClassic = required !== undefined || repository.reviewRules.get(branch)?.by === "classic";
        return ok({
          name: branch,
          commit: await commitOf(repository, sha, hub.url),
          protected: isClassic || repository.ruleset.has(branch) || repository.reviewRules.has(branch),
          protection: {
            enabled: isClassic,
            required_status_checks: {
              enforcement_level: required === undefined ? "off" : "non_admins",
              contexts: (required ?? []).map(({ context }) => context),
              checks: (required ?? []).map(({ context, appId }) => ({ context, app_id: appId ?? null })),
            },
          },
        });
      },
    },
    [`get ${R}/rulesets/{ruleset_id}`]: {
      needs: "metadata:read",
      answer: ({ repository, params }) => {
        if (params["ruleset_id"] !== "1") throw notFound();
        return ok({
          id: 1,
          name: "trunk",
          target: "branch",
          source_type: "Repository",
          source: repository.fullName,
          enforcement: "active",
          current_user_can_bypass: repository.mayBypass ? "always" : "never",
        });
      },
    },
    [`get ${R}/rules/branches/{branch}`]: {
      needs: "metadata:read",
      answer: ({ repository, page, params: { branch = "" } }) => {
        const required = repository.ruleset.get(branch);
        const review = repository.reviewRules.get(branch);
        const rules = [
          ...(required === undefined ? [] : [ruleOf(required, repository)]),
          ...(review?.by === "ruleset" ? [reviewRuleOf(review, repository)] : []),
        ];
        return ok(page(rules));
      },
    },
  };
}

const ruleOf = (required: readonly RequiredCheck[], { fullName }: RepositoryState): object => ({
  type: "required_status_checks",
  ruleset_source_type: "Repository",
  ruleset_source: fullName,
  ruleset_id: 1,
  parameters: {
    strict_required_status_checks_policy: true,
    do_not_enforce_on_create: false,
    required_status_checks: required.map(({ context, appId }) => ({
      context,
      ...(appId === undefined ? {} : { integration_id: appId }),
    })),
  },
});

const reviewRuleOf = (
  { approvals = 0, codeOwners = [], team = [], dismissesStale = false }: ReviewRule,
  { fullName }: RepositoryState,
): object => ({
  type: "pull_request",
  ruleset_source_type: "Repository",
  ruleset_source: fullName,
  ruleset_id: 2,
  parameters: {
    dismiss_stale_reviews_on_push: dismissesStale,
    require_code_owner_review: codeOwners.length > 0,
    require_last_push_approval: false,
    required_approving_review_count: approvals,
    required_review_thread_resolution: false,
    required_reviewers:
      team.length === 0 ? [] : [{ minimum_approvals: 1, file_patterns: ["*"], reviewer: { id: 1, type: "Team" } }],
  },
});
