import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { git } from "../../sandbox/git.ts";
import type { Files } from "../../sandbox/project.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { writeBranch } from "../../sandbox/write-branch.ts";

export const BRANCH = "main";

/** Each tea has a folder with its price. A price is a number above zero; a tea with a file `slow` takes a while to check. */
const CHECK = `for file in */price; do
  grep -Eq '^[1-9][0-9]*(\\.[0-9][0-9])?$' "$file" || { echo "$file: $(cat "$file") is no price"; failed=1; }
done
for file in */slow; do [ ! -e "$file" ] || sleep 20; done
exit "\${failed:-0}"`;

const BEGINNING = Date.UTC(2026, 0, 5, 9) / 1_000;

/** Makes the repository of the demo: a shop that sells one tea. */
export async function makeShop(directory: string): Promise<Sandbox> {
  const remote = join(directory, "shop.git");
  await mkdir(remote, { recursive: true });
  await git(remote, ["init", "--quiet", "--bare", "--template=", `--initial-branch=${BRANCH}`]);
  await git(remote, ["config", "receive.autogc", "false"]);
  const files = { "README.md": "# Tea shop\n", "earl-grey/price": "4.20\n" };
  const by = "Ann <ann@example.invalid>";
  const commits = [{ message: "Open the tea shop\n", files }];
  const start = await writeBranch(remote, { ref: `refs/heads/${BRANCH}`, by, at: BEGINNING, commits });
  return { remote, branch: BRANCH, start, folders: ["earl-grey"], command: CHECK };
}

let minutes = 60;
/** Commits files to a branch, which begins at `from`; the short name of the branch itself has it go on. */
export async function commitTo(
  { remote }: Sandbox,
  { branch, from, message, files }: { branch: string; from: string; message: string; files: Files },
): Promise<void> {
  minutes += 1;
  const [ref, by] = [`refs/heads/${branch}`, "Ann <ann@example.invalid>"];
  await writeBranch(remote, {
    ref,
    from,
    by,
    at: BEGINNING + minutes * 60,
    commits: [{ message: `${message}\n`, files }],
  });
}
