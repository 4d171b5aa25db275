import { z } from "zod";
import { ChangeProviderConfig, providerFor } from "./change-provider.ts";
import { GitHubApi, GitHubRepository, SecretName } from "./config-fields.ts";
import { Glob } from "./globs.ts";
import { QueueName } from "./ids.ts";
import { MergeStrategy } from "./strategy.ts";

/** A branch, without refs/heads/. */
const BranchName = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^(?![-/.]|refs\/)(?!.*(\.\.|\/\/|\/\.|\.lock(\/|$)|\/$|\.$))[A-Za-z0-9._/-]+$/,
    "a branch name without refs/heads/, such as main",
  );

/** A remote is shown to every caller who may look at the queue: it holds no secret. A user alone is none, and ssh needs one. */
function problemOf(remote: string): string | undefined {
  const scheme = /^(https|ssh|file):\/\//.exec(remote)?.[1];
  if (scheme === undefined) return undefined;
  const [, user = ""] = /^[^/]*\/\/([^/]*)@/.exec(remote) ?? [];
  if (!z.url().safeParse(remote).success)
    return "this is not an address: write https://<host>/<path>, ssh://<user>@<host>/<path> or file://<path>";
  if (/[?#]/.test(remote)) return "write no query or fragment into a remote: name a tokenSecret for a token";
  if (scheme === "ssh" && /:|%3a/i.test(user))
    return "write no password into a remote: ssh takes a key, from its agent or its configuration";
  if (scheme !== "ssh" && user !== "") return "write no user or password into a remote: name a tokenSecret";
  return undefined;
}

/** Where a queue lands: one branch of one repository. `tokenSecret` names a secret that holds an HTTPS token; secrets are never written here. */
export const Repository = z.strictObject({
  remote: z
    .string()
    .min(1)
    .max(500)
    .regex(
      /^((https|ssh|file):\/\/\S+|(\/|\.\.?\/)\P{Cc}+)$/u,
      "https://…, ssh://…, file://…, or a path that begins with /, ./ or ../",
    )
    .superRefine((remote, ctx) => {
      const problem = problemOf(remote);
      if (problem) ctx.addIssue({ code: "custom", message: problem });
    }),
  branch: BranchName.default("main"),
  tokenSecret: SecretName.optional(),
  tokenUser: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/)
    .default("x-access-token"),
});
export type Repository = z.infer<typeof Repository>;

/** Which of a queue's requests go first: the higher ones. */
export const Priority = z.int().min(0).max(100);

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
export const ComputeType = z.enum([
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

/** A check that a build waits for, by the name that GitHub shows: of a check run or of a commit status. */
const Check = z.union([
  z.string().min(1).max(300),
  z.strictObject({
    name: z.string().min(1).max(300),
    /** The App that must report the check, by its id or its slug. Absent: any App or user that may write to the repository. */
    app: z
      .union([z.int().positive(), z.string().regex(/^[a-z0-9-]{1,100}$/, "the slug or the id of a GitHub App")])
      .optional(),
  }),
]);

const GitHubChecks = z.strictObject({
  type: z.literal("github-checks"),
  /** `owner/name` on GitHub. Absent: read from the queue's remote. */
  repository: GitHubRepository.optional(),
  /** The address of GitHub's REST API. Absent: that of the remote's host, `https://HOST/api/v3` for GitHub Enterprise Server. */
  api: GitHubApi.optional(),
  /** The secret with a GitHub App or a token. Absent: the repository's tokenSecret. */
  credentialsSecret: SecretName.optional(),
  /** The checks that a build waits for. Absent: those that GitHub requires on the queue's branch, without the queue's own. */
  checks: z.array(Check).min(1).max(100).optional(),
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

/** A regular expression for a whole label, with one group: the target. Example: `target:(.+)`. */
const LabelPattern = z
  .string()
  .min(1)
  .max(200)
  .superRefine((pattern, ctx) => {
    const problem = problemOfPattern(pattern);
    if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem });
  });

function problemOfPattern(pattern: string): string | undefined {
  try {
    // With the empty alternative it matches anything, and the match has an element for each group.
    const groups = (new RegExp(`${pattern}|`, "u").exec("")?.length ?? 1) - 1;
    return groups === 1 ? undefined : "write one group around the part that is the target, such as target:(.+)";
  } catch (error) {
    return `this is no regular expression: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Changes conflict when they affect the same build target. A change whose targets are not known conflicts with every other. */
const Targets = z
  .strictObject({
    type: z.literal("targets"),
    /** Which labels of a pull request name a target, where the Land call names none. Absent: labels name none. */
    labels: LabelPattern.optional(),
    /** The check run on a change's commit whose output names the targets, one a line, where the Land call names none. Absent: no check does. */
    check: Check.optional(),
  })
  .refine(({ labels, check }) => labels === undefined || check === undefined, {
    path: ["check"],
    message: "targets are named by labels or by a check: write one of them",
  });

export const ConflictAnalyzerConfig = z.discriminatedUnion("type", [
  /** Every change conflicts with every other: the landed tree is the tested tree, bit for bit. */
  z.strictObject({ type: z.literal("all") }),
  /** No change conflicts with any other. */
  z.strictObject({ type: z.literal("none") }),
  /** Changes conflict when they touch the same file, or files of the same directory. */
  z.strictObject({
    type: z.literal("paths"),
    by: z.enum(["file", "directory"]).default("file"),
    /** A change that touches one of these paths conflicts with every change that touches anything. */
    barriers: z.array(Glob).max(100).optional(),
    /** Paths that nothing is built from: two changes that touch one do not conflict for it. A barrier counts all the same. */
    ignore: z.array(Glob).max(100).optional(),
  }),
  Targets,
]);
export type ConflictAnalyzerConfig = z.infer<typeof ConflictAnalyzerConfig>;

const Probability = z.number().min(0).max(1);

const FlatScorer = z.strictObject({ type: z.literal("flat"), success: Probability.default(0.95) });
const HeuristicScorer = z.strictObject({
  type: z.literal("heuristic"),
  /** What is counted: lines (added and deleted) or files. */
  by: z.enum(["lines", "files"]).default("lines"),
  /** The first bucket whose `upTo` is not exceeded gives the chance of success; beyond the last it is 0.95. */
  buckets: z
    .array(z.strictObject({ upTo: z.number().nonnegative(), success: Probability }))
    .min(1)
    .refine(
      (buckets) => buckets.every((bucket, i) => i === 0 || bucket.upTo > (buckets[i - 1]?.upTo ?? 0)),
      "upTo ascends",
    ),
});
const HistoryScorer = z.strictObject({ type: z.literal("history") });
const SimpleScorer = z.discriminatedUnion("type", [FlatScorer, HeuristicScorer, HistoryScorer]);

/** How likely a change is to pass before anything has been built. `history` learns it from the queue's own outcomes. */
export const ScorerConfig = z.discriminatedUnion("type", [
  FlatScorer,
  HeuristicScorer,
  HistoryScorer,
  z.strictObject({
    type: z.literal("composite"),
    by: z.enum(["min", "max", "mean"]),
    of: z.array(SimpleScorer).min(1),
  }),
]);
export type ScorerConfig = z.infer<typeof ScorerConfig>;

/** Which builds are worth their slot. */
export const SpeculationConfig = z.strictObject({
  scorer: ScorerConfig.default({ type: "history" }),
  /** likely-first: a change that will probably fail joins the order only once it has passed. arrival: first come, first served. */
  order: z.enum(["likely-first", "arrival"]).default("likely-first"),
  probation: z
    .strictObject({
      /** Below this chance of success a change is on probation. */
      threshold: Probability.default(0.5),
      /** After this long it joins all the same. */
      maxHoldSeconds: z
        .int()
        .min(0)
        .default(4 * 3_600),
    })
    .prefault({}),
  /**
   * A path whose assumptions are less likely than this to come true is not built. The exception is the first build of a change where builds
   * test only what is affected: it tells whether the change passes, whether or not the assumptions come true.
   */
  minProbability: Probability.default(0.1),
  /** True: a change may land ahead of undecided ones once a build has passed for every way in which these can turn out. */
  bypass: z.boolean().default(true),
  /** sticky: a running build is given up only when its verdict can no longer be used. preempting: also for a clearly better one. */
  allocator: z.enum(["sticky", "preempting"]).default("sticky"),
});
export type SpeculationConfig = z.infer<typeof SpeculationConfig>;

/** Requests that are built and landed together when more wait than the budget can serve. */
export const BundleConfig = z.strictObject({
  maxSize: z.int().min(1).max(100).default(1),
  /** How long a bundle that is not full waits for more. */
  maxWaitSeconds: z.int().min(0).max(3_600).default(0),
});

/** Who the commits that the queue makes are committed by. Authors are kept. */
export const Committer = z.strictObject({ name: z.string().min(1).max(200), email: z.string().min(3).max(200) });
export type Committer = z.infer<typeof Committer>;

/** Who a right is for: a caller's name, or `group:` and a group's name. `*` stands for any text. */
const CallerPattern = z.string().min(1).max(500);
const CallerPatterns = z.array(CallerPattern).max(100).exactOptional();

/** Who may do what in the queue (domain/access.ts). A list that is absent: every caller may land, and the operators may do the rest. */
export const Access = z.strictObject({
  land: CallerPatterns,
  cancelOthers: CallerPatterns,
  priority: CallerPatterns,
  operate: CallerPatterns,
});
export type Access = z.infer<typeof Access>;

export const QueueConfig = z.strictObject({
  name: QueueName,
  repository: Repository,
  strategy: MergeStrategy.default("REBASE"),
  /** Absent: `git`; in a QueuesConfig it is always there (providerFor). */
  changeProvider: ChangeProviderConfig.exactOptional(),
  buildRunner: BuildRunnerConfig,
  conflictAnalyzer: ConflictAnalyzerConfig.default({ type: "all" }),
  /** How many builds may run at once. */
  budget: z.int().min(1).max(1_000).default(4),
  speculation: SpeculationConfig.prefault({}),
  bundle: BundleConfig.prefault({}),
  /**
   * Which commit points are built. every: each one that reaches the branch. pushes: the tip of each push. When a build of A, B and C has
   * passed, the three land in one push, without waiting for slower builds of A, and of A and B. Only where builds test everything.
   */
  commitPoints: z.enum(["every", "pushes"]).default("every"),
  /** How often a failed build is repeated before its change fails. It is repeated only once everything that it was built on has passed. */
  retries: z.int().min(0).max(5).default(0),
  /** The highest priority that a request may ask for; 0: all are equal. */
  maxPriority: Priority.default(0),
  /** How long a request waits for a repository that does not answer, before the request ends. 0: it does not wait. */
  repositoryTimeoutSeconds: z.int().min(0).max(86_400).default(3_600),
  committer: Committer.default({ name: "submitqueue", email: "submitqueue@localhost.invalid" }),
  /** What the commit of SQUASH_REBASE says: the messages of the commits, or the title and body of the pull request. */
  squashMessage: z.enum(["commits", "pull-request"]).default("commits"),
  /**
   * How GitHub is told that a pull request has landed whose own commits are not on the branch. close: it is commented on, labelled and
   * closed. moveHead: its head branch is moved to the commit that lands, so that GitHub marks it as merged.
   */
  markMerged: z.enum(["close", "moveHead"]).default("close"),
  /** The secret with the private key that signs the commits that the queue makes: OpenSSH (ed25519) or OpenPGP. Absent: they are not signed. */
  commitSigningSecret: SecretName.exactOptional(),
  access: Access.default({}),
  /** How often the same commit may be refused within a day. After that, a Land of it has to say `retry` and why. 0: as often as it likes. */
  maxRefusalsPerDay: z.int().min(0).max(1_000).default(5),
  /** Refuse a change whose ref has moved away from the pinned commit. */
  checkStaleness: z.boolean().default(true),
});
export type QueueConfig = z.infer<typeof QueueConfig>;

/** The label of a pull request that the queue has landed and closed: GitHub shows no difference to one that was rejected. */
export const LANDED_LABEL = "landed";

/** The GitHub App of a deployment: doc/howto/github.md. */
export const GitHubAppConfig = z.strictObject({
  /** The name of the secret that holds the App as JSON: appId, privateKey, webhookSecret. */
  secret: SecretName.default("submitqueue/github"),
  /** Of GitHub's REST API: `https://HOST/api/v3` on GitHub Enterprise Server. */
  api: GitHubApi.default("https://api.github.com"),
  /** Which queues a repository has, its usual one first. Absent: the queues whose remote is that repository. */
  repositories: z
    .record(z.string().regex(/^[\w.-]+\/[\w.-]+$/, "<owner>/<name>"), z.array(QueueName).min(1))
    .default({}),
  /** The label that lands a pull request, and whose removal cancels. */
  label: z
    .string()
    .min(1)
    .max(50)
    .refine((label) => label !== LANDED_LABEL, `${LANDED_LABEL} is the label of what has landed: name another`)
    .default("land"),
  /** The name of the check run. */
  check: z.string().min(1).max(100).default("Submitqueue"),
  /** True: the author of a pull request may land it without the right to write to the repository. */
  authors: z.boolean().default(false),
  /** The logins of bots whose commands are taken. */
  bots: z.array(z.string().min(1)).default([]),
  /** The address of the queue's page, for links. */
  page: z.url({ protocol: /^https?$/, error: "the address of the page, as https://…" }).optional(),
});
export type GitHubAppConfig = z.infer<typeof GitHubAppConfig>;

/** queues.yaml */
export const QueuesConfig = z
  .strictObject({
    /** Absent: there is no GitHub App. */
    github: GitHubAppConfig.optional(),
    queues: z
      .array(QueueConfig)
      .min(1, "name at least one queue")
      .superRefine((queues, ctx) => {
        queues.forEach((queue, index) => {
          const first = queues.findIndex((other) => other.name === queue.name);
          if (first < index)
            ctx.addIssue({ code: "custom", path: [index, "name"], message: `queue ${queue.name} is named twice` });
        });
      }),
  })
  .superRefine(({ github, queues }, ctx) => {
    for (const [repository, names] of Object.entries(github?.repositories ?? {}))
      names.forEach((name, index) => {
        if (!queues.some((queue) => queue.name === name))
          ctx.addIssue({
            code: "custom",
            path: ["github", "repositories", repository, index],
            message: `there is no queue ${name}: name one of ${queues.map((queue) => queue.name).join(", ")}`,
          });
      });
  })
  .overwrite(({ github, queues, ...rest }) => ({
    ...rest,
    ...(github === undefined ? {} : { github }),
    queues: queues.map((queue) => ({ ...queue, changeProvider: providerFor(github, queue) })),
  }));
export type QueuesConfig = z.infer<typeof QueuesConfig>;

/**
 * How a queue runs. open: as configured. paused: nothing new lands, building goes on. draining: no new request is taken, what is there
 * lands.
 */
export const QueueMode = z.enum(["open", "paused", "draining"]);
export type QueueMode = z.infer<typeof QueueMode>;

/** What a queue's merges are serialised by: two queues onto one branch share it. */
export const targetOf = (repository: Repository): string => `${repository.remote}#${repository.branch}`;
