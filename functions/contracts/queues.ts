import { z } from "zod";
import { QueueName } from "./ids.ts";
import { MergeStrategy } from "./strategy.ts";

/** A branch, without refs/heads/. */
const BranchName = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^(?![-/.])(?!.*(\.\.|\/\/|@\{|\.lock$|\/$|\.$))[A-Za-z0-9._/-]+$/,
    "a branch name without refs/heads/, such as main",
  );

/** Where a queue lands: one branch of one repository. `tokenSecret` names a secret that holds an HTTPS token; secrets are never written here. */
export const Repository = z.strictObject({
  remote: z
    .string()
    .min(1)
    .max(500)
    .regex(/^(https:\/\/|ssh:\/\/|file:\/\/|\/|\.\.?\/)\S+$/, "https://…, ssh://…, file://… or a path")
    .refine(
      (remote) => !/^https:\/\/[^/]*@/.test(remote),
      "write no user or password into a remote: name a tokenSecret",
    ),
  branch: BranchName.default("main"),
  tokenSecret: z
    .string()
    .regex(/^[A-Za-z0-9/_+=.@-]{1,200}$/, "the name of a secret")
    .optional(),
  tokenUser: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/)
    .default("x-access-token"),
});
export type Repository = z.infer<typeof Repository>;

export const ChangeProviderConfig = z.discriminatedUnion("type", [
  /** Reads what a change touches from the repository itself. */
  z.strictObject({ type: z.literal("git") }),
  /** Reads it from the change URI's query (`?sq-files=a,b`). For tests. */
  z.strictObject({ type: z.literal("fake") }),
]);
export type ChangeProviderConfig = z.infer<typeof ChangeProviderConfig>;

const BuildTiming = {
  /** A build that runs longer is cancelled and counts as failed. */
  timeoutSeconds: z.int().min(1).max(86_400).default(3_600),
  pollSeconds: z.int().min(1).max(300).default(10),
  /** How often a build that failed for reasons of infrastructure is tried again. */
  infrastructureRetries: z.int().min(0).max(10).default(2),
};

export const BuildRunnerConfig = z.discriminatedUnion("type", [
  /** Runs a shell command in a worktree of the composed commit, on this machine. Embedded runtime only. */
  z.strictObject({ type: z.literal("command"), command: z.string().min(1).max(4_000), ...BuildTiming }),
  /** Builds nothing: outcomes follow markers in the change URI (`?sq-fake=build-fail`). For tests. */
  z.strictObject({ type: z.literal("fake"), ...BuildTiming }),
]);
export type BuildRunnerConfig = z.infer<typeof BuildRunnerConfig>;

export const ConflictAnalyzerConfig = z.discriminatedUnion("type", [
  /** Every change conflicts with every other: the landed tree is the tested tree, bit for bit. */
  z.strictObject({ type: z.literal("all") }),
  /** No change conflicts with any other. */
  z.strictObject({ type: z.literal("none") }),
  /** Changes conflict when they touch the same file, or files of the same directory. */
  z.strictObject({ type: z.literal("paths"), by: z.enum(["file", "directory"]).default("file") }),
]);
export type ConflictAnalyzerConfig = z.infer<typeof ConflictAnalyzerConfig>;

/** Who the commits that the queue makes are committed by. Authors are kept. */
export const Committer = z.strictObject({ name: z.string().min(1).max(200), email: z.string().min(3).max(200) });
export type Committer = z.infer<typeof Committer>;

export const QueueConfig = z.strictObject({
  name: QueueName,
  repository: Repository,
  strategy: MergeStrategy.default("REBASE"),
  changeProvider: ChangeProviderConfig.default({ type: "git" }),
  buildRunner: BuildRunnerConfig,
  conflictAnalyzer: ConflictAnalyzerConfig.default({ type: "all" }),
  /** How many builds may run at once. */
  budget: z.int().min(1).max(1_000).default(4),
  committer: Committer.default({ name: "submitqueue", email: "submitqueue@localhost.invalid" }),
  /** Refuse a change whose ref has moved away from the pinned commit. */
  checkStaleness: z.boolean().default(true),
});
export type QueueConfig = z.infer<typeof QueueConfig>;

/** queues.yaml */
export const QueuesConfig = z.strictObject({
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
});
export type QueuesConfig = z.infer<typeof QueuesConfig>;

/** What a queue's merges are serialised by: two queues onto one branch share it. */
export const targetOf = (repository: Repository): string => `${repository.remote}#${repository.branch}`;
