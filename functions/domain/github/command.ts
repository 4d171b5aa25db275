import { GitSha, QueueName } from "../../contracts/ids.ts";
import { Priority } from "../../contracts/queues.ts";
import type { MergeStrategy } from "../../contracts/strategy.ts";

/** What a comment on a pull request asks of the queue. */
export type Command =
  | {
      readonly kind: "land";
      readonly queue?: QueueName;
      readonly priority?: number;
      readonly strategy?: MergeStrategy;
      /** The head commit that the writer has seen: all 40 digits. */
      readonly commit?: GitSha;
    }
  | { readonly kind: "cancel" | "why" | "status" | "help" }
  /** A `/land` with a word that can't be followed. `problem` says which word, and what is allowed. */
  | { readonly kind: "mistaken"; readonly problem: string };

const STRATEGIES: ReadonlyMap<string, MergeStrategy> = new Map([
  ["rebase", "REBASE"],
  ["squash", "SQUASH_REBASE"],
  ["merge", "MERGE"],
]);

/**
 * The command in the first line of a comment: `/land` with options, `/cancel` with any text after it, or `/why`, `/status` or `/help` alone.
 * Undefined for any other comment, such as one that quotes a command or has it in a later line.
 *
 * Example: `/land docs priority=2` lands on the queue `docs` with priority 2.
 */
export function commandOf(comment: string): Command | undefined {
  const [first = ""] = comment.split("\n", 1);
  const [word = "", ...rest] = first.trimEnd().split(/\s+/);
  switch (word) {
    case "/land":
      return landOf(rest);
    case "/cancel":
      return { kind: "cancel" };
    case "/why":
      return rest.length === 0 ? { kind: "why" } : undefined;
    case "/status":
      return rest.length === 0 ? { kind: "status" } : undefined;
    case "/help":
      return rest.length === 0 ? { kind: "help" } : undefined;
    default:
      return undefined;
  }
}

function landOf(words: readonly string[]): Command {
  const land: { queue?: QueueName; priority?: number; strategy?: MergeStrategy; commit?: GitSha } = {};
  for (const word of words) {
    const [name = "", ...values] = word.split("=");
    const value = values.join("=");
    if (values.length === 0) {
      const queue = QueueName.safeParse(word);
      if (!queue.success || land.queue !== undefined) return mistaken(`\`${shown(word)}\` is not the name of a queue`);
      land.queue = queue.data;
    } else if (name === "priority") {
      const priority = Priority.safeParse(/^\d+$/.test(value) ? Number(value) : undefined);
      if (!priority.success) return mistaken("a priority is a whole number from 0 to 100");
      land.priority = priority.data;
    } else if (name === "strategy") {
      const strategy = STRATEGIES.get(value);
      if (strategy === undefined) return mistaken("a strategy is `rebase`, `squash` or `merge`");
      land.strategy = strategy;
    } else if (name === "commit") {
      const commit = GitSha.safeParse(value);
      if (!commit.success) return mistaken("a commit is all of its 40 hex digits");
      land.commit = commit.data;
    } else return mistaken(`\`${shown(name)}\` is not an option of \`/land\``);
  }
  return { kind: "land", ...land };
}

/** A word of a comment, made safe for a reply: every character that could mention a user or format text becomes `?`. */
const shown = (word: string): string => word.replaceAll(/[^\w.=-]/g, "?").slice(0, 40);

const mistaken = (problem: string): Command => ({ kind: "mistaken", problem });

/** The commands and what they do: the items of a Markdown list, without the first `- `. */
export const HELP = [
  "`/land [queue] [priority=n] [strategy=rebase|squash|merge]` lands this pull request, and those below it in a stack",
  "`/cancel` takes the pull request out of the queue",
  "`/why` says what the pull request waits for",
  "`/status` brings the status comment up to date",
].join("\n- ");
