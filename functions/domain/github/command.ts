import { GitSha, QueueName } from "../../contracts/ids.ts";
import { Priority } from "../../contracts/queues.ts";
import type { MergeStrategy } from "../../contracts/strategy.ts";

/** What a comment asks for. */
export type Command =
  | {
      readonly kind: "land";
      readonly queue?: QueueName;
      readonly priority?: number;
      readonly strategy?: MergeStrategy;
      /** The commit that the writer has seen, in full. */
      readonly commit?: GitSha;
    }
  | { readonly kind: "cancel" | "why" | "status" | "help" }
  /** It is meant for the queue, and can't be followed. */
  | { readonly kind: "mistaken"; readonly problem: string };

const STRATEGIES: Readonly<Record<string, MergeStrategy>> = {
  rebase: "REBASE",
  squash: "SQUASH_REBASE",
  merge: "MERGE",
};

/**
 * The command of a comment: its first line, when that begins with one of the queue's words. Undefined for any other comment, also for a
 * command that is quoted, within a code block, or another tool's. Example: `/land docs priority=2` is a land on the queue `docs`.
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
    const [name = "", value] = word.split("=", 2);
    if (value === undefined) {
      const queue = QueueName.safeParse(word);
      if (!queue.success || land.queue !== undefined) return mistaken(`\`${shown(word)}\` is not the name of a queue`);
      land.queue = queue.data;
    } else if (name === "priority") {
      const priority = Priority.safeParse(/^\d+$/.test(value) ? Number(value) : undefined);
      if (!priority.success) return mistaken("a priority is a whole number from 0 to 100");
      land.priority = priority.data;
    } else if (name === "strategy") {
      const strategy = STRATEGIES[value];
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

/** Words of a comment, as a reply may repeat them: they mention no user and format nothing. */
const shown = (word: string): string => word.replaceAll(/[^\w.=-]/g, "?").slice(0, 40);

const mistaken = (problem: string): Command => ({ kind: "mistaken", problem });

export const HELP = [
  "`/land [queue] [priority=n] [strategy=rebase|squash|merge]` lands this pull request, and those below it in a stack",
  "`/cancel` takes it out of the queue",
  "`/why` says what it waits for",
  "`/status` brings the status comment up to date",
].join("\n- ");
