import { git } from "./git.ts";
import type { Files } from "./project.ts";

export interface Branch {
  /** As `refs/heads/main`. It may exist already when the commits go on from where it is. */
  readonly ref: string;
  /** The commit, or ref, that the first commit goes on from; absent for the beginning of a history. */
  readonly from?: string;
  /** Author and committer: `Name <address>`. */
  readonly by: string;
  /** When the first commit is made, in seconds since 1970; each further one a minute later. */
  readonly at: number;
  /** Oldest first. `files` are those that a commit adds or rewrites. */
  readonly commits: readonly { readonly message: string; readonly files: Files }[];
}

/** Writes commits straight into a bare repository by one git process, and a ref that points at the last. Returns the last. */
export async function writeBranch(repository: string, { ref, from, by, at, commits }: Branch): Promise<string> {
  const stream = commits.map(({ message, files }, i) => {
    const time = `${by} ${at + 60 * i} +0000`;
    const start = i === 0 && from !== undefined ? [`from ${from}^0`] : [];
    const changed = Object.entries(files).map(([path, content]) => `M 100644 inline ${path}\n${data(content)}`);
    const head = [`commit ${ref}`, "mark :1", `author ${time}`, `committer ${time}`, data(message)];
    return [...head, ...start, ...changed, ""].join("\n");
  });
  const answered = await git(repository, ["fast-import", "--quiet", "--done", "--date-format=raw"], {
    input: `${stream.join("")}get-mark :1\ndone\n`,
  });
  return answered.trim();
}

const data = (content: string): string => `data ${Buffer.byteLength(content)}\n${content}`;
