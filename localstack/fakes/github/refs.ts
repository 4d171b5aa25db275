import { NO_COMMIT, type RefChange } from "./bare-repository.ts";
import { loginOf } from "./identity.ts";
import { notFound, unprocessable } from "./refusal.ts";
import { commitOf } from "./repositories.ts";
import { ok, R, type Routes } from "./routes.ts";
import {
  type Hub,
  type RepositoryState,
  type RequiredCheck,
  type ReviewRule,
  repositoryOf,
  timestamp,
  userOf,
} from "./state.ts";

/** Git refs, branches, and what is required on a branch. */
export function refRoutes(hub: Hub, synced: (repository: RepositoryState, by: string) => Promise<void>): Routes {
  const shown = ({ fullName }: RepositoryState, ref: string, sha: string) => ({
    ref,
    url: `${hub.url}/repos/${fullName}/git/${ref}`,
    object: { type: "commit", sha, url: `${hub.url}/repos/${fullName}/git/commits/${sha}` },
  });
  const found = async ({ git }: RepositoryState, ref: string) => (await git.refs(`refs/${ref}`)).get(`refs/${ref}`);
  return {
    [`get ${R}/git/ref/{ref}`]: {
      needs: "contents:read",
      answer: async ({ repository, params: { ref = "" } }) => {
        const sha = await found(repository, ref);
        if (sha === undefined) throw notFound();
        return ok(shown(repository, `refs/${ref}`, sha));
      },
    },
    [`get ${R}/git/matching-refs/{ref}`]: {
      needs: "contents:read",
      answer: async ({ repository, params: { ref = "" } }) => {
        const all = await repository.git.refs();
        const matching = [...all].filter(([name]) => name.startsWith(`refs/${ref}`));
        return ok(matching.map(([name, sha]) => shown(repository, name, sha)));
      },
    },
    [`post ${R}/git/refs`]: {
      needs: "contents:write",
      answer: async ({ repository, body, as }) => {
        const { ref, sha } = body as { ref: string; sha: string };
        if (!/^refs\/\w+\/./.test(ref) || !repository.git.isRefName(ref))
          throw unprocessable("Reference name is invalid");
        if ((await repository.git.commitOf(sha)) === undefined) throw unprocessable("Object does not exist");
        if ((await repository.git.refs(ref)).has(ref)) throw unprocessable("Reference already exists");
        if (!(await repository.git.update(ref, sha))) throw unprocessable("Reference update failed");
        await synced(repository, loginOf(as));
        return ok(shown(repository, ref, sha), 201);
      },
    },
    [`patch ${R}/git/refs/{ref}`]: {
      needs: "contents:write",
      answer: async ({ repository, body, as, params: { ref = "" } }) => {
        const { sha, force = false } = body as { sha: string; force?: boolean };
        const was = await found(repository, ref);
        if (was === undefined) throw unprocessable("Reference does not exist");
        if ((await repository.git.commitOf(sha)) === undefined) throw unprocessable("Object does not exist");
        if (!force && !(await repository.git.holds(sha, was))) throw unprocessable("Update is not a fast forward");
        if (!(await repository.git.update(`refs/${ref}`, sha, was))) throw unprocessable("Reference update failed");
        await synced(repository, loginOf(as));
        return ok(shown(repository, `refs/${ref}`, sha));
      },
    },
    [`delete ${R}/git/refs/{ref}`]: {
      needs: "contents:write",
      answer: async ({ repository, as, params: { ref = "" } }) => {
        if (!(await repository.git.delete(`refs/${ref}`))) throw unprocessable("Reference does not exist");
        await synced(repository, loginOf(as));
        return { status: 204 };
      },
    },
    [`get ${R}/branches/{branch}`]: {
      needs: "contents:read",
      answer: async ({ repository, params: { branch = "" } }) => {
        const sha = await found(repository, `heads/${branch}`);
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

/** Tells of a ref that has changed: a push, and for a ref that came or went also create or delete. */
export async function pushed(
  hub: Hub,
  repository: RepositoryState,
  { ref, before, after }: RefChange,
  by: string,
): Promise<void> {
  const kind = ref.startsWith("refs/heads/") ? "branch" : ref.startsWith("refs/tags/") ? "tag" : undefined;
  // GitHub tells of branches and tags alone.
  if (kind === undefined) return;
  const name = ref.replace(/^refs\/(heads|tags)\//, "");
  const [created, deleted] = [before === NO_COMMIT, after === NO_COMMIT];
  const common = { pusher_type: "user", ref: name, ref_type: kind };
  if (created)
    hub.emit(repository, "create", { ...common, master_branch: repository.defaultBranch, description: null }, by);
  if (deleted) hub.emit(repository, "delete", common, by);
  const forced = !created && !deleted && !(await repository.git.holds(after, before));
  const head = deleted ? null : await pushCommit(repository, after);
  const payload = {
    ref,
    before,
    after,
    base_ref: null,
    created,
    deleted,
    forced,
    compare: "https://github.invalid/compare",
    commits: created || head === null ? [] : [head],
    head_commit: head,
    pusher: { name: by, email: null },
    repository: {
      ...repositoryOf(repository, hub.url),
      pushed_at: Math.floor(hub.now() / 1_000),
      created_at: 1_767_225_600,
    },
    sender: userOf(by),
  };
  hub.emit(repository, "push", payload, by);
}

async function pushCommit({ git, fullName }: RepositoryState, sha: string): Promise<object> {
  const { tree, message, author, committer } = await git.commit(sha);
  const person = ({ name, email }: typeof author) => ({ name, email });
  return {
    id: sha,
    tree_id: tree,
    distinct: true,
    message,
    timestamp: timestamp(Date.parse(committer.date)),
    url: `https://github.invalid/${fullName}/commit/${sha}`,
    author: person(author),
    committer: person(committer),
    added: [],
    removed: [],
    modified: [],
  };
}
