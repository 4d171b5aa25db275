import type { GitSha } from "../contracts/ids.ts";

/** Where the next change goes: a commit, its tree, and the committer's date in seconds since 1970. */
export interface Tip {
  readonly sha: GitSha;
  readonly tree: GitSha;
  readonly committedAt: number;
}
