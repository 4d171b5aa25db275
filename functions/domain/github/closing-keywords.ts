import type { RepositoryName } from "../../contracts/github.ts";

/** An issue that a text says is done, as by `Fixes #3`. */
export interface NamedIssue {
  readonly repository: RepositoryName;
  readonly number: number;
}

const REFERENCE =
  /(?<![\w-])(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:(?<url>https?:\/\/[^\s/]+\/[\w.-]+\/[\w.-]+\/issues\/)|(?<repository>[\w.-]+\/[\w.-]+)?#)(?<number>[1-9]\d{0,9})(?![\w-])/gi;

/** The parts of a text in which GitHub finds no keywords: HTML comments (of templates), fenced code blocks and code spans. */
const UNREAD =
  /<!--[\s\S]*?(?:-->|$)|^(?<fence>`{3,}|~{3,})[\s\S]*?(?:^\k<fence>|$(?![\s\S]))|(?<ticks>`+)[^`][\s\S]*?\k<ticks>/gm;

/**
 * The issues that a title, a body or a commit message says are done, by GitHub's closing keywords: `close`, `fix` and `resolve` in their
 * forms, before `#N`, `owner/name#N` or the address of an issue. `here` is the repository that a bare `#N` is about, and `web` the host of
 * GitHub's pages, such as `github.com`. Each issue once, in order of appearance.
 *
 * Example: `Fixes #3, closes acme/docs#4` in `acme/shop` is issue 3 of `acme/shop` and issue 4 of `acme/docs`.
 */
export function issuesClosedBy(
  texts: readonly string[],
  { here, web }: { here: RepositoryName; web: string },
): readonly NamedIssue[] {
  const found = new Map<string, NamedIssue>();
  for (const { groups = {} } of texts.flatMap((text) => [...text.replaceAll(UNREAD, " ").matchAll(REFERENCE)])) {
    const [host, owner, name] = groups["url"]?.replace(/^https?:\/\//i, "").split("/") ?? [];
    if (host !== undefined && host.toLowerCase() !== web.toLowerCase()) continue;
    const repository = host === undefined ? (groups["repository"] ?? here) : `${owner}/${name}`;
    const issue = { repository, number: Number(groups["number"]) };
    const key = `${repository.toLowerCase()}#${issue.number}`;
    if (!found.has(key)) found.set(key, issue);
  }
  return [...found.values()];
}
