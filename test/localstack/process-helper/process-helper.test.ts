import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ProcessHelper } from "../../../localstack/process-helper/index.ts";
import { call, processesSuite } from "../../adapters/processes.contract.ts";

const helper = new ProcessHelper();
afterAll(() => helper.stop());

processesSuite("started by a helper", helper);

it("a helper that is lost loses its programs, and the next program starts another helper", async () => {
  const own = new ProcessHelper();
  const ppid = await own.run(call("echo $PPID"));
  const pid = Number(ppid.kind === "exited" ? ppid.stdout.toString() : "");
  const waiting = own.run(call("sleep 60", 60_000));
  const dialogue = own.start(call("cat"));
  process.kill(pid, "SIGKILL");
  expect(await waiting).toEqual({ kind: "lost" });
  expect((await dialogue.output.next()).done).toBe(true);
  expect(await own.run(call("exit 0"))).toMatchObject({ kind: "exited", exitCode: 0 });
  own.stop();
});

it("a helper keeps no process alive, and ends with it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "process-helper-"));
  try {
    const program = join(directory, "large.ts");
    writeFileSync(
      program,
      `import { ProcessHelper } from ${JSON.stringify(resolve("localstack/process-helper/index.ts"))};
const { stdout } = await new ProcessHelper().run({ file: "sh", args: ["-c", "echo $PPID"], directory: "/", env: { PATH: process.env.PATH }, timeoutMs: 20000 });
process.send?.(stdout.toString());
process.disconnect?.();`,
    );
    const large = fork(program, []);
    const [pid] = await once(large, "message");
    expect((await once(large, "exit"))[0]).toBe(0);
    // Waits, without reading a clock, until the helper's process is gone.
    const watch = spawn("sh", ["-c", `while kill -0 ${Number(pid)} 2>/dev/null; do sleep 0.02; done`]);
    expect((await once(watch, "exit"))[0]).toBe(0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
