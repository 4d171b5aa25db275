import { NO_COMMIT, type RefChange } from "./bare-repository.ts";
import { loginOf } from "./identity.ts";
import { pullBody } from "./pull-body.ts";
import type { PullRequest } from "./records.ts";
import { unprocessable } from "./refusal.ts";
import { dismissStale } from "./reviews.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, pullOf, type RepositoryState, timestamp, userOf } from "./state.ts";

/** Pull requests: their head follows the branch, and they are merged when their head becomes a part of their base. */
export function pullRequestRoutes(hub: Hub): Routes {
  return {
    [`get ${R}/pulls`]: {
      needs: "pull_requests:read",
      answer: ({ repository, query, page }) => {
        const [state, head, base] = [query.get("state") ?? "open", query.get("head"), query.get("base")];
        const found = repository.pulls
          .filter((pull) => state === "all" || pull.state === state)
          .filter(({ headBranch }) => head === null || head === `${repository.owner}:${headBranch}`)
          .filter((pull) => base === null || pull.base === base)
          .toReversed();
        return ok(page(found).map((pull) => pullBody(hub, repository, pull)));
      },
    },
    [`post ${R}/pulls`]: {
      needs: "pull_requests:write",
      answer: async ({ repository, body, as }) =>
        ok(pullBody(hub, repository, await openPull(hub, repository, { ...body, by: loginOf(as) })), 201),
    },
    [`get ${R}/pulls/{pull_number}`]: {
      needs: "pull_requests:read",
      answer: ({ repository, params }) => {
        const pull = pullOf(repository, params["pull_number"]);
        const body = pullBody(hub, repository, pull);
        lookAtMergeable(pull);
        return ok(body);
      },
    },
    [`patch ${R}/pulls/{pull_number}`]: {
      needs: "pull_requests:write",
      answer: async ({ repository, params, body, as }) => {
        const pull = pullOf(repository, params["pull_number"]);
        if (body.base !== undefined && body.base !== pull.base) await refuseBase(repository, pull, body.base);
        changePull(hub, repository, pull, body, loginOf(as));
        return ok(pullBody(hub, repository, pull));
      },
    },
    [`get ${R}/activity`]: {
      needs: "contents:read",
      answer: ({ repository, query, page }) => {
        const ref = query.get("ref");
        const found = repository.activity.filter((one) => ref === null || one.ref === ref).toReversed();
        return ok(
          page(found).map(({ id, ref: name, before, after, at, by }) => ({
            id,
            node_id: String(id),
            before,
            after,
            ref: name,
            timestamp: timestamp(at),
            activity_type: before === NO_COMMIT ? "branch_creation" : after === NO_COMMIT ? "branch_deletion" : "push",
            actor: userOf(by),
          })),
        );
      },
    },
  };
}

export interface NewPull {
  readonly title: string;
  readonly head: string;
  readonly base: string;
  readonly body?: string;
  readonly draft?: boolean;
  readonly by: string;
}

export async function openPull(hub: Hub, repository: RepositoryState, wanted: NewPull): Promise<PullRequest> {
  const { title, head: headBranch, base, body = "", draft = false, by } = wanted;
  const heads = await repository.git.refs("refs/heads/");
  const head = heads.get(`refs/heads/${headBranch}`);
  if (head === undefined || !heads.has(`refs/heads/${base}`)) throw unprocessable("Validation Failed");
  const number = repository.pulls.length + 1;
  const pull: PullRequest = {
    number,
    author: by,
    headBranch,
    title,
    body,
    base,
    head,
    isDraft: draft,
    state: "open",
    mergedAt: null,
    createdAt: hub.now(),
    updatedAt: hub.now(),
    labels: new Set(),
    reviews: [],
    mergeable: true,
    looksUntilMergeable: 0,
  };
  repository.pulls.push(pull);
  await repository.git.update(`refs/pull/${number}/head`, head);
  tellOf(hub, repository, pull, { action: "opened", by });
  return pull;
}

/** What a person or an App changes of a pull request. */
export interface PullChange {
  readonly state?: "open" | "closed";
  readonly base?: string;
  readonly title?: string;
  readonly body?: string;
  /** Only GitHub's page and its GraphQL API change it. */
  readonly draft?: boolean;
}

