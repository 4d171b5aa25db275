import { startCheckedGitHub } from "../fakes/github/checked.ts";
import type { FakeGitHub } from "../fakes/github/index.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

export const REPOSITORY = "demo/shop";
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

/** Starts it, and puts the App's secret where the embedded runtime looks for it. `now` is its clock, in epoch milliseconds. */
export async function startGitHub(
  { remote: path, branch, command }: Sandbox,
  now: () => number = Date.now,
): Promise<DemoGitHub> {
  const started = await startCheckedGitHub({ repository: REPOSITORY, path, branch, check: "tests", command, now });
  const { url } = started.github;
  process.env[SECRET_VARIABLE] = started.app;
  return {
    hub: started.github,
    url,
    buildRunner: { type: "github-checks", repository: REPOSITORY, api: url, credentialsSecret: SECRET },
    stop: async () => {
      delete process.env[SECRET_VARIABLE];
      await started.stop();
    },
  };
}
