import { FakeCi } from "../fakes/github/ci.ts";
import { type FakeGitHub, startFakeGitHub } from "../fakes/github/index.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

export const REPOSITORY = "demo/shop";
const CHECK = "tests";
export const SECRET = "demo/github";
const SECRET_VARIABLE = "SUBMITQUEUE_SECRET_DEMO_GITHUB";

/** A GitHub on this machine that has the sandbox, and a CI behind it that runs the project's check. */
export interface DemoGitHub {
  readonly hub: FakeGitHub;
  readonly url: string;
  /** The queue's build runner. */
  readonly buildRunner: object;
  stop(): Promise<void>;
}

/** Starts it, requires the check on the trunk, and tries it once: so the queue sees that the check reports. */
export async function startGitHub(
  { remote, branch, start, command }: Sandbox,
  now: () => number = Date.now,
): Promise<DemoGitHub> {
  const github = await startFakeGitHub({ directory: "", repositories: { [REPOSITORY]: remote }, now });
  const ci = new FakeCi(github, {
    jobs: [{ name: CHECK, reports: "check" }],
    courseOf: () => ({ kind: "command", command }),
  });
  const repository = github.repository(REPOSITORY);
  repository.ruleset.set(branch, [{ context: CHECK }]);
  const ref = "refs/heads/submitqueue/demo/try";
  await repository.git.update(ref, start);
  await github.sync(REPOSITORY);
  await ci.idle();
  await repository.git.delete(ref);
  await github.sync(REPOSITORY);
  const { id: appId, privateKey, webhookSecret } = github.identities.app;
  process.env[SECRET_VARIABLE] = JSON.stringify({ appId, privateKey, webhookSecret });
  return {
    hub: github,
    url: github.url,
    buildRunner: { type: "github-checks", repository: REPOSITORY, api: github.url, credentialsSecret: SECRET },
    stop: async () => {
      delete process.env[SECRET_VARIABLE];
      await ci.stop();
      await github.stop();
    },
  };
}
