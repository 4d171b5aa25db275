import type { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import { type HostWords, type Rejection, wordsOf } from "./host-words.ts";
import { FEW_BASES, type GitAnswer } from "./process.ts";
import { localPathOf } from "./remote.ts";
import type { Repository } from "./repository.ts";
import { troubleWith } from "./trouble.ts";

/** What a remote's ref is to become. */
export interface RefUpdate {
  readonly ref: string;
  /** Undefined deletes it. */
  readonly to: GitSha | undefined;
  /**
   * forward: only if the new commit descends from the ref's commit; never forced. `was`: only if the ref still is `was` (undefined: does not
   * exist). always: unconditional, for a ref that only this queue writes.
   */
  readonly mode: "forward" | "always" | { readonly was: GitSha | undefined };
}

/** How a push ended. */
export type Pushed =
  | { readonly kind: "pushed" }
  /** A rule of the host forbids the push. No ref was updated, and the host would refuse the same push again. */
  | { readonly kind: "declined"; readonly words: HostWords }
  /** No ref was updated, or it is unknown whether one was: read the remote again, and throw `error` when the remote is unchanged. */
  | { readonly kind: "failed"; readonly error: CodedError };

/** How long a push may take, the host's hooks included. */
const PUSH_MS = 120_000;

/** Pushes all updates or none, atomically. One git process. */
export async function push(repository: Repository, updates: readonly RefUpdate[]): Promise<Pushed> {
  const leases = updates.flatMap(({ ref, mode }) =>
    typeof mode === "object" ? [`--force-with-lease=${ref}:${mode.was ?? ""}`] : [],
  );
  const refspecs = updates.map(({ ref, to, mode }) => `${mode === "always" ? "+" : ""}${to ?? ""}:${ref}`);
  const flags = ["--porcelain", "--atomic", "--no-verify", "--no-signed", "--recurse-submodules=no"];
  const args = ["push", ...flags, ...receiver(repository), ...leases, repository.remote, ...refspecs];
  const answer = await repository.git(args, { timeoutMs: PUSH_MS });
  if (answer.exitCode === 0) return { kind: "pushed" };
  const rejected = rejectionsIn(answer);
  const words = wordsOf(rejected, answer.stderr);
  if (words) return { kind: "declined", words };
  // Last, because the end of what git printed is what the error quotes.
  const said = [answer.stderr, ...rejected.map(({ ref, why }) => `${ref}: ${why}`)].join("\n");
  return { kind: "failed", error: troubleWith(repository.remote, "pushed to", said) };
}

/** How git receives the push in a remote on this machine: with `FEW_BASES`. Any other remote is the host's own affair. */
function receiver({ remote }: Repository): readonly string[] {
  if (localPathOf(remote) === undefined) return [];
  const settings = Object.entries(FEW_BASES).map(([key, value]) => `-c ${key}=${value}`);
  return [`--receive-pack=git ${settings.join(" ")} receive-pack`];
}

/** The refs that were not updated, from `--porcelain`: `!<tab><from>:<to><tab><summary>`. */
function rejectionsIn({ stdout }: GitAnswer): readonly Rejection[] {
  return stdout
    .toString("utf8")
    .split("\n")
    .flatMap((line) => {
      const [flag, refspec = "", why = ""] = line.split("\t");
      return flag === "!" ? [{ ref: refspec.slice(refspec.indexOf(":") + 1), why }] : [];
    });
}
