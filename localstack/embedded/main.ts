import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { createSandbox, type Sandbox } from "../sandbox/sandbox.ts";
import { hideSecrets } from "./hidden-secrets.ts";
import type { Runtime } from "./runtime.ts";
import { StateInUse, StateNotPrivate } from "./state-directory.ts";

const USAGE = `Usage: npm start -- [--queues FILE] [--state DIRECTORY] [--port PORT] [--quiet]

Runs submitqueue on this machine: the stacks of the CDK app, in one process.

  --queues FILE      the queue configuration (default: localstack/embedded/queues.yaml, a queue named sandbox)
  --state DIRECTORY  where state is kept; it outlives the process (default: .submitqueue)
  --port PORT        of the HTTP API on 127.0.0.1; 0 for any (default: 3000)
  --quiet            no warnings and errors of functions here; the logs have them
  --help             this text

Ctrl-C stops it: what is being worked on is finished, the rest waits for the next start. It then exits with 0; a second Ctrl-C, a second
or more later, does not wait, and exits with 130.
`;

const DEFAULT_QUEUES = join(import.meta.dirname, "queues.yaml");
/** Where queues.yaml says that it is. */
const SANDBOX = join(import.meta.dirname, "..", "..", ".submitqueue");

const Flags = z.object({
  queues: z.string().default(DEFAULT_QUEUES),
  state: z.string().min(1).default(".submitqueue"),
  port: z
    .string()
    .default("3000")
    .transform(Number)
    .pipe(z.int("--port takes a number").min(0).max(65_535, "--port takes at most 65535")),
  quiet: z.boolean().default(false),
  help: z.boolean().default(false),
});
type Flags = z.infer<typeof Flags>;

/** Throws what is wrong with the arguments, as a sentence. */
function readFlags(args: readonly string[]): Flags {
  const text = { type: "string" } as const;
  const on = { type: "boolean" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { queues: text, state: text, port: text, quiet: on, help: { ...on, short: "h" } },
  });
  const flags = Flags.safeParse(values);
  if (!flags.success) throw new Error(flags.error.issues.map(({ message }) => message).join("; "));
  if (!existsSync(flags.data.queues)) throw new Error(`there is no file ${flags.data.queues}`);
  return flags.data;
}

const shown = (path: string): string => relative("", path) || ".";

function greeting({ url, operatorPort }: Runtime, { state, queues }: Flags, sandbox: Sandbox | undefined): string {
  return `submitqueue runs at ${url}

  queues  ${shown(queues)}
  state   ${shown(state)} (logs: ${shown(join(state, "log"))})
  AWS     ${operatorPort?.url} (address and key for the aws command line: . ${shown(operatorPort?.file ?? "")})

Try, in another shell:
  curl ${url}/v1/ping
  curl ${url}/v1/queues
${sandbox ? changeOf(sandbox, `${url}/v1/queues/sandbox/requests`) : ""}
Ctrl-C stops it.
`;
}

/** The commands that make a change of the sandbox, land it, and look at it. */
const changeOf = ({ remote }: Sandbox, requests: string): string => `
  cd "$(mktemp -d)" && git clone -q ${remote} . && git switch -qc hello
  date > hello.txt && git add hello.txt
  git -c user.name=you -c user.email=you@localhost.invalid commit -qm "Say hello" && git push -qf origin hello
  curl ${requests} -H 'content-type: application/json' \\
    -d '{"changes":["git://localhost/sandbox/refs%2Fheads%2Fhello/'$(git rev-parse hello)'"]}'
  curl ${requests}
`;

/** Answers the exit code, or nothing as long as the runtime runs. */
async function main(args: readonly string[]): Promise<number | undefined> {
  let flags: Flags;
  try {
    flags = readFlags(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const { queues, state, port, quiet } = flags;
    const sandbox = queues === DEFAULT_QUEUES ? await createSandbox(SANDBOX) : undefined;
    // Only now: the CDK takes a second to load, and wrong flags should not wait for it.
    const { startRuntime } = await import("./runtime.ts");
    const runtime = await startRuntime({ queues, stateDirectory: state, port, quiet, operatorPort: true });
    stopOnSignals(runtime);
    process.stdout.write(greeting(runtime, flags, sandbox));
    return undefined;
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    const expected =
      error instanceof StateInUse || error instanceof StateNotPrivate || name === "QueuesFileError" || taken;
    const said = taken ? `port ${flags.port} is taken: choose another with --port` : message;
    process.stderr.write(expected ? `${said}\n` : `${error instanceof Error ? error.stack : said}\n`);
    return expected ? 2 : 1;
  }
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
