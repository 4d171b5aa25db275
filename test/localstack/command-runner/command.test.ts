import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { MAX_MESSAGE } from "../../../functions/adapters/build-runner/index.ts";
import { filesOfBuild, sandboxesDirectory } from "../../../localstack/command-runner/build-files.ts";
import { markOf } from "../../../localstack/command-runner/build-processes.ts";
import { startOf } from "../../../localstack/command-runner/process-mark.ts";
import { readClaim } from "../../../localstack/command-runner/verdict.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { buildRunnerContract, finish } from "../../adapters/build-runner/contract.ts";
import { until } from "../../support/wait.ts";
import { type CommandWorld, commandWorld, SCRIPTS } from "./command-world.ts";

buildRunnerContract("command", async () => {
  const world = await commandWorld();
  return {
    tellsEnd: true,
    open: () => world.open({ command: ". ./build.sh" }),
    task: (outcome) => world.scripted(SCRIPTS[outcome]),
    vanish: async (build) => {
      const claim = await readClaim(filesOfBuild(world.workDirectory, build));
      process.kill(claim?.supervisor.pid ?? 0, "SIGKILL");
    },
  };
});

const written = (file: string): Promise<string> =>
  until(async () => (await readFile(file, "utf8").catch(() => "")).trim());

const gone = (pid: number) => until(async () => (await startOf(pid)) === undefined);

/** Triggers a build that says, in a file, that it is at work; returns the pid of a process that it started. */
async function atWork(world: CommandWorld, script = "sleep 1000 & echo $! > $HOLD; wait") {
  const hold = join(world.root, "hold");
  const task = await world.scripted(script.replaceAll("$HOLD", hold));
  await world.open().trigger(task);
  return { task, pid: Number(await written(hold)) };
}

