import { expect, it } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import {
  type BuildRunner,
  type BuildStatus,
  type BuildTask,
  buildRunnersFor,
} from "../../../functions/adapters/build-runner/index.ts";
import { CodedError } from "../../../functions/contracts/errors.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { buildRunnerContract } from "./contract.ts";
import { aQueue, aTask } from "./tasks.ts";

/** What builds here: its state is all that a CI system of ten lines has. */
const ends = new Map<string, BuildStatus>();
const finished = (result: "passed" | "failed" | "cancelled" | "infrastructure", message: string): BuildStatus => ({
  kind: "finished",
  result,
  message,
  url: "https://ci.example.test/builds",
});
/** How the build of a task is to end, by its commit. */
const fates = new Map<string, BuildStatus>();
const nameOf = ({ key, commit }: Pick<BuildTask, "key" | "commit">): string => `${key} ${commit}`;

// ── the runner: ten lines ──
const anotherRunner: BuildRunner = {
  trigger: async (task) => {
    if (!ends.has(nameOf(task))) ends.set(nameOf(task), fates.get(task.commit) ?? { kind: "running" });
    return { url: "https://ci.example.test/builds" };
  },
  status: async (build) => ends.get(nameOf(build)) ?? finished("infrastructure", "no such build"),
  cancel: async (build) => {
    if (ends.get(nameOf(build))?.kind !== "finished") ends.set(nameOf(build), finished("cancelled", "cancelled"));
  },
};

buildRunnerContract("another, of ten lines", async () => ({
  open: () => anotherRunner,
  task: async (outcome) => {
    const task = aTask();
    if (outcome === "passes") fates.set(task.commit, finished("passed", "done"));
    if (outcome === "fails") fates.set(task.commit, finished("failed", "a test failed"));
    if (outcome === "breaks") fates.set(task.commit, finished("infrastructure", "no machine was free"));
    return task;
  },
  vanish: async (build) => {
    ends.delete(nameOf(build));
  },
}));

it("is found by the type that a queue names, beside the runners that are deployed", () => {
  const queue = { ...aQueue(), buildRunner: { type: "another" } } as unknown as QueueConfig;
  const clients = { buildRunners: { another: () => () => anotherRunner } } as unknown as Clients;
  expect(buildRunnersFor({}, clients)(queue)).toBe(anotherRunner);
  expect(() => buildRunnersFor({}, {} as Clients)(queue)).toThrow(CodedError);
});
