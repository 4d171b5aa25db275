import { FakeCi } from "./ci.ts";
import { type FakeGitHub, startFakeGitHub } from "./index.ts";

export interface CheckedGitHubOptions {
  /** `owner/name` on the fake. */
  readonly repository: string;
  /** Of the bare repository. */
  readonly path: string;
  /** The branch that changes land on. */
  readonly branch: string;
  /** The check that the branch requires, and the shell command that decides about it. */
  readonly check: string;
  readonly command: string;
  /** 0, the default, takes any port that is free. */
  readonly port?: number;
  /** The clock of the fake, in epoch milliseconds. Default: the machine's clock. */
  readonly now?: () => number;
}

/** A GitHub on this machine with one repository, and a CI behind it. */
export interface CheckedGitHub {
  readonly github: FakeGitHub;
  /** The App as JSON, as the secret of a queue holds it. */
  readonly app: string;
  stop(): Promise<void>;
}

/**
 * Starts a GitHub that requires one check on a branch, with a CI behind it that runs a command for each push to `submitqueue/**`. The check is
 * tried once on the tip of the branch, since a queue refuses to wait for a check that was never seen. Throws when the repository has no such
 * branch.
 */
export async function startCheckedGitHub(options: CheckedGitHubOptions): Promise<CheckedGitHub> {
  const { repository: name, path, branch, check, command, port = 0, now = Date.now } = options;
  const github = await startFakeGitHub({ directory: "", repositories: { [name]: path }, port, now });
  const ci = new FakeCi(github, {
    jobs: [{ name: check, reports: "check" }],
    courseOf: () => ({ kind: "command", command }),
  });
  const stop = async () => {
    await ci.stop();
    await github.stop();
  };
  try {
    const repository = github.repository(name);
    const tip = (await repository.git.refs(`refs/heads/${branch}`)).get(`refs/heads/${branch}`);
    if (tip === undefined) throw new Error(`${path} has no branch ${branch}`);
    repository.ruleset.set(branch, [{ context: check }]);
    const tried = "refs/heads/submitqueue/try";
    await repository.git.update(tried, tip);
    await github.sync(name);
    await ci.idle();
    await repository.git.delete(tried);
    await github.sync(name);
  } catch (error) {
    await stop();
    throw error;
  }
  const { id: appId, privateKey, webhookSecret } = github.identities.app;
  return { github, app: JSON.stringify({ appId, privateKey, webhookSecret }), stop };
}
