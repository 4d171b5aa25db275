import type { AddHelpTextContext, Command } from "commander";

/** The paragraphs below a command's help, wrapped to the width of the terminal. Lines that begin with blanks are not wrapped. */
export const below =
  (text: string) =>
  ({ command }: AddHelpTextContext): string => {
    const width = widthOf(command);
    const help = command.createHelp();
    const lines = text.split("\n").map((line) => (line.startsWith(" ") ? line : help.boxWrap(line, width)));
    return `\n${lines.join("\n")}`;
  };

const widthOf = (command: Command): number => command.configureOutput().getOutHelpWidth?.() ?? 80;

/** Commands to try. */
export const examples = (...commands: readonly string[]): string =>
  [commands.length === 1 ? "Example:" : "Examples:", ...commands.map((command) => `  ${command}`)].join("\n");
