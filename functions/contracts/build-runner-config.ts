import * as z from "zod";
import { GitHubApi, GitHubCheck, GitHubRepository, SecretName } from "./config-fields.ts";

const BuildTiming = {
  /** A build that runs longer is cancelled and counts as failed. */
  timeoutSeconds: z.int().min(1).max(86_400).default(3_600),
  /**
   * What a build tests. everything: the whole tree that it is given. affected: only what its heads affect, so its verdict says nothing
   * about the changes below the heads that have not landed.
   */
  tests: z.enum(["everything", "affected"]).default("everything"),
  /** The shortest interval at which the CI system is asked for the state of a build, for when it does not report by itself. */
  pollSeconds: z.int().min(1).max(300).default(10),
  /** How often a build that failed for reasons of infrastructure is tried again. */
  infrastructureRetries: z.int().min(0).max(10).default(2),
};

/** Sizes of the machines of CodeBuild, by CodeBuild's own names. */
const ComputeType = z.enum([
  "BUILD_GENERAL1_SMALL",
  "BUILD_GENERAL1_MEDIUM",
  "BUILD_GENERAL1_LARGE",
  "BUILD_GENERAL1_XLARGE",
  "BUILD_GENERAL1_2XLARGE",
]);

/** The phases of a CodeBuild build whose commands may be declared to be no test of the tree. In BUILD the tests run. */
const SetUpPhase = z.enum(["INSTALL", "PRE_BUILD", "POST_BUILD"], {
  error: ({ input }) =>
    input === "BUILD"
      ? "a failure in BUILD is the change's own, or no change could ever be refused: name INSTALL, PRE_BUILD or POST_BUILD"
      : "name INSTALL, PRE_BUILD or POST_BUILD: a failure in a phase that runs no command is always the infrastructure's",
});

const PRIVATE_IMAGE = /^[0-9]{12}\.dkr\.ecr\./;

const CodeBuild = z
  .strictObject({
    type: z.literal("codebuild"),
    /** The name of a project that exists, in the account and region of the deployment. Absent: the stack creates one from `image`. */
    project: z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$/,
        "the name of a CodeBuild project: 2 to 150 letters, digits, - and _, no ARN",
      )
      .optional(),
    /** What builds run in: an image of CodeBuild (`aws/codebuild/…`), or a public one. */
    image: z.string().min(1).max(500).regex(/^\S+$/, "the name of an image").optional(),
    /** The size of the machine. Absent: BUILD_GENERAL1_MEDIUM. */
    computeType: ComputeType.optional(),
    /** The text of a buildspec, or the path of one within the repository. Absent: buildspec.yml. */
    buildspec: z.string().min(1).max(20_000).optional(),
    /**
     * repository: the project checks out the composed commit, from a branch that the queue pushes. none: the project has no source, and
     * its buildspec fetches $SQ_REF by itself.
     */
    source: z.enum(["repository", "none"]).default("repository"),
    /** Phases of the buildspec in which a failure, or a time-out, is the infrastructure's: the build is tried again. Absent: none. */
    infrastructurePhases: z.array(SetUpPhase).default([]),
    ...BuildTiming,
  })
  .superRefine(({ project, image, computeType, buildspec, source }, ctx) => {
    const refuse = (field: string, message: string) => ctx.addIssue({ code: "custom", path: [field], message });
    if (project !== undefined) {
      for (const [field, value] of Object.entries({ image, computeType, buildspec }))
        if (value !== undefined)
          refuse(
            field,
            `the project ${project} has one of its own: leave out ${field}, or leave out project and have one created`,
          );
      return;
    }
    if (image === undefined)
      return refuse("project", "name a CodeBuild project that exists, or an image, and a project is created");
    if (PRIVATE_IMAGE.test(image))
      refuse(
        "image",
        "a created project pulls public images only: create a project for this image, and name the project",
      );
    if (source === "none" && !buildspec?.includes("\n"))
      refuse("buildspec", "a project without a source has no file to read: write the text of the buildspec here");
  });

const GitHubChecks = z.strictObject({
  type: z.literal("github-checks"),
  /** `owner/name` on GitHub. Absent: read from the queue's remote. */
  repository: GitHubRepository.optional(),
  /** The address of GitHub's REST API. Absent: that of the remote's host, `https://HOST/api/v3` for GitHub Enterprise Server. */
  api: GitHubApi.optional(),
  /** The secret with a GitHub App or a token. Absent: the repository's tokenSecret. */
  credentialsSecret: SecretName.optional(),
  /** The checks that a build waits for. Absent: those that GitHub requires on the queue's branch, without the queue's own. */
  checks: z.array(GitHubCheck).min(1).max(100).optional(),
  /** A check of which nothing was reported for this long will not be reported: no change is at fault, and the build is repeated. */
  startWithinSeconds: z.int().min(1).max(86_400).default(600),
  ...BuildTiming,
});

const Http = z.strictObject({
  type: z.literal("http"),
  /** Where builds are started: https://…; under the embedded runtime also http:// on this machine. */
  url: z
    .url({ protocol: /^https?$/ })
    .max(1_000)
    .refine(
      (url) => url.startsWith("https://") || /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(\/|$)/.test(url),
      "write https://…; without TLS what is built could be changed on its way, so http:// is taken for this machine alone",
    )
    .refine((url) => !/^[^/]*\/\/[^/]*@/.test(url), "write no user or password into an address: calls are signed"),
  /** The secret that signs calls in both directions: whsec_ and base64, by Standard Webhooks; several apart by spaces, the newest first. */
  signingSecret: SecretName,
  /** Hosts whose addresses may be those of a private network. No other private address is ever called. */
  privateHosts: z.array(z.string().min(1).max(253)).max(20).default([]),
  ...BuildTiming,
});

export const BuildRunnerConfig = z.discriminatedUnion("type", [
  /** Builds in AWS CodeBuild. */
  CodeBuild,
  /** Builds wherever a CI system takes a signed POST and calls back. */
  Http,
  /** Waits for what CI systems report to GitHub about a branch that the queue pushes. */
  GitHubChecks,
  /** Runs a shell command in a clone of the composed commit, on this machine. Embedded runtime only. */
  z.strictObject({ type: z.literal("command"), command: z.string().min(1).max(4_000), ...BuildTiming }),
  /** Builds nothing: outcomes follow markers in the change URI (`?sq-fake=build-fail`). For tests. */
  z.strictObject({ type: z.literal("fake"), ...BuildTiming }),
]);
export type BuildRunnerConfig = z.infer<typeof BuildRunnerConfig>;
export type CodeBuildConfig = z.infer<typeof CodeBuild>;
export type GitHubChecksConfig = z.infer<typeof GitHubChecks>;
