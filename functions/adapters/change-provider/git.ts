import type { ChangeUri } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import { GitSha } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import { MAX_PATHS, type Touches } from "../../domain/request.ts";
import { ensureCommits } from "../git/ensure.ts";
import { complaint } from "../git/process.ts";
import { openRepository, type Repository } from "../git/repository.ts";
import type { ChangeProvider, TouchesResult } from "./change-provider.ts";
import { type FileDiff, readNumstat } from "./numstat.ts";

export interface GitProviderOptions {
  readonly workDirectory: string;
  readonly token?: string | undefined;
}

/** Reads what changes touch from the queue's repository. Costs one or two fetches, then three git processes for each change. */
export function gitProvider(queue: QueueConfig, options: GitProviderOptions): ChangeProvider {
  return {
    async touches(changes) {
      const repository = await openRepository({ ...options, repository: queue.repository });
      const ensured = await ensureCommits(repository, changes, { checkStaleness: queue.checkStaleness });
      if (ensured.kind === "refused") return { kind: "refused", reason: ensured.reason };
      const diffs: FileDiff[] = [];
      const authors = new Set<string>();
      const under = [ensured.trunk];
      for (const { uri, sha } of ensured.changes) {
        const from = await baseOf(repository, sha, under);
        if (from === undefined) return { kind: "refused", reason: unrelated(uri, queue.repository.branch) };
        for (const diff of await diffOf(repository, from, sha)) diffs.push(diff);
        for (const author of await authorsOf(repository, from, sha)) authors.add(author);
        under.push(sha);
      }
      return { kind: "touches", touches: touchesOf(diffs, authors) } satisfies TouchesResult;
    },
  };
}

/** The change that this one is stacked on; for one that is stacked on none, where it left the trunk. Undefined for unrelated histories. */
async function baseOf(repository: Repository, sha: GitSha, under: readonly GitSha[]): Promise<GitSha | undefined> {
  // With several commits on the other side, git looks for the best common ancestor with all of them merged.
  const { exitCode, stdout, stderr } = await repository.git(["merge-base", sha, ...under]);
  if (exitCode === 1) return undefined;
  if (exitCode !== 0) throw new CodedError("repository.failed", `git merge-base failed: ${complaint(stderr)}`);
  return GitSha.parse(stdout.toString("utf8").trim());
}

async function diffOf(repository: Repository, from: GitSha, to: GitSha): Promise<readonly FileDiff[]> {
  const flags = ["--numstat", "-z", "-M", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"];
  return readNumstat(await repository.run(["diff-tree", "-r", ...flags, from, to]));
}

async function authorsOf(repository: Repository, from: GitSha, to: GitSha): Promise<readonly string[]> {
  const addresses = await repository.run(["log", "--no-show-signature", "--format=%ae", "--reverse", `${from}..${to}`]);
  return addresses.split("\n").filter((address) => address !== "");
}

function touchesOf(diffs: readonly FileDiff[], authors: ReadonlySet<string>): Touches {
  const paths = new Set(
    diffs.flatMap(({ path, renamedFrom }) => (renamedFrom === undefined ? [path] : [renamedFrom, path])),
  );
  return {
    paths: paths.size > MAX_PATHS ? "everything" : [...paths].sort(),
    files: new Set(diffs.map(({ path }) => path)).size,
    additions: diffs.reduce((sum, { additions }) => sum + additions, 0),
    deletions: diffs.reduce((sum, { deletions }) => sum + deletions, 0),
    authors: [...authors],
  };
}

const unrelated = (uri: ChangeUri, branch: string): Reason =>
  reasonOf(
    "merge.invalid",
    `${uri} shares no history with ${branch}: rebase it onto ${branch}, then request it again.`,
  );
