import type { Build, BuildPhase } from "@aws-sdk/client-codebuild";
import type { CodeBuildConfig } from "../../contracts/build-runner-config.ts";
import { cut } from "../../contracts/text.ts";
import { epochMs } from "../../contracts/time.ts";
import type { BuildResult, BuildStatus } from "./build-runner.ts";
import { endOfText } from "./output.ts";

export type CodeBuildVerdict =
  | Extract<BuildStatus, { kind: "running" }>
  /** `why` is the end of a sentence that begins with the build's id. */
  | { readonly kind: "finished"; readonly result: BuildResult; readonly why: string };

type Phases = CodeBuildConfig["infrastructurePhases"];

/** The phases in which commands of the buildspec run. A failure in any other phase says nothing about the tree. */
const COMMANDS: readonly string[] = ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"];

/**
 * What has become of a build, by its status and by the first phase that did not succeed. Example: FAILED with DOWNLOAD_SOURCE is
 * `infrastructure`, since no command of the build ran; FAILED with BUILD is `failed`; FAILED, or TIMED_OUT, with INSTALL is `failed`, unless
 * `infrastructurePhases` names INSTALL. A status that is not known here is `infrastructure`.
 */
export function verdictOf(build: Build, infrastructurePhases: Phases): CodeBuildVerdict {
  const { buildStatus } = build;
  if (buildStatus === "IN_PROGRESS") return runningIn(build);
  const finished = (result: BuildResult, why: string) => ({ kind: "finished", result, why }) as const;
  if (buildStatus === "SUCCEEDED") return finished("passed", "it passed.");
  if (buildStatus === "STOPPED") return finished("cancelled", "it was stopped.");
  const phase = build.phases?.find(({ phaseStatus }) => phaseStatus !== undefined && phaseStatus !== "SUCCEEDED");
  const excused = infrastructurePhases.some((name) => name === phase?.phaseType);
  const where = phase?.phaseType === undefined ? "" : ` in ${phase.phaseType}`;
  if (buildStatus === "TIMED_OUT")
    return finished(
      excused || phase === undefined || phase.phaseType === "QUEUED" ? "infrastructure" : "failed",
      `it took longer than its project allows${where}.`,
    );
  if (buildStatus === "FAILED")
    return finished(
      COMMANDS.includes(phase?.phaseType ?? "") && !excused ? "failed" : "infrastructure",
      `it failed${where}${said(phase)}.`,
    );
  return finished("infrastructure", `it ended with ${buildStatus ?? "no status"}${where}${said(phase)}.`);
}

/** The time in CodeBuild's own queue, which may be hours when all machines are taken, is not the build's. */
function runningIn({ currentPhase, phases = [] }: Build): Extract<BuildStatus, { kind: "running" }> {
  if (currentPhase === "SUBMITTED" || currentPhase === "QUEUED") return { kind: "running", waiting: true };
  const began = phases.find(({ phaseType }) => phaseType === "QUEUED")?.endTime?.getTime();
  return { kind: "running", ...(began === undefined ? {} : { began: epochMs(began) }) };
}

/** What CodeBuild says of a phase: the command that failed and its exit status, mostly. */
function said(phase: BuildPhase | undefined): string {
  const texts = (phase?.contexts ?? []).flatMap(({ message }) => message ?? []);
  const text = endOfText(cut(texts.join("; "), 400)).replaceAll(/\s+/g, " ");
  return text === "" ? "" : ` (${text})`;
}

/** The page of a build in the console of AWS, from the first second on. Undefined when the build's ARN is not one. */
export function pageOf({ arn }: Build): string | undefined {
  const [, partition, region, account, project, uuid] =
    /^arn:([\w-]+):codebuild:([\w-]+):(\d+):build\/([\w-]+):([\w-]+)$/.exec(arn ?? "") ?? [];
  if (region === undefined) return undefined;
  const host = partition === "aws-cn" ? "console.amazonaws.cn" : `${region}.console.aws.amazon.com`;
  const build = `codesuite/codebuild/${account}/projects/${project}/build/${project}%3A${uuid}`;
  return `https://${host}/${build}/?region=${region}`;
}
