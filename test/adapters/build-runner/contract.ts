import { describe, expect, it, vi } from "vitest";
import type { BuildRunner, BuildStatus, BuildTask } from "../../../functions/adapters/build-runner/index.ts";
import type { BuildKey } from "../../../functions/contracts/ids.ts";

export interface RunnerWorld {
  /** A runner on the world's work directory; the second call is what a restart finds. */
  open(): BuildRunner;
  /** A task whose build is bound to pass, to fail, or to go on until it is cancelled. */
  task(outcome: "passes" | "fails" | "hangs"): Promise<BuildTask>;
}

type Finished = Extract<BuildStatus, { kind: "finished" }>;

export const finish = (runner: BuildRunner, key: BuildKey): Promise<Finished> =>
  vi.waitUntil(
    async () => {
      const status = await runner.status(key);
      return status.kind === "finished" && status;
    },
    { timeout: 20_000, interval: 25 },
  );

/** Run against every BuildRunner we ship; a new one is finished when this passes. */
export const buildRunnerContract = (name: string, create: () => Promise<RunnerWorld>) =>
  describe(`a build runner: ${name}`, () => {
    it("says that a build has passed", async () => {
      const world = await create();
      const task = await world.task("passes");
      await world.open().trigger(task);
      expect(await finish(world.open(), task.key)).toMatchObject({ result: "passed" });
    });

    it("says that a build has failed, and why", async () => {
      const world = await create();
      const task = await world.task("fails");
      const { url } = await world.open().trigger(task);
      const status = await finish(world.open(), task.key);
      expect(status).toMatchObject({ result: "failed", url });
      expect(status.message).toMatch(/\w/);
    });

    it("says that a build is running until it is cancelled, to a later runner too", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().trigger(task);
      expect(await world.open().status(task.key)).toEqual({ kind: "running" });
      await world.open().cancel(task.key);
      expect(await finish(world.open(), task.key)).toMatchObject({ result: "cancelled" });
    });

    it("goes by the first of two triggers of one build", async () => {
      const world = await create();
      const [first, second] = [await world.task("passes"), await world.task("fails")];
      await world.open().trigger(first);
      await world.open().trigger({ ...second, key: first.key });
      expect(await finish(world.open(), first.key)).toMatchObject({ result: "passed" });
      await world.open().trigger({ ...second, key: first.key });
      expect(await world.open().status(first.key)).toMatchObject({ kind: "finished", result: "passed" });
    });

    it("leaves a finished build as it is when it is cancelled", async () => {
      const world = await create();
      const task = await world.task("passes");
      await world.open().trigger(task);
      await finish(world.open(), task.key);
      await world.open().cancel(task.key);
      expect(await world.open().status(task.key)).toMatchObject({ kind: "finished", result: "passed" });
    });

    it("never starts a build that was cancelled before it was triggered", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().cancel(task.key);
      await world.open().trigger(task);
      expect(await world.open().status(task.key)).toMatchObject({ kind: "finished", result: "cancelled" });
    });

    it("is told twice to cancel and answers as if once", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().trigger(task);
      await Promise.all([world.open().cancel(task.key), world.open().cancel(task.key)]);
      await world.open().cancel(task.key);
      expect(await finish(world.open(), task.key)).toMatchObject({ result: "cancelled" });
    });

    it("blames the infrastructure for a build that was never triggered", async () => {
      const world = await create();
      const { key } = await world.task("passes");
      expect(await world.open().status(key)).toMatchObject({ kind: "finished", result: "infrastructure" });
    });
  });
