import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { CodeBuildClient } from "@aws-sdk/client-codebuild";
import { onTestFinished } from "vitest";
import { codebuildRunner } from "../../../functions/adapters/build-runner/codebuild.ts";
import { CodeBuildProject } from "../../../functions/adapters/build-runner/codebuild-project.ts";
import type { BuildId, BuildRunner } from "../../../functions/adapters/build-runner/index.ts";
import type { CodeBuildConfig } from "../../../functions/contracts/build-runner-config.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { type Course, FakeCodeBuild } from "../../../localstack/fakes/codebuild.ts";
import { toEmulator } from "../../support/dynalite.ts";
import { aTask } from "./tasks.ts";

export const COURSES = {
  passes: { status: "SUCCEEDED", log: "all is well" },
  fails: { status: "FAILED", phase: "BUILD", message: "exit status 1", log: "a\nb\n1 test failed" },
  breaks: { status: "FAULT", phase: "PROVISIONING", message: "no machine" },
  hangs: { status: "SUCCEEDED", ms: Number.POSITIVE_INFINITY },
  overdue: { status: "TIMED_OUT", phase: "BUILD" },
} as const satisfies Record<string, Course>;

/** A failed build with a report: of seven tests one is refused, and six more than are shown. */
export const TESTED = {
  ...COURSES.fails,
  tests: [
    { suite: "cart", name: "adds up", status: "FAILED" },
    { suite: "cart", name: "is empty", status: "SUCCEEDED" },
    { name: "starts", status: "ERROR" },
    ...Array.from({ length: 6 }, (_, n) => ({ suite: "till", name: `rings ${n}`, status: "FAILED" as const })),
  ],
} as const satisfies Course;

export const PROJECT = "shop-builds";

/** The clients of the AWS SDK, on a fake. */
export const clientsOn = (fake: FakeCodeBuild) => ({
  codebuild: new CodeBuildClient(toEmulator(fake.endpoint)),
  logs: new CloudWatchLogsClient(toEmulator(fake.endpoint)),
});

/**
 * CodeBuild with one project, and runners on it. `open` answers a runner with what trigger and poll keep in a build's row around it: the id
 * that a trigger answered, if `stores` says that it is stored, and the mark of a stop.
 */
export async function codebuildWorld({
  stores = true,
  source = "repository" as "repository" | "none",
  infrastructurePhases = [] as CodeBuildConfig["infrastructurePhases"],
} = {}) {
  const clock = { now: 1_800_000_000_000 };
  const courses = new Map<string, Course>();
  const fake = await FakeCodeBuild.start({
    projects: [PROJECT],
    now: () => clock.now,
    courseOf: ({ SQ_COMMIT = "" }) => courses.get(SQ_COMMIT) ?? COURSES.passes,
  });
  onTestFinished(() => fake.stop());
  const project = new CodeBuildProject({ ...clientsOn(fake), name: PROJECT, source, now: () => epochMs(clock.now) });
  const ids = new Map<string, string>();
  const stopped = new Set<string>();
  const rowOf = ({ key, commit }: BuildId) => `${key} ${commit}`;
  const bare = (isStopped = async (build: BuildId) => stopped.has(rowOf(build))): BuildRunner =>
    codebuildRunner({
      project,
      isStopped,
      infrastructurePhases,
      now: () => epochMs(clock.now),
    });
  const withId = <B extends BuildId>(build: B): B => {
    const id = ids.get(rowOf(build));
    return id === undefined ? build : { ...build, id };
  };
  const open = (): BuildRunner => ({
    trigger: async (task) => {
      const answer = await bare().trigger(withId(task));
      if (stores && answer.id !== undefined) ids.set(rowOf(task), answer.id);
      return answer;
    },
    status: (build) => bare().status(withId(build)),
    cancel: async (build) => {
      stopped.add(rowOf(build));
      await bare().cancel(withId(build));
    },
  });
  const task = (course: Course) => {
    const made = aTask({ askedAt: epochMs(clock.now) });
    courses.set(made.commit, course);
    return made;
  };
  const buildsOf = ({ key, commit }: BuildId) =>
    fake.builds.filter(({ variables }) => variables["SQ_BUILD"] === key && variables["SQ_COMMIT"] === commit);
  return { fake, project, clock, stopped, ids, rowOf, bare, open, task, buildsOf };
}
