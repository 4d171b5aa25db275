import type { ArgumentHandler, Command as Completed, RootCommand } from "@bomb.sh/tab";
import { MergeStrategy } from "../../functions/contracts/strategy.ts";
import type { QueueClient } from "../client.ts";
import { git } from "./git.ts";
import { Session, type Surroundings } from "./session.ts";

/** A person waits for the answer while they type. */
const PATIENCE_MS = 1_500;

/** How many requests are offered, newest first. */
const MOST_REQUESTS = 50;

/**
 * Lets a shell complete queues and requests, by two or three calls, and branches, by one process of git. Without an answer in time, nothing
 * is offered.
 */
export async function offerNames(completion: RootCommand, words: readonly string[], surroundings: Surroundings) {
  const [names, branches] = await Promise.all([
    namesFor(words, surroundings).catch(() => ({ queues: [], requests: [] })),
    branchesHere(),
  ]);
  const offer = (suggestions: readonly Suggestion[]) => (complete: (value: string, description: string) => void) => {
    for (const { value, about } of suggestions) complete(value, about);
  };
  const queueOption = completion.options.get("queue");
  if (queueOption) queueOption.handler = offer(names.queues);
  for (const command of completion.commands.values()) {
    command.option("queue", "the queue", offer(names.queues));
    handle(command, "queue", offer(names.queues));
    handle(command, "changes", offer(branches));
    const strategy = command.options.get("strategy");
    if (strategy) strategy.handler = offer(MergeStrategy.options.map((value) => ({ value, about: "" })));
    for (const argument of ["request", "requests"]) handle(command, argument, offer(names.requests));
  }
}

interface Suggestion {
  readonly value: string;
  readonly about: string;
}

function handle(command: Completed, argument: string, handler: ArgumentHandler): void {
  const found = command.arguments.get(argument);
  if (found) found.handler = handler;
}

async function namesFor(words: readonly string[], { terminal, environment, interrupted }: Surroundings) {
  const flag = (name: string) => {
    const at = words.indexOf(`--${name}`);
    const value = at < 0 ? undefined : words[at + 1];
    return value ? { [name]: value } : {};
  };
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(PATIENCE_MS)]);
  const session = new Session({ terminal, environment, interrupted: signal }, { ...flag("url"), ...flag("queue") });
  const queues = await session.client.queues();
  const queue = await session.queue().catch(() => undefined);
  const requests = queue === undefined ? [] : await requestsOf(queue);
  return { queues: queues.map(({ name, mode, branch }) => ({ value: name, about: `${branch}, ${mode}` })), requests };
}

/** The branches of this checkout, the one with the latest commit first. */
async function branchesHere(): Promise<readonly Suggestion[]> {
  const listed = await git(
    "for-each-ref",
    "--sort=-committerdate",
    "--format=%(refname:lstrip=2)%09%(subject)",
    "refs/heads",
  );
  if (!listed) return [];
  return listed.split("\n").map((line) => {
    const [value = "", about = ""] = line.split("\t");
    return { value, about };
  });
}

async function requestsOf(queue: QueueClient): Promise<readonly Suggestion[]> {
  const { requests } = await queue.page({ limit: MOST_REQUESTS });
  return requests.map(({ number, status }) => ({ value: String(number), about: status }));
}

/**
 * What the script for bash needs where the package bash-completion is not loaded: the words of the command line, by the name that the package
 * gives them. A word with a colon is then several.
 */
export const BASH_WORDS = `
if ! declare -F _get_comp_words_by_ref >/dev/null; then
  _get_comp_words_by_ref() {
    words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  }
fi
`;
