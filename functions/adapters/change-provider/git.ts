import type { ChangeUri } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import { GitSha } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import { cut, printable } from "../../contracts/text.ts";
import type { Touches } from "../../contracts/touches.ts";
import { ensureCommits } from "../git/pinned-changes.ts";
import { complaint } from "../git/process.ts";
import { openRepository, type Repository } from "../git/repository.ts";
import type { ChangeProvider, TouchesResult } from "./change-provider.ts";
import { type ListedCommit, type Measured, measure } from "./lineage.ts";
import { type FileDiff, readNumstat } from "./numstat.ts";

/** How many characters of a title are kept. */
const MOST_TITLE = 200;

export interface GitProviderOptions {
  readonly workDirectory: string;
  readonly token?: string | undefined;
}

/**
 * Reads what changes touch from the queue's repository. Costs what ensureCommits costs (one or two fetches and `cat-file`), and three more git
 * processes, however many changes the request has.
 */
export function gitProvider(queue: QueueConfig, options: GitProviderOptions): ChangeProvider {
  return {
    async touches(changes): Promise<TouchesResult> {
      const repository = await openRepository({ ...options, repository: queue.repository });
      const ensured = await ensureCommits(repository, changes, { checkStaleness: queue.checkStaleness });
      if (ensured.kind === "refused") return { kind: "refused", reason: ensured.reason };
      const stack = ensured.changes.map(({ sha }) => sha);
      const listed = await commitsAbove(repository, ensured.trunk, stack);
      const measured = measure(listed, ensured.trunk, stack);
      const alien = ensured.changes.find((_, index) => measured[index]?.from === undefined);
      if (alien) return { kind: "refused", reason: unrelated(alien.uri, queue.repository.branch) };
      const authors = new Set(measured.flatMap(({ commits }) => commits.map(({ author }) => author)));
      authors.delete("");
      const touches = touchesOf(await diffsOf(repository, measured), authors);
      return { kind: "touches", touches: { ...touches, ...titleIn(listed, stack) } };
    },
  };
}

/** The subject of the top commit. */
function titleIn(listed: readonly ListedCommit[], stack: readonly GitSha[]): { readonly title?: string } {
  const subject = listed.find(({ sha }) => sha === stack.at(-1))?.subject ?? "";
  return subject === "" ? {} : { title: cut(printable(subject), MOST_TITLE) };
}

/**
 * The trunk, the changes and their ancestors down to a common ancestor of all of them, newest first; down to the first commits when there is
 * no such ancestor. Two git processes. The ancestor is found by `merge-base`, and not by excluding the trunk: a list of commits that excludes
 * another commit goes by committer dates, and is wrong where clocks were.
 */
async function commitsAbove(
  repository: Repository,
  trunk: GitSha,
  stack: readonly GitSha[],
): Promise<readonly ListedCommit[]> {
  const tips = [...new Set([trunk, ...stack])];
  const bottom = await commonAncestor(repository, tips);
  const input = [...tips, ...(bottom === undefined ? [] : [`^${bottom}`])].join("\n");
  const format = ["--no-show-signature", "--format=tformat:%H %P%x00%ae%x00%s", "--stdin"];
  const lines = (await repository.run(["log", ...format], { input: `${input}\n` })).split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [commits = "", author = "", subject = ""] = line.split("\0");
      const [sha, ...parents] = commits.trim().split(" ") as [GitSha, ...GitSha[]];
      return { sha, parents, author, subject };
    });
}

async function commonAncestor(repository: Repository, tips: readonly GitSha[]): Promise<GitSha | undefined> {
  const { exitCode, stdout, stderr } = await repository.git(["merge-base", "--octopus", ...tips]);
  if (exitCode === 1) return undefined;
  if (exitCode !== 0) throw new CodedError("repository.failed", `git merge-base failed: ${complaint(stderr)}`);
  return GitSha.parse(stdout.toString("utf8").trim());
}

/** What each change changes as a whole. One git process; none when no change has a commit of its own. */
async function diffsOf(repository: Repository, measured: readonly Measured[]): Promise<readonly FileDiff[]> {
  const pairs = measured.flatMap(({ sha, from, commits }) => (commits.length === 0 ? [] : `${sha} ${from}\n`));
  if (pairs.length === 0) return [];
  const flags = ["--numstat", "-z", "-M", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"];
  // A commit with a parent named behind it is compared with that parent.
  const asked = ["diff-tree", "-r", "--stdin", "--no-commit-id", ...flags];
  return readNumstat(await repository.run(asked, { input: pairs.join("") }));
}

function touchesOf(diffs: readonly FileDiff[], authors: ReadonlySet<string>): Touches {
  const paths = new Set(
    diffs.flatMap(({ path, renamedFrom }) => (renamedFrom === undefined ? [path] : [renamedFrom, path])),
  );
  return {
    paths: [...paths].sort(),
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
