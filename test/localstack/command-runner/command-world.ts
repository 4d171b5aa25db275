import { join } from "node:path";
import type { BuildTask } from "../../../functions/adapters/build-runner/index.ts";
import { Repository } from "../../../functions/contracts/queues.ts";
import { type CommandRunnerOptions, commandRunner } from "../../../localstack/command-runner/index.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { aTask, scratch } from "../../adapters/build-runner/tasks.ts";
import { GitFiles } from "../../support/git-files.ts";

const BY = "Ada <ada@example.invalid>";

/** A real remote, and a queue whose build is `sh build.sh` of the commit. */
export async function commandWorld() {
  const root = await scratch();
  const [remote, workDirectory] = [join(root, "remote.git"), join(root, "work")];
  await git(root, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", remote]);
  const options = { workDirectory, repository: Repository.parse({ remote }), command: "sh build.sh" };
  const objects = new GitFiles(remote);
  const begin = { by: BY, at: 1e9, message: "Begin", files: { "README.md": "Shop\n" } };
  const trunk = objects.commit(begin, []);
  objects.setRef("refs/heads/main", trunk);
  return {
    root,
    remote,
    workDirectory,
    trunk,
    options,
    open: (other: Partial<CommandRunnerOptions> = {}) => commandRunner({ ...options, ...other }),
    /** A composed commit whose build is the script. */
    async scripted(script: string, more: Readonly<Record<string, string>> = {}): Promise<BuildTask> {
      const task = aTask();
      const files = { "build.sh": `# ${task.key}\n${script}\n`, ...more };
      const commit = objects.commit({ by: BY, at: 1e9 + 60, message: "Build it so", files }, [trunk]);
      objects.setRef(task.ref, commit);
      return { ...task, commit, base: trunk };
    },
  };
}
export type CommandWorld = Awaited<ReturnType<typeof commandWorld>>;

export const SCRIPTS = {
  passes: "exit 0",
  fails: "echo what went wrong; exit 3",
  breaks: "kill -9 $$",
  hangs: "sleep 1000 & wait",
};
