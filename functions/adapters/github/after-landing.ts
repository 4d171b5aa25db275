import * as z from "zod";
import { GitSha } from "../../contracts/ids.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf } from "./errors.ts";

const RepositoryBody = z.looseObject({
  default_branch: z.string(),
  delete_branch_on_merge: z.boolean().default(false),
});
const BranchBody = z.looseObject({ commit: z.looseObject({ sha: GitSha }), protected: z.boolean() });

/** GitHub lists at most 250 commits of a pull request. */
const PAGES_OF_COMMITS = 3;

export type AfterLanding = ReturnType<typeof afterLanding>;

/** What the queue does on GitHub once a pull request has landed. Each is one call unless it says otherwise, and throws as GitHubClient does. */
export const afterLanding = ({ call, owner, repo }: GitHubClient) => {
  const at = { owner, repo };
  return {
    /** What the repository's settings say. */
    async settings(): Promise<{ readonly defaultBranch: string; readonly deletesBranches: boolean }> {
      const { data } = await call("GET /repos/{owner}/{repo}", at);
      const { default_branch: defaultBranch, delete_branch_on_merge: deletesBranches } = RepositoryBody.parse(data);
      return { defaultBranch, deletesBranches };
    },

    /** The messages of the commits of a pull request: one call per hundred, three at most. */
    async commitMessages(pull: number): Promise<readonly string[]> {
      const messages: string[] = [];
      for (let page = 1; page <= PAGES_OF_COMMITS; page++) {
        const { data } = await call("GET /repos/{owner}/{repo}/pulls/{pull_number}/commits", {
          ...at,
          pull_number: pull,
          per_page: 100,
          page,
        });
        messages.push(...data.map(({ commit }) => commit.message));
        if (data.length < 100) break;
      }
      return messages;
    },

    /** Closes an issue as completed. Nothing happens when it is closed, a pull request, or not there. Two calls at most. */
    async closeIssue(issue: number): Promise<void> {
      try {
        const { data } = await call("GET /repos/{owner}/{repo}/issues/{issue_number}", { ...at, issue_number: issue });
        if (data.state === "closed" || data.pull_request !== undefined) return;
        await call("PATCH /repos/{owner}/{repo}/issues/{issue_number}", {
          ...at,
          issue_number: issue,
          state: "closed",
          state_reason: "completed",
        });
      } catch (error) {
        // Gone, moved to another repository, or issues are switched off.
        if (![404, 410].includes(statusOf(error) ?? 0)) throw error;
      }
    },

    /** True when the branch holds the commit. */
    async holds(branch: string, commit: GitSha): Promise<boolean> {
      try {
        const { data } = await call("GET /repos/{owner}/{repo}/compare/{basehead}", {
          ...at,
          basehead: `${branch}...${commit}`,
          per_page: 1,
        });
        return data.ahead_by === 0;
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw error;
      }
    },

    /** True when the repository has the ref, such as `refs/heads/main`. */
    async hasRef(ref: string): Promise<boolean> {
      try {
        await call("GET /repos/{owner}/{repo}/git/ref/{ref}", { ...at, ref: ref.replace(/^refs\//, "") });
        return true;
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw error;
      }
    },

    /** Undefined when there is no such branch. */
    async branch(name: string): Promise<{ readonly sha: GitSha; readonly isProtected: boolean } | undefined> {
      try {
        const { data } = await call("GET /repos/{owner}/{repo}/branches/{branch}", { ...at, branch: name });
        const { commit, protected: isProtected } = BranchBody.parse(data);
        return { sha: commit.sha, isProtected };
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },

    /** The numbers of the open pull requests that are based on the branch, a hundred at most. */
    async basedOn(branch: string): Promise<readonly number[]> {
      const { data } = await call("GET /repos/{owner}/{repo}/pulls", {
        ...at,
        state: "open",
        base: branch,
        per_page: 100,
      });
      return data.map(({ number }) => number);
    },

    /**
     * Bases a pull request on another branch. False when GitHub refuses: the branch holds all of the pull request already, or the pull
     * request is closed or gone.
     */
    async retarget(pull: number, base: string): Promise<boolean> {
      try {
        await call("PATCH /repos/{owner}/{repo}/pulls/{pull_number}", { ...at, pull_number: pull, base });
        return true;
      } catch (error) {
        if (![404, 422].includes(statusOf(error) ?? 0)) throw error;
        return false;
      }
    },

    /** Nothing happens when the branch is gone. */
    async deleteBranch(name: string): Promise<void> {
      try {
        await call("DELETE /repos/{owner}/{repo}/git/refs/{ref}", { ...at, ref: `heads/${name}` });
      } catch (error) {
        if (![404, 422].includes(statusOf(error) ?? 0)) throw error;
      }
    },
  };
};
