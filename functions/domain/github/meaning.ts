import type { Delivery } from "../../contracts/github.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { GitHubAppConfig } from "../../contracts/queues.ts";
import { type Command, commandOf } from "./command.ts";

/** What a delivery (one webhook call of GitHub) asks of the queue. */
export type Meaning =
  | { readonly kind: "nothing" }
  /**
   * Land the pull request. `key` makes a repeat of the delivery the same Land call. `head` is the commit that the person saw. Where it is
   * absent, the delivery's time `at` tells which commit that was.
   */
  | {
      readonly kind: "land";
      readonly key: string;
      readonly command: Extract<Command, { kind: "land" }>;
      readonly head?: GitSha;
    }
  /** Cancel the request of the pull request. `why` is for people. */
  | { readonly kind: "cancel"; readonly why: string }
  /**
   * The user `by` has changed the pull request. Whether the pull request is still what was asked for, GitHub has to be asked: deliveries come
   * late and in any order.
   */
  | { readonly kind: "changed"; readonly by: string }
  /** A review that a request may wait for has come or gone. */
  | { readonly kind: "reviewed" }
  /** A check of the head that a request may wait for has ended. */
  | { readonly kind: "checked" }
  /** A comment has another command, such as a question, or one that cannot be read. The queue answers by a comment. */
  | { readonly kind: "answer"; readonly command: Exclude<Command, { kind: "land" | "cancel" }> };

const NOTHING: Meaning = { kind: "nothing" };

/** The identifier, as GitHub reports it, of the button "Land again" on the check run of a request that did not land. */
export const LAND_AGAIN = "land-again";

/** True for the label that lands. GitHub takes `land` and `Land` for one label, and tells the name that the repository has. */
const isLabel = (label: string | undefined, config: GitHubAppConfig): boolean =>
  label?.toLowerCase() === config.label.toLowerCase();

/** What a delivery asks of the queue. A comment of a bot asks for nothing, unless `config.bots` names the bot. */
export function meaningOf(delivery: Delivery, config: GitHubAppConfig): Meaning {
  const { event, sender, label, check } = delivery;
  switch (event) {
    case "issue_comment.created":
      return sender.isBot && !config.bots.includes(sender.login) ? NOTHING : ofComment(delivery);
    case "pull_request.labeled":
      return !isLabel(label, config) || !delivery.head
        ? NOTHING
        : { kind: "land", key: `gh-label-${delivery.id}`, command: { kind: "land" }, head: delivery.head };
    case "pull_request.unlabeled":
      return isLabel(label, config) ? cancel(`@${sender.login} removed the label ${config.label}`) : NOTHING;
    case "pull_request.synchronize":
    case "pull_request.converted_to_draft":
    case "pull_request.closed":
    case "pull_request.edited":
      return { kind: "changed", by: sender.login };
    case "pull_request_review.submitted":
    case "pull_request_review.edited":
    case "pull_request_review.dismissed":
      return { kind: "reviewed" };
    case "check_run.completed":
      return check?.name === config.check ? NOTHING : { kind: "checked" };
    case "check_suite.completed":
    case "status":
      return { kind: "checked" };
    case "check_run.rerequested":
    case "check_run.requested_action":
      return ofCheck(delivery, config);
    default:
      return NOTHING;
  }
}

const cancel = (why: string) => ({ kind: "cancel" as const, why });

function ofComment({ comment, sender }: Delivery): Meaning {
  const command = comment && commandOf(comment.body);
  if (command === undefined || comment === undefined) return NOTHING;
  if (command.kind === "cancel") return cancel(`@${sender.login} asked for it`);
  if (command.kind !== "land") return { kind: "answer", command };
  const { commit } = command;
  return { kind: "land", key: `gh-${comment.id}`, command, ...(commit === undefined ? {} : { head: commit }) };
}

/** GitHub's own button "Re-run", and the button "Land again", both ask for a landing. */
function ofCheck({ id, check, head, event }: Delivery, config: GitHubAppConfig): Meaning {
  if (check?.name !== config.check || head === undefined) return NOTHING;
  if (event === "check_run.requested_action" && check.button !== LAND_AGAIN) return NOTHING;
  return { kind: "land", key: `gh-check-${id}`, command: { kind: "land" }, head };
}
