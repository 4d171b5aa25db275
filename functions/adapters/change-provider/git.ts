import type { ChangeUri } from "../../contracts/change-uri.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { Reason } from "../../contracts/reasons.ts";
import { MAX_PATHS, type Touches } from "../../domain/request.ts";
import { ensureCommits } from "../git/ensure.ts";
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
      let below = ensured.trunk;
      for (const { uri, sha } of ensured.changes) {
        // For a change that is stacked on the one below it, this is that one; for any other, where it left the trunk.
        const from = await repository.mergeBase(below, sha);
        if (from === undefined) return { kind: "refused", reason: unrelated(uri, queue.repository.branch) };
        for (const diff of await diffOf(repository, from, sha)) diffs.push(diff);
        for (const author of await authorsOf(repository, from, sha)) authors.add(author);
        below = sha;
      }
      return { kind: "touches", touches: touchesOf(diffs, authors) } satisfies TouchesResult;
    },
  };
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

const unrelated = (uri: ChangeUri, branch: string): Reason => ({
  code: "merge.invalid",
  message: `${uri} shares no history with ${branch}: rebase it onto ${branch}, then request it again.`,
});
