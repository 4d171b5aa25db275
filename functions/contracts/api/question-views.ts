import * as z from "zod";
import { ChangeUri } from "../change-uri.ts";
import { GitSha, QuestionId, QueueName } from "../ids.ts";
import { Finding, Touched } from "../questions.ts";
import { Reason } from "../reasons.ts";
import { MergeStrategy } from "../strategy.ts";
import { Timestamp } from "./fields.ts";

/** The path of every call that names a trial or a preflight. */
export const QuestionPath = z.object({ queue: QueueName, id: QuestionId });

const QuestionShown = {
  id: QuestionId,
  queue: QueueName,
  /** waiting: the question is not answered yet. failed: the answer could not be found out. */
  state: z.enum(["waiting", "answered", "failed"]),
  /** The answer for people, or what to do to get one. */
  sentence: z.string(),
  askedAt: Timestamp,
  /** When question and answer are forgotten. */
  expiresAt: Timestamp,
};

/** POST /v1/queues/{queue}/requests?dryRun=true and GET /v1/queues/{queue}/trials/{id}: a Land that lands nothing. */
export const Trial = z.object({
  ...QuestionShown,
  changes: z.array(ChangeUri),
  strategy: MergeStrategy,
  /** True: a request of the changes would be admitted, and the changes merge onto `trunk`. Absent until the trial is answered. */
  mergeable: z.boolean().optional(),
  /** What a request of the changes would wait for before it is built, such as a review. */
  waits: z.string().optional(),
  /** The commit of the branch that the changes were merged onto. */
  trunk: GitSha.optional(),
  /** Why a request would be refused. */
  reason: Reason.optional(),
  /** The paths in conflict, of a merge conflict: the first 50. */
  conflicts: z.array(z.string()).optional(),
  /** What the changes touch. Absent when the changes could not be read. */
  touches: Touched.optional(),
});
export type Trial = z.infer<typeof Trial>;

/** POST /v1/queues/{queue}/preflights and GET /v1/queues/{queue}/preflights/{id}: can the queue build? */
export const Preflight = z.object({
  ...QuestionShown,
  /** False: a finding is a problem, so no request of the queue can be built. Absent until the preflight is answered. */
  canBuild: z.boolean().optional(),
  /** The findings, such as each check that builds wait for. Empty where only a build can show whether the queue can build. */
  findings: z.array(Finding).optional(),
});
export type Preflight = z.infer<typeof Preflight>;
