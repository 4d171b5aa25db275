import type { GitSha } from "../contracts/ids.ts";

/** The commit that the next change is applied to, its tree, and the committer's date in seconds since 1970. */
export interface Tip {
  readonly sha: GitSha;
  readonly tree: GitSha;
  readonly committedAt: number;
}
