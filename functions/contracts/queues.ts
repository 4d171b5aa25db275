import * as z from "zod";
import { BuildRunnerConfig } from "./build-runner-config.ts";
import { ChangeProviderConfig, providerFor } from "./change-provider.ts";
import { GitHubApi, hasNoProblem, SecretName } from "./config-fields.ts";
import { QueueName } from "./ids.ts";
import { BundleConfig, ConflictAnalyzerConfig, SpeculationConfig } from "./planning-config.ts";
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
    .superRefine(hasNoProblem(problemOf)),
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

/** Who the commits that the queue makes are committed by. Authors are kept. */
export const Committer = z.strictObject({ name: z.string().min(1).max(200), email: z.string().min(3).max(200) });
export type Committer = z.infer<typeof Committer>;

/** Who a right is for: a caller's name, `iam:` or `jwt:` and a caller's name, or `group:` and a group's name. `*` stands for any text. */
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
  /** How often a failed build is repeated before its change fails. The build is repeated only once everything that it was built on has passed. */
  retries: z.int().min(0).max(5).default(0),
  /** The highest priority that a request may ask for; 0: all are equal. */
  maxPriority: Priority.default(0),
  /** How long a request waits for a repository that does not answer, before the request ends. 0: the request does not wait. */
  repositoryTimeoutSeconds: z.int().min(0).max(86_400).default(3_600),
  committer: Committer.default({ name: "submitqueue", email: "submitqueue@localhost.invalid" }),
  /** What the commit of SQUASH_REBASE says: the messages of the commits, or the title and body of the pull request. */
  squashMessage: z.enum(["commits", "pull-request"]).default("commits"),
  /**
   * How GitHub is told that a pull request has landed whose own commits are not on the branch. close: it is commented on, labelled and
   * closed. moveHead: its head branch is moved to the commit that lands, so that GitHub marks it as merged.
   */
  markMerged: z.enum(["close", "moveHead"]).default("close"),
  /**
   * The secret with the private key that signs the commits that the queue makes: OpenSSH (ed25519) or OpenPGP. Absent: the commits are not
   * signed.
   */
  commitSigningSecret: SecretName.exactOptional(),
  access: Access.default({}),
  /** How often the same commit may be refused within a day. After that, a Land of the commit has to say `retry` and why. 0: without a limit. */
  maxRefusalsPerDay: z.int().min(0).max(1_000).default(5),
  /** Refuse a change whose ref has moved away from the pinned commit. */
  checkStaleness: z.boolean().default(true),
  /** The name of the check run that the queue itself shows. A QueuesConfig sets it (`github.check`), and replaces what is written here. */
  ownCheck: z.string().exactOptional(),
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
    queues: queues.map(({ ownCheck: _, ...queue }) => ({
      ...queue,
      changeProvider: providerFor(github, queue),
      ...(github === undefined ? {} : { ownCheck: github.check }),
    })),
  }));
export type QueuesConfig = z.infer<typeof QueuesConfig>;

/**
 * How a queue runs. open: as configured. paused: nothing new lands, building goes on. draining: no new request is taken, what is there
 * lands.
 */
export const QueueMode = z.enum(["open", "paused", "draining"]);
export type QueueMode = z.infer<typeof QueueMode>;

/**
 * The repository and branch of a queue, as one text. Landings with the same target come one after the other: two queues onto one branch
 * share a target.
 */
export const targetOf = (repository: Repository): string => `${repository.remote}#${repository.branch}`;
