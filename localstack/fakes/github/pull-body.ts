import { NO_COMMIT } from "./bare-repository.ts";
import type { PullRequest } from "./records.ts";
import { mergeStateOf } from "./reviews.ts";
import { type Hub, type RepositoryState, repositoryOf, timestamp, userOf } from "./state.ts";

export const labelBody = (name: string): object => ({
  id: [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 1),
  node_id: "",
  url: "https://github.invalid/label",
  name,
  color: "ededed",
  default: false,
  description: "",
});

export function pullBody(hub: Hub, repository: RepositoryState, pull: PullRequest): object {
  const { number, title, body, state, mergedAt, isDraft, author, createdAt, updatedAt } = pull;
  const api = `${hub.url}/repos/${repository.fullName}`;
  const web = `${hub.url}/${repository.fullName}/pull/${number}`;
  const side = (ref: string, sha: string) => ({
    label: `${repository.owner}:${ref}`,
    ref,
    sha,
    user: userOf(repository.owner, "Organization"),
    repo: repositoryOf(repository, hub.url),
  });
  return {
    id: repository.id * 1_000 + number,
    number,
    title,
    body,
    state,
    draft: isDraft,
    merged: mergedAt !== null,
    merged_at: mergedAt === null ? null : timestamp(mergedAt),
    mergeable_state: mergeStateOf(repository, pull).toLowerCase(),
    mergeable: pull.mergeable,
    stack: placeInStack(repository, number),
    user: userOf(author),
    labels: [...pull.labels].map(labelBody),
    head: side(pull.headBranch, pull.head),
    base: side(pull.base, NO_COMMIT),
    url: `${api}/pulls/${number}`,
    html_url: web,
    issue_url: `${api}/issues/${number}`,
    comments_url: `${api}/issues/${number}/comments`,
    statuses_url: `${api}/statuses/${pull.head}`,
    created_at: timestamp(createdAt),
    updated_at: timestamp(updatedAt),
    closed_at: state === "closed" ? timestamp(updatedAt) : null,
    author_association: "CONTRIBUTOR",
    active_lock_reason: null,
    locked: false,
  };
}

function placeInStack({ stacks }: RepositoryState, number: number): object | null {
  const stack = stacks.find(({ pulls }) => pulls.includes(number));
  if (stack === undefined) return null;
  const { id, base, pulls } = stack;
  return {
    id,
    number: id,
    base: { ref: base, sha: NO_COMMIT },
    size: pulls.length,
    position: pulls.indexOf(number) + 1,
  };
}
