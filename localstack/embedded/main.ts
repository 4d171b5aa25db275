import { existsSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { userInfo } from "node:os";
import { join, relative } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { below } from "../../client/cli/help-text.ts";
import { answer, flagsOf, nameOf, parseFlags, wholeIn } from "../../client/flags.ts";
import { portProblem } from "../../client/listening.ts";
import { quoted } from "../quoted.ts";
import { createSandbox, type Sandbox } from "../sandbox/sandbox.ts";
import { type ApiToken, freshToken } from "./api-tokens.ts";
import { hideSecrets } from "./hidden-secrets.ts";
import type { Runtime } from "./runtime.ts";
import { openStateDirectory, StateDiskFull, StateUnusable, writingProblem } from "./state-directory.ts";

const DEFAULT_QUEUES = join(import.meta.dirname, "queues.yaml");
/** Where localstack/embedded/queues.yaml says that the sandbox repository is. */
const SANDBOX = join(import.meta.dirname, "..", "..", ".submitqueue");

interface StartFlags {
  readonly queues: string;
  readonly state: string;
  readonly port: number;
  readonly quiet: boolean;
  readonly token: boolean;
}

function existing(file: string): string {
  if (!existsSync(file)) throw new InvalidArgumentError("There is no such file.");
  return file;
}

const command = () =>
  flagsOf("npm start --", "Runs submitqueue on this machine: the stacks of the CDK app, in one process.")
    .addOption(
      new Option("--queues <file>", "the queue configuration")
        .argParser(existing)
        .default(DEFAULT_QUEUES, "localstack/embedded/queues.yaml, a queue named sandbox"),
    )
    .option("--state <dir>", "where state is kept; it outlives the process", nameOf("a directory"), ".submitqueue")
    .option("--port <port>", "of the HTTP API on 127.0.0.1; 0 for any", wholeIn(0, 65_535), 3_000)
    .option(
      "--token",
      "every call needs a token, which is printed here; else every program of this machine may call",
      false,
    )
    .option("--quiet", "no warnings and errors of functions here; the logs have them", false)
    .addHelpText("after", below(ABOUT_CTRL_C));

const ABOUT_CTRL_C =
  "Ctrl-C stops it: the work under way is finished, and the rest waits for the next start. It then exits with 0. A second Ctrl-C, a second or more later, does not wait, and exits with 130.";

const shown = (path: string): string => relative("", path) || ".";

interface Start {
  readonly flags: StartFlags;
  readonly sandbox: Sandbox | undefined;
  readonly token: ApiToken | undefined;
}

function greeting(
  { url, operatorPort, functionUrls }: Runtime,
  { flags: { state, queues }, sandbox, token }: Start,
): string {
  const webhook = functionUrls.get("orchestrator/build-workflow/report-github");
  return `submitqueue runs at ${url}

  page    ${url}/${token === undefined ? "" : `#token=${token.token}`}
  queues  ${shown(queues)}
  state   ${shown(state)} (logs: ${shown(join(state, "log"))})
  AWS     ${operatorPort?.url} (address and key for the aws command line: . ${quoted(shown(operatorPort?.file ?? ""))})
${webhook === undefined ? "" : `  webhook ${webhook} (for checks of GitHub)\n`}
Try, in another shell:
  export SUBMITQUEUE_URL=${url}
${token === undefined ? "" : `  export SUBMITQUEUE_TOKEN=${token.token}\n`}  npx submitqueue doctor
  npx submitqueue queues
${sandbox ? landingIn(sandbox) : ""}
Ctrl-C stops it.
`;
}

/** The commands that make a change of the sandbox and land it. */
const landingIn = ({ remote }: Sandbox): string => `
  git clone -q ${quoted(remote)} /tmp/shop && git -C /tmp/shop switch -qc hello && date > /tmp/shop/hello.txt
  git -C /tmp/shop add . && git -C /tmp/shop commit -qm "Say hello" && git -C /tmp/shop push -q origin hello
  npx submitqueue land --queue sandbox --wait git://localhost/sandbox/refs%2Fheads%2Fhello/$(git -C /tmp/shop rev-parse hello)
`;

/** Answers the exit code, or nothing as long as the runtime runs. */
async function main(args: readonly string[]): Promise<number | undefined> {
  const parsed = parseFlags<StartFlags>(command(), args);
  if (parsed.kind !== "run") return answer(parsed);
  const flags = parsed.options;
  const { queues, state, port, quiet } = flags;
  process.stdout.write("submitqueue is starting: it makes the stacks of the CDK app and runs them here.\n");
  try {
    const token = flags.token ? freshToken(userInfo().username) : undefined;
    const tokens = token === undefined ? {} : { tokens: [token] };
    // First, since it takes no time: what follows takes seconds.
    openStateDirectory(state).release();
    const sandbox = queues === DEFAULT_QUEUES ? await sandboxOf(SANDBOX) : undefined;
    // Only now: the CDK takes a second to load, and wrong flags should not wait for it. A second start finds the CDK compiled.
    enableCompileCache(join(import.meta.dirname, "..", "..", "node_modules", ".cache", "compiled"));
    const { startRuntime } = await import("./runtime.ts");
    const runtime = await startRuntime({ queues, stateDirectory: state, port, quiet, operatorPort: true, ...tokens });
    stopOnSignals(runtime);
    endOnErrors(state);
    process.stdout.write(greeting(runtime, { flags, sandbox, token }));
    return undefined;
  } catch (error) {
    const said = saidOf(error, flags);
    process.stderr.write(`${said ?? (error instanceof Error ? error.stack : error)}\n`);
    return said === undefined || writingProblem(error, state) !== undefined ? 1 : 2;
  }
}

/** The sandbox that queues.yaml lands onto. Throws StateUnusable and StateDiskFull when its directory, in this checkout, can't be written. */
async function sandboxOf(directory: string): Promise<Sandbox> {
  try {
    return await createSandbox(directory);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    if (REFUSED.has(error.code))
      throw new StateUnusable(
        `${shown(directory)} can't keep the sandbox repository: ${error.message}. Make the directory writable, or name queues of your own with --queues`,
      );
    const problem = writingProblem(error, shown(directory));
    throw problem === undefined ? error : new StateDiskFull(problem, { cause: error });
  }
}

const REFUSED: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EROFS"]);

const EXPECTED: ReadonlySet<string> = new Set([
  "StateInUse",
  "StateNotPrivate",
  "StateUnusable",
  "StateDiskFull",
  "QueuesFileError",
]);

/** What to tell of an error that the user can mend. Undefined for any other. */
function saidOf(error: unknown, { port, state }: StartFlags): string | undefined {
  if (error instanceof Error && EXPECTED.has(error.name)) return error.message;
  return writingProblem(error, shown(state)) ?? portProblem(error, port);
}

/** An error that nothing takes ends the process: a full disk in a sentence, any other with its stack. */
function endOnErrors(state: string): void {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${writingProblem(error, shown(state)) ?? error.stack ?? error}\n`);
    process.exit(1);
  });
}

/** One Ctrl-C under npm is two signals: the terminal sends it to npm and to this process, and npm passes it on. */
const SAME_CTRL_C_MS = 1_000;

function stopOnSignals(runtime: Runtime): void {
  let stoppingSince: number | undefined;
  const stop = () => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince < SAME_CTRL_C_MS) return;
      process.exit(130);
    }
    stoppingSince = performance.now();
    process.stdout.write("stopping…\n");
    runtime.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

hideSecrets();
process.exitCode = await main(process.argv.slice(2));
