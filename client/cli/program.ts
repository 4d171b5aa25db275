import tab from "@bomb.sh/tab/commander";
import { Command, CommanderError } from "commander";
import { ApiError } from "../api-error.ts";
import { refusalOf } from "../mcp/refused.ts";
import { VERSION } from "../version.ts";
import { configCommand } from "./config.ts";
import { doctorCommand } from "./doctor.ts";
import { githubCommand } from "./github.ts";
import { below } from "./help-text.ts";
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
import { BASH_WORDS, offerNames } from "./suggestions.ts";
import { uiCommand } from "./ui.ts";
import { UsageError } from "./usage-error.ts";
import { watchCommand } from "./watch.ts";

/** Of the process. 0: landed, or fine. 1: refused or failed. */
const EXIT = { refused: 1, usage: 2, unreachable: 3, notAllowed: 4, interrupted: 130 } as const;

const ABOUT = `Settings: a flag, else SUBMITQUEUE_URL, SUBMITQUEUE_TOKEN and SUBMITQUEUE_QUEUE, else the file that 'submitqueue config' keeps. Without --queue, the queue is the one that lands onto this checkout's remote, or the only one.

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
    .option("--json", "print JSON: one document, or one per line and event; an error as well")
    .version(VERSION, "--version", "print the version of this program")
    .helpOption("-h, --help", "print this")
    .addHelpText("after", below(ABOUT));
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
  const getOutHelpWidth = () => terminal.columns;
  for (const command of everyCommand(program)) {
    if (command.name() === "completion") command.description("print a script that lets a shell complete commands");
    command.configureHelp({ ...command.configureHelp(), minWidthToWrap: 20 });
    command
      .helpOption("-h, --help", "print this")
      .exitOverride()
      .configureOutput({ writeOut: terminal.out, writeErr: terminal.err, getOutHelpWidth });
  }
  try {
    await program.parseAsync(args, { from: "user" });
    if (program.args[0] === "completion" && program.args[1] === "bash") terminal.out(BASH_WORDS);
    return exitCode;
  } catch (error) {
    if (interrupted.aborted) return EXIT.interrupted;
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const misused = error instanceof CommanderError ? new UsageError(saidBy(error)) : error;
    if (program.opts<GlobalFlags>().json) terminal.out(`${JSON.stringify({ error: refusalOf(misused) })}\n`);
    // Commander has printed its own.
    if (misused !== error) return EXIT.usage;
    terminal.err(`${[error instanceof Error ? error.message : String(error), ...hintsFor(error)].join(" ")}\n`);
    return exitCodeFor(error);
  }
}

/** What commander printed about a command line that makes no sense, as a sentence. A group without a command got its help. */
const saidBy = ({ code, message }: CommanderError): string =>
  code === "commander.help" ? "Name a command: --help lists them." : message.replace(/^error: /, "");

const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

const IS_URL_RIGHT = "Is --url (or SUBMITQUEUE_URL) right? 'submitqueue doctor' looks closer.";

/** What to do on the command line about a code of the API. */
const HINTS: Readonly<Record<string, string>> = {
  "route.unknown": IS_URL_RIGHT,
  "land.unknown": "'submitqueue list' shows the requests.",
  "caller.unauthenticated": "Set SUBMITQUEUE_TOKEN, or log in with the aws command line.",
};

function hintsFor(error: unknown): readonly string[] {
  if (!(error instanceof ApiError)) return [];
  if (error.failure.kind !== "refused") return [IS_URL_RIGHT];
  return Object.entries(HINTS).flatMap(([code, hint]) => (code === error.code ? [hint] : []));
}

function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof ApiError)) return EXIT.refused;
  const { failure } = error;
  if (failure.kind !== "refused") return EXIT.unreachable;
  if (failure.status === 401 || failure.status === 403) return EXIT.notAllowed;
  return failure.status === 400 ? EXIT.usage : EXIT.refused;
}
