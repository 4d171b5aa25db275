import * as z from "zod";
import { BuildKey, GitSha } from "../../../contracts/ids.ts";
import type { EpochMs } from "../../../contracts/time.ts";
import type { BuildResult, BuildTask } from "../build-runner.ts";

// What the queue and a CI system say to each other over HTTP. doc/howto/ci.md describes it for those who write the other side.

const Url = z.url({ protocol: /^https?$/ }).max(2_000);

/** What a build is to be started with. The same key and commit again name the same build. */
export const startMessage = (task: BuildTask, callbackUrl: string): string =>
  JSON.stringify({
    type: "build.start",
    key: task.key,
    commit: task.commit,
    ref: task.ref,
    base: task.base,
    queue: task.queue,
    batch: task.batchId,
    changes: task.changes,
    timeoutSeconds: task.timeoutSeconds,
    callbackUrl,
  });

/** What the CI system answers to a start. */
export const Started = z.object({
  /** Where people can watch the build. */
  url: Url.optional(),
  /** Where the build's status can be had by GET and the build be stopped by DELETE. Absent: the callback alone ends the build. */
  statusUrl: Url.optional(),
});

const Result = z.enum(["passed", "failed", "cancelled", "infrastructure"]);

const Words = {
  /** Why the build did not pass, with the end of its output. */
  message: z.string().max(65_536).optional(),
  url: Url.optional(),
  /** A JUnit report, or a piece of one: the tests that failed are named in the reason. */
  junit: z.string().max(65_536).optional(),
  /** When the build ended, by the clock of the CI system. */
  endedAt: z.iso.datetime({ offset: true }).optional(),
};

/** The signed callback. */
export const Callback = z.object({ key: BuildKey, commit: GitSha, result: Result, ...Words });
export type Callback = z.infer<typeof Callback>;

/** What a status URL answers. */
export const Status = z.discriminatedUnion("result", [
  z.object({ result: z.literal("running") }),
  z.object({ result: Result, ...Words }),
]);

/** How a build ended, as its row keeps it: the first end that is told stands. */
export interface Outcome {
  readonly result: BuildResult;
  readonly message?: string;
  readonly url?: string;
  /** By the queue's clock. */
  readonly endedAt?: EpochMs;
}