describe("the command runner", () => {
  it("builds the commit in a clone of its own, and removes that afterwards", async () => {
    const world = await commandWorld();
    const task = await world.scripted(`git rev-parse HEAD > ${world.root}/head; pwd > ${world.root}/where`);
    await world.open().trigger(task);
    expect(await finish(world.open(), task)).toMatchObject({ result: "passed" });
    expect(await written(join(world.root, "head"))).toBe(task.commit);
    expect(await written(join(world.root, "where"))).toContain(sandboxesDirectory(world.workDirectory));
    await until(async () => (await readdir(sandboxesDirectory(world.workDirectory))).length === 0);
  });

  it("tells the command who it is and nothing else of its surroundings", async () => {
    const world = await commandWorld();
    vi.stubEnv("SECRET_OF_THE_RUNTIME", "x");
    const task = await world.scripted(`env > ${world.root}/env.draft; mv ${world.root}/env.draft ${world.root}/env`);
    await world.open().trigger(task);
    await finish(world.open(), task);
    vi.unstubAllEnvs();
    const lines = (await written(join(world.root, "env"))).split("\n");
    const env = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
    const { PWD: _pwd, OLDPWD: _oldpwd, SHLVL: _shlvl, _: _underscore, ...told } = env;
    expect(Object.keys(told).sort()).toEqual([
      "HOME",
      "PATH",
      "SQ_BASE",
      "SQ_BATCH",
      "SQ_BUILD",
      "SQ_COMMIT",
      "SQ_QUEUE",
      "SQ_REF",
      "TMPDIR",
    ]);
    expect(told).toMatchObject({
      SQ_BASE: task.base,
      SQ_BATCH: "shop/batch/1",
      SQ_BUILD: task.key,
      SQ_COMMIT: task.commit,
      SQ_QUEUE: "shop",
    });
  });

  it("quotes the end of the output as plain text, and keeps all of it", async () => {
    const world = await commandWorld();
    const task = await world.scripted(`seq 1 9999; printf '\\033[31mred\\033[0m at the end\\n'; exit 3`);
    const { url = "" } = await world.open().trigger(task);
    const { message = "" } = await finish(world.open(), task);
    const [first = "", ...output] = message.split("\n");
    expect(first).toBe(`Build ${task.key}: the command exited with code 3.`);
    expect(output.join("\n").length).toBeLessThanOrEqual(MAX_MESSAGE);
    expect(output.slice(-2)).toEqual(["9999", "red at the end"]);
    expect(output[0]).toMatch(/^\d{4}$/);
    expect(await readFile(fileURLToPath(url), "utf8")).toMatch(/^1\n2\n3\n/);
  });

  it("builds once when it is triggered twice at the same time", async () => {
    const world = await commandWorld();
    const task = await world.scripted(`echo built >> ${world.root}/count`);
    const [one, other] = [world.open(), world.open()];
    await Promise.all([one.trigger(task), other.trigger(task), one.trigger(task)]);
    await finish(one, task);
    expect(await readFile(join(world.root, "count"), "utf8")).toBe("built\n");
  });

  it("stops everything that a cancelled build has started", async () => {
    const world = await commandWorld();
    const { task, pid } = await atWork(world);
    await world.open().cancel(task);
    expect(await finish(world.open(), task)).toMatchObject({ result: "cancelled" });
    await gone(pid);
  });

  it("kills a build that does not heed the request to stop", async () => {
    const world = await commandWorld();
    const { task, pid } = await atWork(world, "trap '' TERM; (trap '' TERM; sleep 1000) & echo $! > $HOLD; wait; wait");
    await world.open().cancel(task);
    expect(await finish(world.open(), task)).toMatchObject({ result: "cancelled" });
    await gone(pid);
  });

  it("leaves nothing running behind a build that has passed", async () => {
    const world = await commandWorld();
    const { task, pid } = await atWork(world, "sleep 1000 & echo $! > $HOLD");
    expect(await finish(world.open(), task)).toMatchObject({ result: "passed" });
    await gone(pid);
  });

  it("blames the infrastructure for a build whose supervisor was killed, and ends what is left of it", async () => {
    const world = await commandWorld();
    const { task, pid } = await atWork(world);
    const claim = await readClaim(filesOfBuild(world.workDirectory, task));
    await written(filesOfBuild(world.workDirectory, task).running);
    process.kill(claim?.supervisor.pid ?? 0, "SIGKILL");
    expect(await finish(world.open(), task)).toMatchObject({ result: "infrastructure" });
    await gone(pid);
  });

  it("tells a build that another program stopped from one that was cancelled", async () => {
    const world = await commandWorld();
    const { task, pid } = await atWork(world);
    const claim = await readClaim(filesOfBuild(world.workDirectory, task));
    process.kill(claim?.supervisor.pid ?? 0, "SIGTERM");
    expect(await finish(world.open(), task)).toMatchObject({ result: "infrastructure" });
    await gone(pid);
  });

  it("does not take another process for a build because it has the same pid", async () => {
    const world = await commandWorld();
    const task = await world.scripted("exit 0");
    const files = filesOfBuild(world.workDirectory, task);
    await mkdir(files.directory, { recursive: true });
    const claim = { supervisor: { pid: process.pid, started: "earlier" }, sandbox: join(world.root, "gone") };
    await writeFile(files.claim, JSON.stringify({ ...claim, mark: markOf(join(world.root, "gone", "home")) }));
    await writeFile(files.running, JSON.stringify({ pid: process.pid, started: "earlier" }));
    expect(await world.open().status(task)).toMatchObject({ kind: "finished", result: "infrastructure" });
  });

  it.each([
    ["kill -9 $$", "infrastructure"],
    ["kill -SEGV $$", "failed"],
    ["no-such-program", "failed"],
  ])("takes the end of a build by `%s` for %s", async (script, result) => {
    const world = await commandWorld();
    const task = await world.scripted(script);
    // Without the inner shell, so that the signal reaches the one that is watched.
    const runner = world.open({ command: ". ./build.sh" });
    await runner.trigger(task);
    expect(await finish(runner, task)).toMatchObject({ result });
  });

  it("starts a build whose first trigger died before the build was claimed", async () => {
    const world = await commandWorld();
    const task = await world.scripted("exit 0");
    await mkdir(join(sandboxesDirectory(world.workDirectory), `${task.key.slice(0, 12)}-abandoned`), {
      recursive: true,
    });
    await mkdir(filesOfBuild(world.workDirectory, task).directory, { recursive: true });
    await world.open().trigger(task);
    expect(await finish(world.open(), task)).toMatchObject({ result: "passed" });
  });

  it("goes on building when the process that triggered it is killed", async () => {
    const world = await commandWorld();
    const go = join(world.root, "go");
    const task = await world.scripted(`while [ ! -e ${go} ]; do sleep 0.05; done`);
    const program = `
      const { commandRunner } = await import(${JSON.stringify(import.meta.resolve("../../../localstack/command-runner/index.ts"))});
      await commandRunner(${JSON.stringify(world.options)}).trigger(${JSON.stringify(task)});
      process.kill(process.pid, "SIGKILL");`;
    const trigger = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
    expect(await new Promise((resolve) => trigger.once("exit", (_code, signal) => resolve(signal)))).toBe("SIGKILL");
    expect(await world.open().status(task)).toEqual({ kind: "running" });
    await writeFile(go, "");
    expect(await finish(world.open(), task)).toMatchObject({ result: "passed" });
  });

  it("can be triggered again when the repository did not answer", async () => {
    const world = await commandWorld();
    const task = await world.scripted("exit 0");
    await git(world.remote, ["update-ref", "-d", task.ref]);
    await expect(world.open().trigger(task)).rejects.toMatchObject({ code: "repository.unavailable" });
    await git(world.remote, ["update-ref", task.ref, task.commit]);
    await world.open().trigger(task);
    expect(await finish(world.open(), task)).toMatchObject({ result: "passed" });
  });
});
