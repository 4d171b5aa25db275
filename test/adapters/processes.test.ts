import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { notStarted } from "../../functions/adapters/git/process.ts";
import { ownProcesses } from "../../functions/adapters/processes.ts";
import { processesSuite } from "./processes.contract.ts";

processesSuite("started by this process", ownProcesses);

/** Starts a program in both ways in a process that may open no more files. Prints what comes of it. */
const SHORT_OF_FILES = `
  import { closeSync, openSync } from "node:fs";
  import { ownProcesses } from ${JSON.stringify(join(import.meta.dirname, "../../functions/adapters/processes.ts"))};
  const call = { file: "/bin/true", args: [], directory: "/", env: {} };
  const taken = [];
  try { for (;;) taken.push(openSync("/dev/null")); } catch {}
  const dialogue = ownProcesses.start(call);
  await dialogue.write("are you there?");
  const told = [await dialogue.output.next(), await ownProcesses.run({ ...call, input: "x", timeoutMs: 1_000 })];
  await dialogue.end();
  for (const file of taken) closeSync(file);
  process.stdout.write(JSON.stringify(told));
`;

it.skipIf(process.platform === "win32")(
  "names the shortage when the system has no files left for a program",
  async () => {
    const args = ["-c", 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, SHORT_OF_FILES];
    const { stdout } = await promisify(execFile)("/bin/sh", args);
    expect(JSON.parse(stdout)).toEqual([
      { done: true, value: "EMFILE" },
      { kind: "not-started", code: "EMFILE" },
    ]);
    expect(["EMFILE", "EAGAIN", "ENOMEM", "ENOENT"].map((code) => notStarted("push", code).code)).toEqual([
      ...Array(3).fill("repository.unavailable"),
      "config.invalid",
    ]);
  },
);
