import { CodedError } from "../../contracts/errors.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf } from "./errors.ts";

/** How many pages of 100 comments are looked through for one of ours. */
const MOST_PAGES = 10;

/** Comments on pull requests, and reactions to comments. */
export const pullComments = ({ call, owner, repo }: GitHubClient) => {
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

  /** Undefined where the conversation of the pull request is locked: the check run then says what the comment would have said. */
  async function unlessLocked<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof CodedError && error.code === "config.invalid" && /\blocked\b/i.test(error.message))
        return undefined;
      throw error;
    }
  }

  return {
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
  };
};
