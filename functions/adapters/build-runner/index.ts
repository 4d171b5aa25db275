import { CodedError } from "../../contracts/errors.ts";
import type { BuildRunnerOf, Clients, WireRunner } from "../aws-clients.ts";
import type { Env } from "../settings.ts";
import { codebuildRunners } from "./codebuild.ts";
import { fakeRunners } from "./fake.ts";
import { githubChecksRunners } from "./github-checks-queues.ts";
import { httpRunners } from "./http.ts";

export {
  type BuildId,
  type BuildName,
  type BuildRunner,
  type BuildStatus,
  type BuildTask,
  MAX_MESSAGE,
} from "./build-runner.ts";

/** The build runners that are deployed, by the type that a queue's configuration names. */
const DEPLOYED: Readonly<Record<string, WireRunner>> = {
  codebuild: codebuildRunners,
  http: httpRunners,
  "github-checks": githubChecksRunners,
  fake: fakeRunners,
};

/**
 * Gives each queue the build runner that its configuration names: one that is deployed, or one that the clients bring. Throws
 * config.invalid for a type that is neither.
 */
export function buildRunnersFor(env: Env, clients: Clients): BuildRunnerOf {
  const known = { ...DEPLOYED, ...clients.buildRunners };
  const wired = new Map<string, BuildRunnerOf>();
  return (queue) => {
    const { type } = queue.buildRunner;
    const runnerOf = wired.get(type) ?? known[type]?.(env, clients);
    if (runnerOf === undefined)
      throw new CodedError(
        "config.invalid",
        `queue ${queue.name} is to be built by the runner ${type}, which does not exist here: name another in queues.yaml`,
      );
    wired.set(type, runnerOf);
    return runnerOf(queue);
  };
}
