import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { RunsGit } from "./process.ts";

export interface GitObject {
  readonly sha: GitSha;
  readonly type: string;
  /** As stored, without git's header. */
  readonly body: Buffer;
}

/** Each name once: `cat-file` answers line by line. */
export const namesToRead = (...lists: readonly (readonly string[])[]): readonly string[] => [...new Set(lists.flat())];

/** Reads objects by any name that git resolves: one process however many. Absent when there is none. Blobs are not for this. */
export async function readObjects(
  repository: RunsGit,
  names: readonly string[],
): Promise<ReadonlyMap<string, GitObject>> {
  const found = new Map<string, GitObject>();
  if (names.length === 0) return found;
  const { exitCode, stdout, stderr } = await repository.git(["cat-file", "--batch"], {
    input: `${names.join("\n")}\n`,
  });
  if (exitCode !== 0) throw new CodedError("repository.failed", `git cat-file failed: ${stderr.slice(0, 300)}`);
  let at = 0;
  for (const name of names) {
    const lineEnd = stdout.indexOf(10, at);
    const [sha = "", type = "", size] = stdout.toString("utf8", at, lineEnd).split(" ");
    at = lineEnd + 1;
    if (type === "missing") continue;
    // Such as "<name> ambiguous": git has not looked, and "absent" would be invented.
    if (size === undefined || !/^[0-9a-f]{40}$/.test(sha))
      throw new CodedError("repository.failed", `git could not look for ${name}: ${type}`);
    const length = Number(size);
    found.set(name, { sha: sha as GitSha, type, body: stdout.subarray(at, at + length) });
    at += length + 1;
  }
  return found;
}

/** The commit that an annotated tag points at; undefined when the tag points at something else, such as another tag. */
export const taggedCommit = ({ body }: GitObject): GitSha | undefined =>
  /^object ([0-9a-f]{40})\ntype commit\n/.exec(body.toString("latin1", 0, 100))?.[1] as GitSha | undefined;
