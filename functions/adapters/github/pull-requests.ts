import * as z from "zod";
import { CodedError } from "../../contracts/errors.ts";
import { isSameRepository } from "../../contracts/github.ts";
import { GitSha } from "../../contracts/ids.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Permission, Pull } from "../../domain/github/refusal.ts";
import type { CheckReport } from "../../domain/github/report.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf, unseen } from "./errors.ts";

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

/** How many pages of 100 comments are looked through for one of ours. */
const MOST_PAGES = 10;

export type PullRequests = ReturnType<typeof pullRequests>;

/**
 * What the queue does with pull requests on GitHub. Each is one call unless it says otherwise, and throws as GitHubClient does. What makes
 * something is safe to repeat: it looks for what an earlier try has made.
 */
export const pullRequests = ({ call, owner, repo, appId }: GitHubClient) => {
  const at = { owner, repo };

  /** The App's own comment that begins with the marker. One call per 100 comments since `since`, of all comments without it. */
  async function commentWith(pull: number, marker: string, since?: EpochMs): Promise<number | undefined> {
    for (let page = 1; page <= MOST_PAGES; page++) {
      const { data } = await call("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
        ...at,
        issue_number: pull,
        per_page: 100,
        page,
        ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
      });
      const found = data.find(({ body, user }) => body?.startsWith(marker) === true && user?.type === "Bot");
      if (found !== undefined) return Number(found.id);
      if (data.length < 100) return undefined;
    }
    return undefined;
  }

  const addComment = async (pull: number, body: string): Promise<number> =>
    Number(
      (await call("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", { ...at, issue_number: pull, body }))
        .data.id,
    );

  /** Undefined where the conversation of the pull request is locked: the check run says what is to be said. */
  async function unlessLocked<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof CodedError && error.code === "config.invalid" && /\blocked\b/i.test(error.message))
        return undefined;
      throw error;
    }
  }

  const checkWords = ({ status, conclusion, title, summary, actions }: CheckReport) => ({
    status,
    ...(conclusion === undefined ? {} : { conclusion }),
    output: { title, summary },
    actions: [...actions],
  });

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

    /** GitHub answers a repeat with the reaction that is there. Nothing happens where the conversation is locked. */
    async react(commentId: number, content: "eyes" | "rocket" | "confused"): Promise<void> {
      const reaction = { ...at, comment_id: commentId, content };
      try {
        await unlessLocked(() => call("POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", reaction));
      } catch (error) {
        // The comment was deleted.
        if (statusOf(error) !== 404) throw error;
      }
    },

    /** A comment that is there once, by its marker: two calls, one where it is there. None is made where the conversation is locked. */
    async commentOnce(
      pull: number,
      marker: string,
      body: string,
      since: EpochMs,
      spend: () => Promise<void>,
    ): Promise<void> {
      if ((await commentWith(pull, marker, since)) !== undefined) return;
      await spend();
      await unlessLocked(() => addComment(pull, body));
    },

    /**
     * The one comment of a marker, edited or made. Answers its id; undefined where there is none and the conversation is locked. One to three
     * calls.
     */
    async keepComment(
      pull: number,
      marker: string,
      body: string,
      known: number | undefined,
    ): Promise<number | undefined> {
      const id = known ?? (await commentWith(pull, marker));
      if (id === undefined) return unlessLocked(() => addComment(pull, body));
      try {
        const edited = { ...at, comment_id: id, body };
        await unlessLocked(() => call("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", edited));
        return id;
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        // The comment was deleted.
        return unlessLocked(() => addComment(pull, body));
      }
    },

    /** The one check run of a name on a commit, changed or made. Answers its id. One or two calls. */
    async keepCheck(
      name: string,
      head: GitSha,
      report: CheckReport,
      { externalId, url, known }: { externalId: string; url: string | undefined; known: number | undefined },
    ): Promise<number> {
      const words = {
        external_id: externalId,
        ...(url === undefined ? {} : { details_url: url }),
        ...checkWords(report),
      };
      const id = known ?? (await runOn(name, head));
      if (id === undefined)
        return Number(
          (await call("POST /repos/{owner}/{repo}/check-runs", { ...at, name, head_sha: head, ...words })).data.id,
        );
      await call("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", { ...at, check_run_id: id, ...words });
      return id;
    },

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

  /** GitHub answers 404 also for what the credentials may not see any more. No pull request is gone then. */
  async function requireSeen(): Promise<void> {
    try {
      await call("GET /repos/{owner}/{repo}", at);
    } catch (error) {
      throw statusOf(error) === 404 ? unseen({ owner, repo }, error) : error;
    }
  }

  async function runOn(name: string, head: GitSha): Promise<number | undefined> {
    const { data } = await call("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", {
      ...at,
      ref: head,
      check_name: name,
      per_page: 100,
      ...(appId === undefined ? {} : { app_id: appId }),
    });
    const [run] = data.check_runs;
    return run === undefined ? undefined : Number(run.id);
  }
};
