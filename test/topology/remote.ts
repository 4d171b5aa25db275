import { join } from "node:path";
import { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { readRefFiles } from "../../localstack/fakes/github/ref-files.ts";
import { git } from "../../localstack/sandbox/git.ts";
import { writeBranch } from "../../localstack/sandbox/write-branch.ts";

type Files = Readonly<Record<string, string>>;

export interface ChangeOptions {
  /** The branch that a new one goes on from; where the trunk started when absent. */
  readonly onto?: string;
  /** Author of its commits: `Name <address>`. */
  readonly by?: string;
  /** Rides in the URI's query: tells the fakes what to do (doc/rfc/build-runner.md). */
  readonly marker?: string;
}

export interface TrunkCommit {
  readonly sha: string;
  readonly parents: readonly string[];
  readonly subject: string;
  /** `Name <address>` */
  readonly author: string;
  readonly committer: string;
}

/** The one remote of a queue: a bare repository on this machine, with a trunk. */
export interface Remote {
  readonly path: string;
  /** The commit that the trunk started with. */
  readonly start: string;
  /**
   * Pushes a branch of one commit per set of files, with the subjects `<branch> 1`, `<branch> 2`, …; a branch that is there goes on.
   */
  readonly change: (branch: string, commits: Files | readonly Files[], options?: ChangeOptions) => Promise<ChangeUri>;
  /** What has been put onto the trunk since the start, along its first parents, oldest first. */
  readonly trunk: () => Promise<readonly TrunkCommit[]>;
  /** How often the trunk has been moved. */
  readonly moves: () => Promise<number>;
  /** Every ref and what it points at. */
  readonly refs: () => Promise<string>;
  readonly show: (commit: string, path: string) => Promise<string>;
}

const BEGINNING = Date.UTC(2026, 0, 5) / 1_000;
const AUTHOR = "Author <author@example.invalid>";

export async function aRemote(directory: string, name: string, files: Files): Promise<Remote> {
  const path = join(directory, `${name}.git`);
  await git(directory, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", path]);
  const first = { ref: "refs/heads/main", by: AUTHOR, at: BEGINNING, commits: [{ message: "Begin", files }] };
  const start = await writeBranch(path, first);
  await git(path, ["config", "core.logAllRefUpdates", "true"]);
  await git(path, ["config", "receive.autogc", "false"]);
  let minutes = 0;
  return {
    path,
    start,
    change: async (branch, commits, { onto = start, by = AUTHOR, marker } = {}) => {
      const ref = `refs/heads/${branch}`;
      const from = readRefFiles(path, ref).get(ref) ?? onto;
      const sets = [commits].flat().map((set, i) => ({ message: `${branch} ${i + 1}\n`, files: set }));
      minutes += sets.length;
      const sha = await writeBranch(path, { ref, from, by, at: BEGINNING + 60 * minutes, commits: sets });
      const query = marker === undefined ? "" : `?sq-fake=${marker}`;
      return ChangeUri.parse(`git://localhost/${name}/${encodeURIComponent(ref)}/${sha}${query}`);
    },
    trunk: async () => {
      const format = "--format=%H%x00%P%x00%s%x00%an <%ae>%x00%cn <%ce>";
      const rows = await lines(git(path, ["log", "--first-parent", "--reverse", format, `${start}..main`]));
      return rows.map((row) => {
        const [sha = "", parents = "", subject = "", author = "", committer = ""] = row.split("\0");
        return { sha, parents: parents.split(" "), subject, author, committer };
      });
    },
    moves: async () => (await lines(git(path, ["reflog", "show", "--format=%H", "refs/heads/main"]))).length,
    refs: () => git(path, ["for-each-ref", "--format=%(refname) %(objectname)"]),
    show: (commit, file) => git(path, ["show", `${commit}:${file}`]),
  };
}

const lines = async (text: Promise<string>): Promise<string[]> =>
  (await text).split("\n").filter((line) => line !== "");
