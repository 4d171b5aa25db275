import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type BuildTask, buildRunnerFor } from "../../../functions/adapters/build-runner/index.ts";
import { GitSha } from "../../../functions/contracts/ids.ts";
import { git } from "../../../localstack/demo/git.ts";
import { commitFiles } from "../../../localstack/demo/sandbox.ts";
import { aQueue, aTask, scratch } from "./tasks.ts";

/** A real remote, and a queue whose build is `sh build.sh` of the commit. */
export async function commandWorld() {
  const root = await scratch();
  const [remote, clone, workDirectory] = [join(root, "remote.git"), join(root, "clone"), join(root, "work")];
  await mkdir(clone);
  await git(root, ["init", "--quiet", "--bare", "--initial-branch=main", remote]);
  await git(clone, ["init", "--quiet", "--initial-branch=main"]);
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
      const commit = await commitFiles(clone, { "build.sh": `# ${task.key}\n${script}\n` }, "Build it so", { at: 1e9 });
      await git(clone, ["push", "--quiet", remote, `HEAD:${task.ref}`]);
      return { ...task, commit: GitSha.parse(commit) };
    },
  };
}
export type CommandWorld = Awaited<ReturnType<typeof commandWorld>>;

export const SCRIPTS = { passes: "exit 0", fails: "echo what went wrong; exit 3", hangs: "sleep 1000 & wait" };
