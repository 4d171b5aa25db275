import { randomUUID } from "node:crypto";
import * as z from "zod";
import { ACCOUNT, REGION } from "../../lib/cloudformation/resolver.ts";

const PHASES = [
  "SUBMITTED",
  "QUEUED",
  "PROVISIONING",
  "DOWNLOAD_SOURCE",
  "INSTALL",
  "PRE_BUILD",
  "BUILD",
  "POST_BUILD",
  "UPLOAD_ARTIFACTS",
  "FINALIZING",
  "COMPLETED",
] as const;

/** A test in the report of a build. */
export interface FakeTest {
  readonly suite?: string;
  readonly name: string;
  readonly status: "SUCCEEDED" | "FAILED" | "ERROR" | "SKIPPED";
}

/** What becomes of a build. */
export interface Course {
  readonly status: "SUCCEEDED" | "FAILED" | "FAULT" | "TIMED_OUT";
  /** The first phase that does not succeed. Absent for a build that succeeds. */
  readonly phase?: (typeof PHASES)[number];
  /** How long it takes; Infinity for a build that goes on until it is stopped. Default: 0. */
  readonly ms?: number;
  /** How long it waits in CodeBuild's own queue before. Default: 0. */
  readonly queuedMs?: number;
  /** What CodeBuild says of the phase that did not succeed. */
  readonly message?: string;
  readonly log?: string;
  /** The tests in its report. Absent: the build uploads none. */
  readonly tests?: readonly FakeTest[];
}

export interface FakeBuild {
  readonly id: string;
  readonly project: string;
  readonly startedAt: number;
  /** What StartBuild was called with. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly variables: Readonly<Record<string, string>>;
  readonly course: Course;
  stoppedAt?: number;
}

const Outcome = z.enum(["passes", "fails", "hangs", "breaks", "times-out"]).catch("passes");

const FAILING: readonly FakeTest[] = [{ suite: "cart", name: "adds up", status: "FAILED" }];

/** The course that a build's variable FAKE_OUTCOME names, or else the variable of this process; a build without one passes. */
export function courseFrom(variables: Readonly<Record<string, string>>): Course {
  switch (Outcome.parse(variables["FAKE_OUTCOME"] ?? process.env["FAKE_OUTCOME"])) {
    case "fails":
      return { status: "FAILED", phase: "BUILD", message: "exit status 1", log: "1 test failed", tests: FAILING };
    case "breaks":
      return { status: "FAULT", phase: "PROVISIONING", message: "no machine is left" };
    case "times-out":
      return { status: "TIMED_OUT", phase: "BUILD" };
    case "hangs":
      return { status: "SUCCEEDED", ms: Number.POSITIVE_INFINITY };
    default:
      return { status: "SUCCEEDED", log: "all tests passed" };
  }
}

const beginOf = ({ startedAt, course }: FakeBuild): number => startedAt + (course.queuedMs ?? 0);
const endOf = (build: FakeBuild): number => beginOf(build) + (build.course.ms ?? 0);

export const isOver = (build: FakeBuild, now: number): boolean => build.stoppedAt !== undefined || now >= endOf(build);

/** The ARNs of the reports that a build has uploaded: one when its course has tests, named as by `reports: tests:` in its buildspec. */
export function reportArnsOf(build: FakeBuild, now: number): readonly string[] {
  if (build.course.tests === undefined || !isOver(build, now)) return [];
  const uuid = build.id.slice(build.id.indexOf(":") + 1);
  return [`arn:aws:codebuild:${REGION}:${ACCOUNT}:report/${build.project}-tests:${uuid}`];
}

/** A build as CodeBuild tells it, at that time. Its times are seconds. */
export function describeBuild(build: FakeBuild, now: number): object {
  const { id, project, startedAt, variables, course, stoppedAt } = build;
  const ended = isOver(build, now);
  const [name, stream] = [`/aws/codebuild/${project}`, id.slice(id.indexOf(":") + 1)];
  const status = stoppedAt === undefined ? course.status : "STOPPED";
  return {
    id,
    arn: `arn:aws:codebuild:${REGION}:${ACCOUNT}:build/${id}`,
    projectName: project,
    startTime: startedAt / 1_000,
    ...(ended ? { endTime: (stoppedAt ?? endOf(build)) / 1_000 } : {}),
    buildStatus: ended ? status : "IN_PROGRESS",
    buildComplete: ended,
    currentPhase: ended ? "COMPLETED" : runningPhase(build, now),
    phases: phasesOf(build, now),
    reportArns: reportArnsOf(build, now),
    sourceVersion: build.input["sourceVersion"],
    environment: {
      environmentVariables: Object.entries(variables).map(([key, value]) => ({ name: key, value, type: "PLAINTEXT" })),
    },
    logs: hasLog(build, now)
      ? { groupName: name, streamName: stream, deepLink: `https://logs.example.invalid/${encodeURIComponent(id)}` }
      : { deepLink: "https://logs.example.invalid/null" },
  };
}

/** The event of EventBridge that says how a build is, at that time. */
export function stateChange(build: FakeBuild, now: number): object {
  const { id, project, course, stoppedAt } = build;
  const ended = stoppedAt === undefined ? course.status : "STOPPED";
  const variables = Object.entries(build.variables).map(([name, value]) => ({ name, value, type: "PLAINTEXT" }));
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "CodeBuild Build State Change",
    source: "aws.codebuild",
    account: ACCOUNT,
    time: new Date(now).toISOString(),
    region: REGION,
    resources: [`arn:aws:codebuild:${REGION}:${ACCOUNT}:build/${id}`],
    detail: {
      "build-status": isOver(build, now) ? ended : "IN_PROGRESS",
      "project-name": project,
      "build-id": `arn:aws:codebuild:${REGION}:${ACCOUNT}:build/${id}`,
      "additional-information": { environment: { "environment-variables": variables } },
    },
  };
}

const runningPhase = (build: FakeBuild, now: number): (typeof PHASES)[number] =>
  now < beginOf(build) ? "QUEUED" : "BUILD";

/** The phase that a build is in, or the last one that it came to. */
function lastPhase(build: FakeBuild, now: number): (typeof PHASES)[number] {
  const { course, stoppedAt } = build;
  if (!isOver(build, now)) return runningPhase(build, now);
  return (stoppedAt === undefined ? course.phase : runningPhase(build, stoppedAt)) ?? "COMPLETED";
}

/** CodeBuild makes the log as it finds a machine; its link leads nowhere before. */
const hasLog = (build: FakeBuild, now: number): boolean =>
  PHASES.indexOf(lastPhase(build, now)) >= PHASES.indexOf("PROVISIONING");

/** All phases up to the one that did not succeed, and then the phases that CodeBuild always runs. */
function phasesOf(build: FakeBuild, now: number): readonly object[] {
  const { course, stoppedAt } = build;
  const ended = isOver(build, now);
  const broken = stoppedAt === undefined ? course.phase : runningPhase(build, stoppedAt);
  const last = PHASES.indexOf(lastPhase(build, now));
  return PHASES.slice(0, last + 1).map((phaseType, index) => {
    if (phaseType === "COMPLETED" || (index === last && !ended)) return { phaseType };
    const failed = index === last && broken !== undefined;
    const phaseStatus = stoppedAt === undefined ? course.status : "STOPPED";
    const contexts = failed && course.message !== undefined ? [{ statusCode: "X", message: course.message }] : [];
    const times = phaseType === "QUEUED" ? { endTime: beginOf(build) / 1_000 } : {};
    return { phaseType, phaseStatus: failed ? phaseStatus : "SUCCEEDED", contexts, ...times };
  });
}
