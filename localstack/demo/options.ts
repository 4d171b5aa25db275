import { resolve } from "node:path";
import { Option } from "commander";
import { below } from "../../client/cli/help-text.ts";
import { flagsOf, nameOf, type Parsed, parseFlags, wholeIn } from "../../client/flags.ts";

const STATE = resolve(import.meta.dirname, "..", "..", ".submitqueue", "demo");

export interface DemoOptions {
  /** How many changes. */
  readonly count: number;
  readonly folders: number;
  readonly seed: number;
  readonly stacked: boolean;
  /** Who builds: a shell command on this machine, or the CI behind a GitHub that runs on this machine. */
  readonly ci: "command" | "github";
  /** True: pull requests of a GitHub on this machine are landed by comments and labels; the other numbers do not matter. */
  readonly github: boolean;
  readonly state: string;
  readonly json: boolean;
}

const command = () =>
  flagsOf(
    "npm run demo --",
    "Lands changes of a sandbox repository through a queue that runs on this machine, and proves that the trunk stayed green.",
  )
    .option(
      "--count <n>",
      "changes to make, 1 to 100; with 2 or more, two of them break the project together; with 6 to 12, one is slow, one lands past it, and two land with it",
      wholeIn(1, 100),
      8,
    )
    .option("--folders <n>", "folders of the project to spread them over, 1 to 40", wholeIn(1, 40), 3)
    .option("--stacked", "all changes but the two that clash are one stack, in one request; none is slow", false)
    .option("--seed <n>", "decides everything that is left to chance, 0 to 4294967295", wholeIn(0, 0xffff_ffff), 1)
    .addOption(
      new Option("--ci <name>", "who builds: a command on this machine, or CI that reports to a GitHub on this machine")
        .choices(["command", "github"])
        .default("command"),
    )
    .option(
      "--github",
      "land pull requests of a GitHub on this machine by comments and labels instead: five, a stack of three, and three that don't land",
      false,
    )
    .addOption(
      new Option("--state <dir>", "where it keeps its repository and its state; made anew by each run")
        .argParser(nameOf("a directory"))
        .default(STATE, ".submitqueue/demo"),
    )
    .option("--json", "print nothing but one JSON document, at the end", false)
    .addHelpText(
      "after",
      below(
        "Exit code: 0 when every request ended as it should, 1 when not, 2 when the flags are wrong or the state can't be kept where they say.",
      ),
    );

/** Reads the command line. Never throws. */
export const parseOptions = (args: readonly string[]): Parsed<DemoOptions> => parseFlags(command(), args);
