/**
 * Watches over one build as a process of its own, so that the build outlives the process that started it: `node supervise.ts <order as JSON>`.
 * It claims the build, runs the command in a process group of its own, and writes down how it ended. SIGTERM stops the build.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { readIfThere, replaceFile, writeOnce } from "../../functions/adapters/build-runner/files.ts";
import { buildFiles } from "./build-files.ts";
import { endMarked } from "./build-processes.ts";
import type { Claim, Order, Verdict } from "./build-records.ts";
import { signalGroup, startOf } from "./process-mark.ts";
import { discard, sandboxPaths } from "./sandbox-directory.ts";

/** How long a build may take to clean up after SIGTERM, before it is killed. */
const GRACE_MS = 3_000;

// As `startSupervisor`, of the same version, has written it.
const order: Order = JSON.parse(process.argv[2] ?? "");
const files = buildFiles(order.directory);
let stopped: Verdict | undefined;
let group: number | undefined;
const stopRequested = Promise.withResolvers<void>();

// Before the claim: a process that reads the claim may send the signal at once.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop(whoStopped(signal)));

const CANCELLED: Verdict = { result: "cancelled", why: "it was cancelled." };

/** A cancel leaves a mark before it sends the signal. A signal without a mark comes from elsewhere, such as a machine that shuts down. */
const whoStopped = (signal: string): Verdict =>
  existsSync(files.cancelled)
    ? CANCELLED
    : { result: "infrastructure", why: `it was ended from outside, by ${signal}.` };

function stop(verdict: Verdict): void {
  stopped ??= verdict;
  if (group !== undefined) signalGroup(group, "SIGTERM");
  stopRequested.resolve();
}

async function supervise(): Promise<void> {
  const claim: Claim = {
    supervisor: { pid: process.pid, started: (await startOf(process.pid)) ?? "" },
    sandbox: order.sandbox,
    mark: order.mark,
  };
  const mine = await writeOnce(files.claim, JSON.stringify(claim));
  process.send?.(mine ? "claimed" : "claimed by another");
  process.disconnect?.();
  if (!mine) return;
  // A cancel that did not see the claim yet has left its mark by now.
  if ((await readIfThere(files.cancelled)) !== undefined) stop(CANCELLED);
  await replaceFile(files.verdict, JSON.stringify(stopped ?? (await run())));
  await discard(order.sandbox);
}

/**
 * Marks the processes of the build, fetches submodules, and becomes the command: `$1` is the mark, `$2` the transports of submodules,
 * `$3` the command. A build within a build keeps the mark of the outer one. Shells differ in the letter of the limit on locks.
 */
const SCRIPT = `
for letter in w x; do
  if [ "$(ulimit -H -$letter 2>/dev/null)" = unlimited ]; then ulimit -$letter "$1"; fi
done 2>/dev/null
if [ -f .gitmodules ]; then
  git config -f .gitmodules --get-regexp '^submodule\\..*\\.path$' | while read -r key path; do
    GIT_ALLOW_PROTOCOL="$2" GIT_TERMINAL_PROMPT=0 git submodule update --quiet --init --recursive -- "$path" < /dev/null ||
      echo "submitqueue: the submodule $path could not be fetched; the build goes on without it"
  done
fi
exec /bin/sh -c "$3"
`;

async function run(): Promise<Verdict> {
  const output = openSync(files.output, "a");
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "sh", String(order.mark.locks), order.protocols, order.command], {
    cwd: sandboxPaths(order.sandbox).tree,
    env: order.environment,
    detached: true,
    stdio: ["ignore", output, output],
  });
  const ended = endOf(shell);
  group = shell.pid;
  if (group === undefined) return ended;
  if (stopped) signalGroup(group, "SIGTERM");
  await replaceFile(files.running, JSON.stringify({ pid: group, started: (await startOf(group)) ?? "" }));
  const deadline = setTimeout(
    () => stop({ result: "failed", why: `it was stopped after ${order.timeoutMs / 1_000} s.` }),
    order.timeoutMs,
  );
  const verdict = await Promise.race([ended, stopRequested.promise.then(() => undefined)]);
  clearTimeout(deadline);
  await endGroup(group, verdict === undefined ? GRACE_MS : 0);
  // What has left the group, for a session of its own.
  await endMarked(order.mark);
  return stopped ?? verdict ?? ended;
}

const endOf = (shell: ChildProcess): Promise<Verdict> =>
  new Promise((resolve) => {
    shell.once("error", (error) =>
      resolve({ result: "infrastructure", why: `the shell did not start: ${error.message}` }),
    );
    shell.once("exit", (code, signal) => {
      if (code === 0) resolve({ result: "passed" });
      else if (code !== null) resolve({ result: "failed", why: `the command exited with code ${code}.` });
      // The queue did not send the signal: the machine is short of memory, or is being shut down.
      else if (signal === "SIGKILL" || signal === "SIGTERM" || signal === "SIGINT" || signal === "SIGHUP")
        resolve({ result: "infrastructure", why: `it was ended from outside, by ${signal}.` });
      else resolve({ result: "failed", why: `the command died of ${signal}.` });
    });
  });

/** Returns once no process of the group is left: those that outlast the grace are killed. */
async function endGroup(leader: number, graceMs: number): Promise<void> {
  for (let waited = 0; waited < graceMs && signalGroup(leader, 0); waited += 50) await pause(50);
  signalGroup(leader, "SIGKILL");
}

await supervise();
