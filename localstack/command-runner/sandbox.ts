import { appendFile, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildTask } from "../../functions/adapters/build-runner/build-runner.ts";
import { complaint, runGit, settingsEnvironment } from "../../functions/adapters/git/process.ts";
import { CodedError } from "../../functions/contracts/errors.ts";
import type { Repository as RepositoryConfig } from "../../functions/contracts/queues.ts";
import { sandboxesDirectory } from "./build-files.ts";
import { openMirror, type Snapshot } from "./mirror.ts";
import { discard, sandboxPaths } from "./sandbox-directory.ts";

export interface SandboxOptions {
  readonly workDirectory: string;
  readonly repository: RepositoryConfig;
  /** For a remote that asks for one. */
  readonly token?: () => Promise<string | undefined>;
}

/**
 * Makes a directory that is one build's alone, and returns it: a clone with the commit checked out, and an empty HOME. The clone's
 * objects are copies, so nothing that is written there reaches another build or runway. Four git processes, one of them a fetch. Throws
 * repository.unavailable and repository.failed.
 */
export async function makeSandbox(options: SandboxOptions, task: BuildTask): Promise<string> {
  const { workDirectory, repository } = options;
  const mirror = await openMirror({ workDirectory, repository, token: await options.token?.() });
  const directory = sandboxesDirectory(workDirectory);
  await mkdir(directory, { recursive: true });
  const sandbox = await mkdtemp(join(directory, `${task.key.slice(0, 12)}-`));
  const { tree, home, temporary } = sandboxPaths(sandbox);
  try {
    for (const made of [tree, home, temporary]) await mkdir(made);
    const [snapshot] = await Promise.all([
      mirror.snapshot(task.ref, join(tree, ".git", "objects", "pack")),
      git(tree, "init", "--quiet", "--template=", `--initial-branch=${repository.branch}`),
    ]);
    await writeOrigin(join(tree, ".git"), snapshot, { branch: repository.branch, remote: mirror.remote });
    await git(tree, "-c", "checkout.workers=0", "checkout", "--quiet", "--detach", task.commit);
    return sandbox;
  } catch (error) {
    await discard(sandbox);
    throw error;
  }
}

async function git(directory: string, ...args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runGit({ directory, args, env: settingsEnvironment(), timeoutMs: 600_000 });
  if (exitCode !== 0) throw new CodedError("repository.failed", `a build's clone failed: ${complaint(stderr)}`);
}

/** The remote `origin`, with the target branch as `origin/<branch>`, and the tags, as a clone has them. */
async function writeOrigin(
  gitDirectory: string,
  { refs }: Snapshot,
  { branch, remote }: { readonly branch: string; readonly remote: string },
): Promise<void> {
  const quoted = publicAddress(remote).replace(/["\\]/g, "\\$&");
  const section = `[remote "origin"]\n\turl = "${quoted}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`;
  await appendFile(join(gitDirectory, "config"), section);
  await writeFile(join(gitDirectory, "packed-refs"), refs.map(([name, sha]) => `${sha} ${name}\n`).join(""));
  const origin = join(gitDirectory, "refs", "remotes", "origin");
  await mkdir(origin, { recursive: true });
  await writeFile(join(origin, "HEAD"), `ref: refs/remotes/origin/${branch}\n`);
}

/** The address of a remote without passwords, tokens and queries: builds may see it. */
export function publicAddress(remote: string): string {
  if (!/^(https|ssh):\/\//.test(remote)) return remote;
  const url = new URL(remote);
  url.password = "";
  if (url.protocol === "https:") url.username = "";
  url.search = "";
  url.hash = "";
  return url.href;
}