/** GitHub takes no base that is not there, or that holds all of the pull request, and changes no base of a closed pull request. */
async function refuseBase({ git }: RepositoryState, { state, head, headBranch }: PullRequest, base: string) {
  const tip = (await git.refs("refs/heads/")).get(`refs/heads/${base}`);
  const why =
    tip === undefined
      ? `Proposed base branch '${base}' was not found`
      : state === "closed"
        ? "Cannot change the base branch of a closed pull request."
        : `There are no new commits between base branch '${base}' and head branch '${headBranch}'`;
  if (tip === undefined || state === "closed" || (await git.holds(tip, head)))
    throw unprocessable("Validation Failed", [
      { resource: "PullRequest", field: "base", code: "invalid", message: why },
    ]);
}

export function changePull(
  hub: Hub,
  repository: RepositoryState,
  pull: PullRequest,
  change: PullChange,
  by: string,
): void {
  pull.updatedAt = hub.now();
  if (change.base !== undefined && change.base !== pull.base) {
    const from = pull.base;
    pull.base = change.base;
    tellOf(hub, repository, pull, {
      action: "edited",
      by,
      more: { changes: { base: { ref: { from }, sha: { from: pull.head } } } },
    });
  }
  if (change.draft !== undefined && change.draft !== pull.isDraft) {
    pull.isDraft = change.draft;
    tellOf(hub, repository, pull, { action: change.draft ? "converted_to_draft" : "ready_for_review", by });
  }
  if (change.state !== undefined && change.state !== pull.state) {
    if (pull.mergedAt !== null) throw unprocessable("Cannot change the state of a merged pull request.");
    pull.state = change.state;
    tellOf(hub, repository, pull, { action: change.state === "closed" ? "closed" : "reopened", by });
  }
}

/** `mergeable` of a pull request as this look finds it: GitHub works out whether a pull request merges only when it is looked at. */
export function lookAtMergeable(pull: PullRequest): boolean | null {
  const { mergeable } = pull;
  if (mergeable === null && --pull.looksUntilMergeable <= 0) pull.mergeable = true;
  return mergeable;
}

/**
 * What a push makes of pull requests. A pull request whose head moves to a commit that its base holds, or in the very push by which its base
 * takes the head in, is closed, and not marked as merged.
 */
export async function followPush(hub: Hub, repository: RepositoryState, change: RefChange, by: string): Promise<void> {
  const { ref, before, after, together, refs } = change;
  repository.activity.push({ id: hub.nextId(), ref, before, after, at: hub.now(), by });
  const branch = ref.replace(/^refs\/heads\//, "");
  if (branch === ref) return;
  if (after === NO_COMMIT) return closeWithout(hub, repository, branch, by);
  for (const pull of repository.pulls.filter(({ state }) => state === "open")) {
    if (pull.headBranch === branch && pull.head !== after) {
      const was = pull.head;
      pull.head = after;
      pull.updatedAt = hub.now();
      await repository.git.update(`refs/pull/${pull.number}/head`, after, was);
      tellOf(hub, repository, pull, { action: "synchronize", by, more: { before: was, after } });
      dismissStale(hub, repository, pull, by);
      const base = refs.get(`refs/heads/${pull.base}`);
      if (base !== undefined && (await repository.git.holds(base, after)))
        changePull(hub, repository, pull, { state: "closed" }, by);
    }
    if (pull.state === "open" && pull.base === branch && (await repository.git.holds(after, pull.head))) {
      const moved = together.includes(`refs/heads/${pull.headBranch}`);
      pull.state = "closed";
      pull.mergedAt = moved ? null : hub.now();
      pull.updatedAt = hub.now();
      tellOf(hub, repository, pull, { action: "closed", by });
    }
  }
}

/** A pull request without its head or its base is closed. */
function closeWithout(hub: Hub, repository: RepositoryState, branch: string, by: string): void {
  for (const pull of repository.pulls.filter(({ state }) => state === "open"))
    if (pull.headBranch === branch || pull.base === branch) changePull(hub, repository, pull, { state: "closed" }, by);
}

/** What happens to a pull request. `more`: what the webhook says of it beside the pull request. */
interface Happening {
  readonly action: string;
  readonly by: string;
  readonly more?: object;
}

/** Sends the webhook about a pull request. */
export function tellOf(
  hub: Hub,
  repository: RepositoryState,
  pull: PullRequest,
  { action, by, more = {} }: Happening,
): void {
  const sender = userOf(by, by.endsWith("[bot]") ? "Bot" : "User");
  const payload = { number: pull.number, pull_request: pullBody(hub, repository, pull), ...more, sender };
  hub.emit(repository, `pull_request.${action}`, payload, by);
}
