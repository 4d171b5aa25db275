import { join } from "node:path";
import { type BuildTask, buildRunnerFor } from "../../../functions/adapters/build-runner/index.ts";
import { GitSha } from "../../../functions/contracts/ids.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { writeBranch } from "../../../localstack/sandbox/write-branch.ts";
import { aQueue, aTask, scratch } from "./tasks.ts";

/** A real remote, and a queue whose build is `sh build.sh` of the commit. */
export async function commandWorld() {
  const root = await scratch();
  const [remote, workDirectory] = [join(root, "remote.git"), join(root, "work")];
  await git(root, ["init", "--quiet", "--bare", "--initial-branch=main", remote]);
  const queue = aQueue({ repository: { remote }, buildRunner: { type: "command", command: "sh build.sh" } });
  return {
    root,
    remote,
    workDirectory,
    queue,
    open: () => buildRunnerFor(queue, { workDirectory }),
    /** A composed commit whose build is the script. */
    async scripted(script: string): Promise<BuildTask> {
      const task = aTask();
      const files = { "build.sh": `# ${task.key}\n${script}\n` };
      const by = "Ada <ada@example.invalid>";
      const commit = await writeBranch(remote, {
        ref: task.ref,
        by,
        at: 1e9,
        commits: [{ message: "Build it so", files }],
      });
      return { ...task, commit: GitSha.parse(commit) };
    },
  };
}
export type CommandWorld = Awaited<ReturnType<typeof commandWorld>>;

export const SCRIPTS = { passes: "exit 0", fails: "echo what went wrong; exit 3", hangs: "sleep 1000 & wait" };
