import { Command, CommanderError, Help, InvalidArgumentError, type Option } from "commander";

/** What a command line asks for: a run with `options`, its help, or nothing that makes sense. */
export type Parsed<T> =
  | { readonly kind: "run"; readonly options: T }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "refused"; readonly problem: string };

/** A command without sub-commands and arguments, whose help is wrapped to the terminal. Add options with `option`. */
export const flagsOf = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .helpOption("--help", "print this")
    .configureHelp({ optionDescription: describe });

/** The description with the default: no default for a switch, which is off, `1,2` for a list, and a text without quotes. */
function describe(option: Option): string {
  const { description, defaultValue, defaultValueDescription } = option;
  if (option.isBoolean()) return description;
  if (defaultValueDescription !== undefined) return `${description} (default: ${defaultValueDescription})`;
  if (Array.isArray(defaultValue)) return `${description} (default: ${defaultValue.join()})`;
  if (typeof defaultValue === "string") return `${description} (default: ${defaultValue})`;
  return new Help().optionDescription(option);
}

/** Reads `args` (without the program's name). Never throws and prints nothing. */
export function parseFlags<T>(command: Command, args: readonly string[]): Parsed<T> {
  const said: string[] = [];
  const write = (text: string) => said.push(text);
  try {
    command.exitOverride().configureOutput({ writeOut: write, writeErr: write });
    command.parse(args, { from: "user" });
    return { kind: "run", options: command.opts() as T };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return { kind: "help", text: said.join("") };
    return { kind: "refused", problem: `${error.message.replace(/^error: /, "")}\n\n${command.helpInformation()}` };
  }
}

/** Prints help to standard output and a refusal to standard error: the exit code, 0 or 2. */
export function answer(parsed: Exclude<Parsed<unknown>, { kind: "run" }>): number {
  if (parsed.kind === "refused") process.stderr.write(parsed.problem);
  else process.stdout.write(parsed.text);
  return parsed.kind === "refused" ? 2 : 0;
}

/** Reads a number from `least` to `most`, both included. */
export const numberIn =
  (least: number, most: number) =>
  (text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`It is a number from ${least} to ${most}.`);
    return value;
  };

/** Reads a whole number from `least` to `most`, both included. */
export const wholeIn =
  (least: number, most: number) =>
  (text: string): number => {
    if (!/^[0-9]{1,15}$/.test(text) || Number(text) < least || Number(text) > most)
      throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
    return Number(text);
  };

/** Reads one of `values`. */
export const oneOf =
  <T extends string>(values: readonly T[]) =>
  (text: string): T => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new InvalidArgumentError(`It is one of ${values.join(", ")}.`);
    return found;
  };

/** Reads a list as `1,2,3`, each part by `read`; a part that is named twice counts once. */
export const listOf =
  <T>(read: (text: string) => T) =>
  (text: string): readonly T[] => {
    const parts = text.split(",").map((part) => part.trim());
    if (parts.includes("")) throw new InvalidArgumentError("Write a list as 1,2,3.");
    return [...new Set(parts)].map(read);
  };

/** Reads a text that is not empty; `noun` says what it names, as "a directory". */
export const nameOf =
  (noun: string) =>
  (text: string): string => {
    if (text === "") throw new InvalidArgumentError(`It names ${noun}.`);
    return text;
  };
