import tab from "@bomb.sh/tab/commander";
import { Command, CommanderError } from "commander";
import { ApiError } from "../api-error.ts";
import { configCommand } from "./config.ts";
import { doctorCommand } from "./doctor.ts";
import { githubCommand } from "./github.ts";
import { mcpCommand } from "./mcp.ts";
import { queueCommand, queuesCommand } from "./queues.ts";
import {
  cancelCommand,
  historyCommand,
  landCommand,
  listCommand,
  priorityCommand,
  type Run,
  statusCommand,
  whyCommand,
} from "./requests.ts";
import { type GlobalFlags, Session, type Surroundings } from "./session.ts";
import { exportCommand, simulateCommand } from "./simulator.ts";
import { offerNames } from "./suggestions.ts";
import { uiCommand } from "./ui.ts";
import { UsageError } from "./usage-error.ts";
import { watchCommand } from "./watch.ts";

/** Of the process. 0: landed, or fine. 1: refused or failed. */
const EXIT = { refused: 1, usage: 2, unreachable: 3, notAllowed: 4, interrupted: 130 } as const;

const ABOUT_EXIT = `
Settings: a flag, else SUBMITQUEUE_URL, SUBMITQUEUE_TOKEN and SUBMITQUEUE_QUEUE, else the file that 'submitqueue config' keeps.
Without --queue, the queue is the one that lands onto this checkout's remote, or the only one.

Exit codes: 0 landed or fine, 1 refused or failed, 2 the command line makes no sense, 3 the API can't be reached, 4 not allowed.`;

/** The command line `submitqueue`. `args` are without the program's name; the promise is the exit code. Never throws. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal, environment, interrupted } = surroundings;
  let exitCode = 0;
  const program = new Command("submitqueue")
    .description("Lands changes through a submit queue, and tells where they stand.")
    .option("--url <url>", "of the API")
    .option("--queue <name>", "the queue")
    .option("--token <text>", "a bearer token; better set by SUBMITQUEUE_TOKEN, as others can see a command line")
    .option("--auth <how>", "iam signs calls with AWS credentials, none does not (default: iam for an API Gateway URL)")
    .option("--json", "print JSON: one document, or one per line and event")
    .addHelpText("after", ABOUT_EXIT);
  const run: Run = async (work) => {
    exitCode = await work(new Session(surroundings, program.opts<GlobalFlags>()));
  };
  const verbs = [
    landCommand,
    statusCommand,
    whyCommand,
    historyCommand,
    watchCommand,
    listCommand,
    cancelCommand,
    priorityCommand,
  ];
  for (const verb of [...verbs, queuesCommand, queueCommand, doctorCommand, uiCommand, mcpCommand])
    program.addCommand(verb(run));
  program.addCommand(configCommand(run, environment));
  program.addCommand(githubCommand(run, environment));
  const { simulator } = surroundings;
  if (simulator) for (const verb of [simulateCommand, exportCommand]) program.addCommand(verb(run, simulator));
  const completion = tab(program, { completionCommandName: "completion" });
  if (args[0] === "complete") await offerNames(completion, args, surroundings);
  for (const command of everyCommand(program))
    command.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (interrupted.aborted) return EXIT.interrupted;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
    const code = exitCodeFor(error);
    const hint =
      code === EXIT.unreachable ? " Is --url (or SUBMITQUEUE_URL) right? 'submitqueue doctor' looks closer." : "";
    terminal.err(`${error instanceof Error ? error.message : String(error)}${hint}\n`);
    return code;
  }
}

const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof ApiError)) return EXIT.refused;
  const { failure } = error;
  if (failure.kind !== "refused") return EXIT.unreachable;
  if (failure.status === 401 || failure.status === 403) return EXIT.notAllowed;
  return failure.status === 400 ? EXIT.usage : EXIT.refused;
}
