import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { Repository } from "./repository.ts";

/** What a remote's ref is to become. */
export interface RefUpdate {
  readonly ref: string;
  /** Undefined deletes it. */
  readonly to: GitSha | undefined;
  /**
   * forward: only if it descends from what is there; never forced. `was`: only if the ref is still that (absent: does not exist). always:
   * a ref of ours that nobody else writes.
   */
  readonly mode: "forward" | "always" | { readonly was: GitSha | undefined };
}

export type Pushed =
  | { readonly kind: "pushed" }
  /** Nothing was updated, or nobody knows: look again. `error` is what to throw if the remote is as it was. */
  | { readonly kind: "failed"; readonly error: CodedError };

/** Nothing that a repeat can change: the remote has a rule against it, or the token may not. */
const DECLINED =
  /hook declined|protected branch|permission|denied|forbidden|not allowed|prohibited|GH\d{3}|read-?only/i;

/** All of it or nothing. One git process. */
export async function push(repository: Repository, updates: readonly RefUpdate[]): Promise<Pushed> {
  const leases = updates.flatMap(({ ref, mode }) =>
    typeof mode === "object" ? [`--force-with-lease=${ref}:${mode.was ?? ""}`] : [],
  );
  const refspecs = updates.map(({ ref, to, mode }) => `${mode === "always" ? "+" : ""}${to ?? ""}:${ref}`);
  const flags = ["--porcelain", "--atomic", "--no-verify", "--no-signed", "--recurse-submodules=no"];
  const args = ["push", ...flags, ...leases, repository.remote, ...refspecs];
  const { exitCode, stdout, stderr } = await repository.git(args, { timeoutMs: 120_000 });
  if (exitCode === 0) return { kind: "pushed" };
  const rejections = stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1).trim().replaceAll("\t", " "));
  const why = [...rejections, stderr.trim()].join("; ").slice(0, 800);
  const code = DECLINED.test(why) ? "repository.failed" : "repository.unavailable";
  return { kind: "failed", error: new CodedError(code, `the push to ${repository.remote} did not succeed: ${why}`) };
}
