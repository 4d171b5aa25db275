import * as z from "zod";
import { GitSha, QuestionId, QueueName } from "./ids.ts";
import { Reason } from "./reasons.ts";
import { cut, printable } from "./text.ts";

/** One thing that was found out about whether a queue can build. unknown: it could not be found out. `sentence` says what to do about a problem. */
export const Finding = z.object({ kind: z.enum(["ok", "problem", "unknown"]), sentence: z.string() });
export type Finding = z.infer<typeof Finding>;

/** An answer names so many paths, each cut to so many characters, since the answer has to fit into a message. */
const MOST_PATHS = 50;
const MOST_CHARACTERS = 300;

/** Paths as an answer names them: the first 50, printable. */
export const namedPaths = (paths: readonly string[]): string[] =>
  paths.slice(0, MOST_PATHS).map((path) => cut(printable(path), MOST_CHARACTERS));

/** What the changes of a trial touch. `paths`: the first 50; absent when there are too many to read. */
export const Touched = z.object({
  files: z.int(),
  additions: z.int(),
  deletions: z.int(),
  paths: z.array(z.string()).exactOptional(),
});
export type Touched = z.infer<typeof Touched>;

/** What came of a question. */
export const Answer = z.discriminatedUnion("kind", [
  /**
   * Of a trial: the changes merge onto `trunk`, and a request of the changes would be admitted. `waits`: what the request would wait for
   * first, such as a review.
   */
  z.object({ kind: z.literal("mergeable"), trunk: GitSha, touches: Touched, waits: z.string().exactOptional() }),
  /** Of a trial: a request of the changes would be refused. `conflicts`: the paths in conflict, of a merge conflict. */
  z.object({
    kind: z.literal("refused"),
    reason: Reason,
    conflicts: z.array(z.string()).exactOptional(),
    touches: Touched.exactOptional(),
  }),
  /** Of a preflight. No findings: nothing can be found out before a build. */
  z.object({ kind: z.literal("examined"), findings: z.array(Finding) }),
  /** The answer could not be found out. `sentence` says why. */
  z.object({ kind: z.literal("failed"), sentence: z.string() }),
]);
export type Answer = z.infer<typeof Answer>;

/** log: the answer to a question of the gateway's. */
export const Answered = z.object({
  v: z.literal(1),
  kind: z.literal("answer"),
  queue: QueueName,
  id: QuestionId,
  answer: Answer,
});
export type Answered = z.infer<typeof Answered>;
