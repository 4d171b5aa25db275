import { describe, expect, it } from "vitest";
import type { BuildId, BuildRunner, BuildStatus, BuildTask } from "../../../functions/adapters/build-runner/index.ts";
import { batchIdOf, buildKeyOf, Sqid } from "../../../functions/contracts/ids.ts";
import { until } from "../../support/wait.ts";

export interface RunnerWorld {
  /** A runner on the world's work directory; the second call is what a restart finds. */
  open(): BuildRunner;
  /** A task whose build is bound to pass, to fail, to end through no fault of its tree, or to go on until it is cancelled. */
  task(outcome: "passes" | "fails" | "breaks" | "hangs"): Promise<BuildTask>;
  /** Takes from the runner's system what it has of a running build. */
  vanish(build: BuildTask): Promise<void>;
  /** A task whose build reports that a test failed, and how the reason names the test. Absent: nothing tells this runner of tests. */
  failingTest?(): Promise<{ readonly task: BuildTask; readonly test: RegExp }>;
  /** True when the CI system says when a build ended. */
  readonly tellsEnd?: boolean;
  /** A task whose build takes longer than the runner itself allows. Absent: such a build takes a minute or more to end. */
  overdue?(): Promise<BuildTask>;
}

type Finished = Extract<BuildStatus, { kind: "finished" }>;

export const finish = (runner: BuildRunner, build: BuildId): Promise<Finished> =>
  until(async () => {
    const status = await runner.status(build);
    return status.kind === "finished" && status;
  });

