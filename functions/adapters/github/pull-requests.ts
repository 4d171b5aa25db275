import * as z from "zod";
import { isSameRepository } from "../../contracts/github.ts";
import { GitSha } from "../../contracts/ids.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Permission, Pull } from "../../domain/github/refusal.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf, unseen } from "./errors.ts";
import { pullComments } from "./pull-comments.ts";
import { shownCheck } from "./shown-check.ts";

const PullBody = z.looseObject({
  number: z.int(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.enum(["open", "closed"]),
  draft: z.boolean().nullish(),
  merged_at: z.string().nullish(),
  stack: z.unknown().optional(),
  user: z.looseObject({ login: z.string() }).nullish(),
  base: z.looseObject({ ref: z.string() }),
  head: z.looseObject({ ref: z.string(), sha: GitSha, repo: z.looseObject({ full_name: z.string() }).nullish() }),
});

const pullOf = (body: unknown): Pull => {
  const {
    number,
    title,
    body: text,
    state,
    draft,
    merged_at: mergedAt,
    stack,
    user,
    base,
    head,
  } = PullBody.parse(body);
  return {
    number,
    title,
    body: text ?? "",
    head: head.sha,
    base: base.ref,
    headBranch: head.ref,
    headRepository: head.repo?.full_name,
    author: user?.login ?? "ghost",
    isDraft: draft === true,
    isOpen: state === "open",
    isMerged: mergedAt !== undefined && mergedAt !== null,
    isStacked: stack !== undefined && stack !== null,
  };
};

const StackBody = z.looseObject({
  pull_requests: z.array(z.looseObject({ number: z.int(), merged_at: z.string().nullish() })),
});

export type PullRequests = ReturnType<typeof pullRequests>;

/**
 * What the queue does with pull requests on GitHub. Each is one call unless it says otherwise, and throws as GitHubClient does. What makes
 * something is safe to repeat: it looks for what an earlier try has made.
 */
export const pullRequests = (client: GitHubClient) => ({
  ...reads(client),
  ...edits(client),
  ...pullComments(client),
  ...shownCheck(client),
});

/** What the queue reads of pull requests. */
const reads = ({ call, owner, repo }: GitHubClient) => {
  const at = { owner, repo };

  return {
    /** Undefined when there is no such pull request: then two calls. Throws config.invalid when GitHub does not show the repository either. */
    async get(pull: number): Promise<Pull | undefined> {
      try {
        const { data } = await call("GET /repos/{owner}/{repo}/pulls/{pull_number}", { ...at, pull_number: pull });
        return pullOf(data);
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        await requireSeen();
        return undefined;
      }
    },

    /**
     * The pull requests of GitHub's own stack up to this one, the lowest first, without the merged ones. Undefined when GitHub has no
     * such stack.
     */
    async nativeStack(pull: number): Promise<readonly number[] | undefined> {
      try {
        const { data } = await call("GET /repos/{owner}/{repo}/stacks", { ...at, pull_request: pull });
        const [stack] = z.array(StackBody).parse(data);
        const index = stack?.pull_requests.findIndex(({ number }) => number === pull) ?? -1;
        if (stack === undefined || index < 0) return undefined;
        return stack.pull_requests.slice(0, index + 1).flatMap(({ number, merged_at: at }) => (at ? [] : [number]));
      } catch (error) {
        // An installation of GitHub without stacks.
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },

    /** The open pull requests whose head is the branch of this repository. */
    async withHead(branch: string): Promise<readonly Pull[]> {
      const { data } = await call("GET /repos/{owner}/{repo}/pulls", {
        ...at,
        state: "open",
        head: `${owner}:${branch}`,
        per_page: 100,
      });
      return data.map(pullOf).filter(({ headRepository }) => isSameRepository(headRepository, `${owner}/${repo}`));
    },

    /** What the user may do with the repository. */
    async permissionOf(login: string): Promise<Permission> {
      try {
        const { data } = await call("GET /repos/{owner}/{repo}/collaborators/{username}/permission", {
          ...at,
          username: login,
        });
        return z.enum(["admin", "write", "read", "none"]).catch("none").parse(data.permission);
      } catch (error) {
        if (statusOf(error) === 404) return "none";
        throw error;
      }
    },

    /**
     * What the branch of a pull request held at a moment, by GitHub's record of pushes. Undefined when the record can't be read, does not go
     * back so far, or has a push in the very second: then it can't be said.
     */
    async headAt({ headBranch, headRepository }: Pull, moment: EpochMs): Promise<GitSha | undefined> {
      if (headRepository === undefined) return undefined;
      const [headOwner = "", headRepo = ""] = headRepository.split("/");
      try {
        const { data } = await call("GET /repos/{owner}/{repo}/activity", {
          owner: headOwner,
          repo: headRepo,
          ref: `refs/heads/${headBranch}`,
          per_page: 100,
        });
        const second = Math.floor(moment / 1_000);
        const pushed = (timestamp: string) => Math.floor(Date.parse(timestamp) / 1_000);
        const last = data.find(({ timestamp }) => pushed(timestamp) <= second);
        return last === undefined || pushed(last.timestamp) === second ? undefined : GitSha.safeParse(last.after).data;
      } catch (error) {
        if ([404, 422].includes(statusOf(error) ?? 0)) return undefined;
        throw error;
      }
    },
  };

  /** GitHub answers 404 also for what the credentials may not see any more. No pull request is gone then. */
  async function requireSeen(): Promise<void> {
    try {
      await call("GET /repos/{owner}/{repo}", at);
    } catch (error) {
      throw statusOf(error) === 404 ? unseen({ owner, repo }, error) : error;
    }
  }
};

/** What the queue changes of pull requests. */
const edits = ({ call, owner, repo }: GitHubClient) => {
  const at = { owner, repo };
  return {
    /** Closes a pull request that is still open. */
    async close(pull: number): Promise<void> {
      await call("PATCH /repos/{owner}/{repo}/pulls/{pull_number}", { ...at, pull_number: pull, state: "closed" });
    },

    /** Adds a label to a pull request. */
    async label(pull: number, label: string): Promise<void> {
      await call("POST /repos/{owner}/{repo}/issues/{issue_number}/labels", {
        ...at,
        issue_number: pull,
        labels: [label],
      });
    },

    /** Takes a label off; nothing happens when it is off already. */
    async unlabel(pull: number, label: string): Promise<void> {
      try {
        await call("DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}", {
          ...at,
          issue_number: pull,
          name: label,
        });
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
    },
  };
};
