import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { IgnoreMode } from "aws-cdk-lib";

/** Where, within the build context, the image's Dockerfile finds the queue configuration: its build argument QUEUES_FILE. */
const QUEUES_IN_CONTEXT = "build/queues.json";

/**
 * What the image of the functions that run git is built from: the repository, of which only the sources and the lock file count, and the
 * queue configuration, which is put where Docker can see it.
 */
export function imageContext(repository: string, queuesJson: string) {
  const inContext = join(repository, QUEUES_IN_CONTEXT);
  mkdirSync(dirname(inContext), { recursive: true });
  copyFileSync(queuesJson, inContext);
  return {
    file: "lib/runway-image/Dockerfile",
    buildArgs: { QUEUES_FILE: QUEUES_IN_CONTEXT },
    exclude: [
      "*",
      "!package.json",
      "!package-lock.json",
      "!tsconfig.json",
      "!functions",
      "!lib",
      "lib/*",
      "!lib/runway-image",
      "!build",
      "build/*",
      `!${QUEUES_IN_CONTEXT}`,
    ],
    ignoreMode: IgnoreMode.DOCKER,
  };
}