/** Run against every BuildRunner we ship; a new one is finished when this passes. */
export const buildRunnerContract = (name: string, create: () => Promise<RunnerWorld>) =>
  describe(`a build runner: ${name}`, () => {
    it("says that a build has passed", async () => {
      const world = await create();
      const task = await world.task("passes");
      await world.open().trigger(task);
      expect(await finish(world.open(), task)).toMatchObject({ result: "passed" });
    });

    it("says that a build has failed, and why", async () => {
      const world = await create();
      const task = await world.task("fails");
      const { url } = await world.open().trigger(task);
      const status = await finish(world.open(), task);
      expect(status.result).toBe("failed");
      expect([url, status.url]).toEqual([expect.stringMatching(/^[a-z]+:\/\//), expect.stringMatching(/^[a-z]+:\/\//)]);
      expect(status.message).toMatch(/\w/);
    });

    it("names a test that failed, where the CI system tells of tests", async () => {
      const world = await create();
      const failing = await world.failingTest?.();
      if (failing === undefined) return;
      const { task, test } = failing;
      await world.open().trigger(task);
      expect(await finish(world.open(), task)).toMatchObject({
        result: "failed",
        message: expect.stringMatching(test),
      });
    });

    it("tells a build that ended through no fault of its tree from one that failed, and says why", async () => {
      const world = await create();
      const task = await world.task("breaks");
      await world.open().trigger(task);
      const status = await finish(world.open(), task);
      expect(status.result).toBe("infrastructure");
      expect(status.message).toMatch(/\w/);
    });

    it("blames the infrastructure for a build that vanished", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().trigger(task);
      expect(await world.open().status(task)).toMatchObject({ kind: "running" });
      await world.vanish(task);
      expect(await finish(world.open(), task)).toMatchObject({ result: "infrastructure" });
    });

    it("ends a build that takes too long: as failed by a limit of the runner, as cancelled when it is stopped at the limit of the queue", async () => {
      const world = await create();
      const task = await (world.overdue?.() ?? world.task("hangs"));
      await world.open().trigger(task);
      if (world.overdue === undefined) {
        expect(await world.open().status(task)).toMatchObject({ kind: "running" });
        await world.open().cancel(task);
      }
      const result = world.overdue === undefined ? "cancelled" : "failed";
      expect(await finish(world.open(), task)).toMatchObject({ result });
    });

    it("says that a build is running until it is cancelled, to a later runner too", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().trigger(task);
      expect(await world.open().status(task)).toMatchObject({ kind: "running" });
      await world.open().cancel(task);
      expect(await finish(world.open(), task)).toMatchObject({ result: "cancelled" });
    });

    it("goes by the first of two triggers of one build", async () => {
      const world = await create();
      const [first, second] = [await world.task("passes"), await world.task("fails")];
      const again = { ...second, key: first.key, commit: first.commit };
      await world.open().trigger(first);
      await world.open().trigger(again);
      expect(await finish(world.open(), first)).toMatchObject({ result: "passed" });
      await world.open().trigger(again);
      expect(await world.open().status(first)).toMatchObject({ kind: "finished", result: "passed" });
    });

    it.each([
      ["passes", "fails", "failed"],
      ["fails", "passes", "passed"],
      ["hangs", "passes", "passed"],
    ] as const)(
      "never answers for a commit with what became of another: the first %s, the second %s",
      async (...of) => {
        const [before, after, result] = of;
        const world = await create();
        const [first, next] = [await world.task(before), await world.task(after)];
        const second = { ...next, key: first.key };
        await world.open().trigger(first);
        if (before !== "hangs") await finish(world.open(), first);
        expect(await world.open().status(second)).toMatchObject({ kind: "finished", result: "infrastructure" });
        await world.open().trigger(second);
        expect(await finish(world.open(), second)).toMatchObject({ result });
        await world.open().cancel(first);
        const end = { passes: "passed", fails: "failed", hangs: "cancelled" }[before];
        expect(await finish(world.open(), first)).toMatchObject({ result: end });
      },
    );

    it("keeps the builds of two installations of one queue apart", async () => {
      const world = await create();
      const batch = batchIdOf(Sqid.parse("shop/1"));
      const keyed = async (installation: string, outcome: "passes" | "fails") => ({
        ...(await world.task(outcome)),
        key: buildKeyOf(installation, batch, 1),
      });
      const [older, newer] = [await keyed("older", "fails"), await keyed("newer", "passes")];
      await world.open().trigger(older);
      expect(await finish(world.open(), older)).toMatchObject({ result: "failed" });
      await world.open().trigger(newer);
      expect(await finish(world.open(), newer)).toMatchObject({ result: "passed" });
    });

    it("leaves a finished build as it is when it is cancelled", async () => {
      const world = await create();
      const task = await world.task("passes");
      await world.open().trigger(task);
      const first = await finish(world.open(), task);
      await world.open().cancel(task);
      expect(await world.open().status(task)).toEqual({ ...first, result: "passed" });
    });

    it("says when a build ended, the same each time, where the CI system says so", async () => {
      const world = await create();
      const ended = ["passes", "fails"] as const;
      for (const outcome of world.tellsEnd === true ? ended : []) {
        const task = await world.task(outcome);
        await world.open().trigger(task);
        const { endedAt = 0 } = await finish(world.open(), task);
        expect(endedAt).toBeGreaterThan(0);
        expect(await world.open().status(task)).toMatchObject({ endedAt });
      }
    });

    it("never starts a build that was cancelled before it was triggered", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().cancel(task);
      await world.open().trigger(task);
      expect(await world.open().status(task)).toMatchObject({ kind: "finished", result: "cancelled" });
    });

    it("does not start a build again whose trigger is repeated after its cancel", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().trigger(task);
      await world.open().cancel(task);
      await world.open().trigger(task);
      expect(await finish(world.open(), task)).toMatchObject({ result: "cancelled" });
      await world.open().trigger(task);
      expect(await world.open().status(task)).toMatchObject({ kind: "finished", result: "cancelled" });
    });

    it("is told twice to cancel and answers as if once", async () => {
      const world = await create();
      const task = await world.task("hangs");
      await world.open().trigger(task);
      await Promise.all([world.open().cancel(task), world.open().cancel(task)]);
      await world.open().cancel(task);
      expect(await finish(world.open(), task)).toMatchObject({ result: "cancelled" });
    });

    it("blames the infrastructure for a build that was never triggered", async () => {
      const world = await create();
      expect(await world.open().status(await world.task("passes"))).toMatchObject({
        kind: "finished",
        result: "infrastructure",
      });
    });
  });
