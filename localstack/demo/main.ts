import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Help } from "commander";
import { Client } from "../../client/client.ts";
import { answer } from "../../client/flags.ts";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import type { Runtime } from "../embedded/runtime.ts";
import { isMendedByName, openStateDirectory } from "../embedded/state-directory.ts";
import { createSandbox, type Sandbox } from "../sandbox/sandbox.ts";
import { appendedLines, type Display, liveView, silent } from "./display.ts";
import { endBuilds } from "./end-builds.ts";
import { type DemoGitHub, startGitHub } from "./github.ts";
import { demoOnGitHub } from "./on-github/main.ts";
import { type DemoOptions, parseOptions } from "./options.ts";
import { planRequests } from "./plan.ts";
import { proveTrunk, renderTrunk, type TrunkReport } from "./proof.ts";
import { documentOf, lesson, type RequestReport, surprises } from "./report.ts";
import { runRequests } from "./run.ts";

const QUEUE = "demo";

/** Far more than it takes: a queue that makes no progress must not hang the demo. */
const timeLimitMs = (count: number): number => 420_000 + 5_000 * count;

const queuesFor = ({ remote, branch, command }: Sandbox, github: DemoGitHub | undefined): QueuesConfig =>
  QueuesConfig.parse({
    queues: [
      {
        name: QUEUE,
        repository: { remote, branch },
        buildRunner: { ...(github?.buildRunner ?? { type: "command", command }), pollSeconds: 1, timeoutSeconds: 600 },
        conflictAnalyzer: { type: "paths", by: "directory" },
        budget: 6,
      },
    ],
  });

async function demo(options: DemoOptions, display: Display, interrupted: AbortSignal): Promise<boolean> {
  const state = openStateDirectory(options.state);
  const [home, stateDirectory] = [join(state.root, "demo-sandbox"), join(state.root, "demo-runtime")];
  const work = join(stateDirectory, "work");
  // Of a run that was killed.
  await endBuilds(work);
  for (const old of [home, stateDirectory]) await rm(old, { recursive: true, force: true });
  const { count, folders, seed, stacked } = options;
  const sandbox = await createSandbox(home, { seed, folders });
  display.say(`A sandbox repository with ${folders} folders: ${sandbox.remote}`);
  const github = options.ci === "github" ? await startGitHub(sandbox) : undefined;
  if (github) display.say(`A GitHub on this machine, whose CI builds branches submitqueue/**: ${github.url}`);
  const { startRuntime } = await import("../embedded/runtime.ts");
  const runtime = await startRuntime({
    queues: queuesFor(sandbox, github),
    stateDirectory,
    quiet: true,
    // The planner sees that a build is slow when it runs: a sweep each minute is often enough where builds take minutes.
    schedulesEveryMs: 1_000,
  });
  try {
    if (runtime.url === undefined) throw new Error("the runtime serves no HTTP API");
    display.say(`A queue on this machine: ${runtime.url}/q/${QUEUE}`);
    const timeUp = AbortSignal.timeout(timeLimitMs(count));
    const run = {
      sandbox,
      seed,
      display,
      hasNews: newsOf(runtime),
      client: new Client({ url: runtime.url }).queue(QUEUE),
      signal: AbortSignal.any([timeUp, interrupted]),
      now: () => Date.now(),
    };
    const requests = await runRequests(run, planRequests({ count, folders: sandbox.folders, seed, stacked }));
    display.close(requests);
    if (timeUp.aborted) process.stderr.write(`The time is up: ${timeLimitMs(count) / 1_000} s have passed.\n`);
    if (interrupted.aborted) return false;
    return conclude(options, display, requests, await proveTrunk(sandbox));
  } finally {
    display.close([]);
    await runtime.stop();
    await endBuilds(work);
    await github?.stop();
    state.release();
  }
}

/** True when the runtime has told of an event since the last call. */
function newsOf({ subscribe }: Pick<Runtime, "subscribe">): () => boolean {
  let happened = false;
  subscribe(() => {
    happened = true;
  });
  return () => {
    const was = happened;
    happened = false;
    return was;
  };
}

/** Shows the proof. True when all went as it should. */
function conclude(
  { json }: DemoOptions,
  display: Display,
  requests: readonly RequestReport[],
  trunk: TrunkReport,
): boolean {
  if (json) process.stdout.write(`${JSON.stringify(documentOf(requests, trunk), null, 2)}\n`);
  const wrong = surprises(requests, trunk);
  display.say(`\n${renderTrunk(trunk)}`);
  if (wrong.length === 0)
    display.say(`\n${new Help().boxWrap(lesson(requests, trunk), process.stdout.columns ?? 120)}`);
  else process.stderr.write(`\n${wrong.join("\n")}\n`);
  return wrong.length === 0;
}

function displayFor({ json }: DemoOptions, quit: () => void): Display {
  const { stdin, stdout, env } = process;
  if (json) return silent;
  return stdout.isTTY
    ? liveView({ output: stdout, input: stdin.isTTY ? stdin : undefined, colours: !env["NO_COLOR"] }, quit)
    : appendedLines(
        (text) => process.stdout.write(text),
        () => performance.now(),
      );
}

const parsed = parseOptions(process.argv.slice(2));
if (parsed.kind !== "run") process.exitCode = answer(parsed);
else {
  const interruption = new AbortController();
  process.once("SIGINT", () => interruption.abort());
  process.once("SIGTERM", () => interruption.abort());
  try {
    const { options } = parsed;
    const say = (line: string) => (options.json ? undefined : process.stdout.write(`${line}\n`));
    const asExpected = options.github
      ? await demoOnGitHub({ ...options, say, interrupted: interruption.signal })
      : await demo(
          options,
          displayFor(options, () => interruption.abort()),
          interruption.signal,
        );
    process.exitCode = interruption.signal.aborted ? 130 : asExpected ? 0 : 1;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (!interruption.signal.aborted) process.stderr.write(`The demo failed: ${said}\n`);
    process.exitCode = interruption.signal.aborted ? 130 : isMendedByName(error) ? 2 : 1;
  }
}
