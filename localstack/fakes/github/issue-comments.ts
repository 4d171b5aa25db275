import { loginOf } from "./identity.ts";
import type { IssueComment, PullRequest } from "./records.ts";
import { notFound, unprocessable } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, pullOf, type RepositoryState, timestamp, userOf } from "./state.ts";

const isBot = (login: string): boolean => login.endsWith("[bot]");

/** In characters, of a comment. */
const MOST_TEXT = 65_536;

function refuseText(text: string): void {
  const why = text.trim() === "" ? "body cannot be blank" : `body is too long (maximum is ${MOST_TEXT} characters)`;
  if (text.trim() === "" || text.length > MOST_TEXT)
    throw unprocessable("Validation Failed", [
      { resource: "IssueComment", code: "unprocessable", field: "data", message: why },
    ]);
}

/** Comments on pull requests, and reactions to them. */
export function issueCommentRoutes(hub: Hub): Routes {
  const commentOf = ({ comments }: RepositoryState, id: string | undefined): IssueComment => {
    const found = comments.find((one) => String(one.id) === id);
    if (found === undefined) throw notFound();
    return found;
  };
  return {
    [`get ${R}/issues/{issue_number}/comments`]: {
      needs: "issues:read",
      answer: ({ repository, params, query, page }) => {
        const { number } = pullOf(repository, params["issue_number"]);
        const since = query.get("since");
        const found = repository.comments
          .filter(({ issue }) => issue === number)
          .filter(({ updatedAt }) => since === null || timestamp(updatedAt) >= since.replace(/\.\d+Z$/, "Z"));
        return ok(page(found).map((comment) => commentBody(hub, repository, comment)));
      },
    },
    [`post ${R}/issues/{issue_number}/comments`]: {
      needs: "issues:write",
      answer: ({ repository, params, body, as }) => {
        const pull = pullOf(repository, params["issue_number"]);
        refuseText(body.body);
        return ok(commentBody(hub, repository, addComment(hub, repository, pull, body.body, loginOf(as))), 201);
      },
    },
    [`get ${R}/issues/comments/{comment_id}`]: {
      needs: "issues:read",
      answer: ({ repository, params }) => ok(commentBody(hub, repository, commentOf(repository, params["comment_id"]))),
    },
    [`patch ${R}/issues/comments/{comment_id}`]: {
      needs: "issues:write",
      answer: ({ repository, params, body }) => {
        const comment = commentOf(repository, params["comment_id"]);
        refuseText(body.body);
        comment.body = body.body;
        comment.updatedAt = hub.now();
        comment.edits += 1;
        return ok(commentBody(hub, repository, comment));
      },
    },
    [`delete ${R}/issues/comments/{comment_id}`]: {
      needs: "issues:write",
      answer: ({ repository, params }) => {
        repository.comments.splice(repository.comments.indexOf(commentOf(repository, params["comment_id"])), 1);
        return { status: 204 };
      },
    },
    [`post ${R}/issues/comments/{comment_id}/reactions`]: {
      needs: "issues:write",
      answer: ({ repository, params, body, as }) => {
        const { reactions } = commentOf(repository, params["comment_id"]);
        const by = loginOf(as);
        const key = `${by} ${body.content}`;
        const known = reactions.get(key);
        const reaction = known ?? { id: hub.nextId(), by, content: body.content };
        reactions.set(key, reaction);
        return ok(
          {
            id: reaction.id,
            node_id: "",
            user: userOf(by, "Bot"),
            content: reaction.content,
            created_at: timestamp(hub.now()),
          },
          known === undefined ? 201 : 200,
        );
      },
    },
  };
}

export function addComment(
  hub: Hub,
  repository: RepositoryState,
  pull: PullRequest,
  body: string,
  by: string,
): IssueComment {
  const at = hub.now();
  const comment: IssueComment = {
    id: hub.nextId(),
    issue: pull.number,
    by,
    body,
    createdAt: at,
    updatedAt: at,
    edits: 0,
    reactions: new Map(),
  };
  repository.comments.push(comment);
  const url = `${hub.url}/repos/${repository.fullName}/pulls/${pull.number}`;
  const sender = userOf(by, isBot(by) ? "Bot" : "User");
  hub.emit(
    repository,
    "issue_comment.created",
    {
      comment: commentBody(hub, repository, comment),
      issue: {
        number: pull.number,
        title: pull.title,
        state: pull.state,
        user: userOf(pull.author),
        pull_request: { url, html_url: "https://github.invalid/", diff_url: "", patch_url: "" },
      },
      sender,
    },
    by,
  );
  return comment;
}

function commentBody(hub: Hub, repository: RepositoryState, comment: IssueComment): object {
  const { id, issue, by, body, createdAt, updatedAt } = comment;
  const api = `${hub.url}/repos/${repository.fullName}/issues`;
  return {
    id,
    node_id: "",
    body,
    user: userOf(by, isBot(by) ? "Bot" : "User"),
    url: `${api}/comments/${id}`,
    html_url: `${hub.url}/${repository.fullName}/pull/${issue}#issuecomment-${id}`,
    issue_url: `${api}/${issue}`,
    created_at: timestamp(createdAt),
    updated_at: timestamp(updatedAt),
    author_association: "MEMBER",
    performed_via_github_app: null,
  };
}
