import { loginOf } from "./identity.ts";
import { labelBody } from "./pull-body.ts";
import { tellOf } from "./pull-requests.ts";
import type { PullRequest } from "./records.ts";
import { notFound } from "./refusal.ts";
import { ok, R, type Routes } from "./routes.ts";
import { type Hub, pullOf, type RepositoryState } from "./state.ts";

/** Labels of pull requests. */
export function labelRoutes(hub: Hub): Routes {
  return {
    [`post ${R}/issues/{issue_number}/labels`]: {
      needs: "issues:write",
      answer: ({ repository, params, body, as }) => {
        const pull = pullOf(repository, params["issue_number"]);
        for (const label of (body.labels ?? body) as readonly string[])
          changeLabel(hub, repository, pull, { label, action: "labeled", by: loginOf(as) });
        return ok([...pull.labels].map(labelBody));
      },
    },
    [`delete ${R}/issues/{issue_number}/labels/{name}`]: {
      needs: "issues:write",
      answer: ({ repository, params, as }) => {
        const pull = pullOf(repository, params["issue_number"]);
        if (!pull.labels.has(labelIn(repository, params["name"] ?? ""))) throw notFound();
        changeLabel(hub, repository, pull, { label: params["name"] ?? "", action: "unlabeled", by: loginOf(as) });
        return ok([...pull.labels].map(labelBody));
      },
    },
  };
}

/** What happens to a label of a pull request. */
export interface LabelChange {
  readonly label: string;
  readonly action: "labeled" | "unlabeled";
  readonly by: string;
}

/** Gives the pull request the label, or takes the label away. Tells of nothing when that changes nothing. */
export function changeLabel(
  hub: Hub,
  repository: RepositoryState,
  pull: PullRequest,
  { label, action, by }: LabelChange,
): void {
  const name = labelIn(repository, label);
  if (pull.labels.has(name) === (action === "labeled")) return;
  if (action === "labeled") pull.labels.add(name);
  else pull.labels.delete(name);
  pull.updatedAt = hub.now();
  tellOf(hub, repository, pull, { action, by, more: { label: labelBody(name) } });
}

/** The repository's name of a label: GitHub takes `land` for the label `Land`, and shows the name that the label was made by. */
function labelIn({ labels }: RepositoryState, label: string): string {
  const key = label.toLowerCase();
  const name = labels.get(key) ?? label;
  labels.set(key, name);
  return name;
}
