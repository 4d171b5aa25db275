import { describe, expect, it } from "vitest";
import { flagsOf, listOf, nameOf, numberIn, oneOf, parseFlags, wholeIn } from "../../client/flags.ts";

const parse = (...args: string[]) =>
  parseFlags(
    flagsOf("tool", "Does a thing.")
      .option("--size <n>", "how large", wholeIn(1, 10), 3)
      .option("--share <x>", "a part", numberIn(0, 1))
      .option("--colour <name>", "which", oneOf(["red", "blue"]))
      .option("--seeds <list>", "many", listOf(wholeIn(0, 99)), [1, 2])
      .option("--format <name>", "the format", oneOf(["text", "csv"]), "text")
      .option("--file <path>", "where", nameOf("a file"))
      .option("--json", "as JSON", false),
    args,
  );

describe("flags of a command line", () => {
  it("are read by their types, with defaults for flags that are not given", () => {
    expect(parse("--share", "0.5", "--colour=red", "--seeds", "3, 4,3", "--json")).toEqual({
      kind: "run",
      options: { size: 3, format: "text", share: 0.5, colour: "red", seeds: [3, 4], json: true },
    });
  });

  it.each([
    [["--size", "11"], "a whole number from 1 to 10"],
    [["--size", "1e1"], "a whole number from 1 to 10"],
    [["--size", ""], "a whole number from 1 to 10"],
    [["--share", "x"], "a number from 0 to 1"],
    [["--share", " "], "a number from 0 to 1"],
    [["--colour", "green"], "one of red, blue"],
    [["--seeds", "1,,2"], "Write a list as 1,2,3."],
    [["--seeds", "1,100"], "a whole number from 0 to 99"],
    [["--file", ""], "It names a file."],
    [["--jsn"], "Did you mean --json?"],
    [["more"], "too many arguments"],
  ])("are refused when they are %j, with what would be right and the help", (args, said) => {
    const parsed = parse(...args);
    expect(parsed).toMatchObject({ kind: "refused", problem: expect.stringContaining(said) });
    expect(parsed).toMatchObject({ problem: expect.stringContaining("Usage: tool") });
  });

  it("have a help with the defaults, but for switches", () => {
    const help = parse("--help");
    expect(help).toMatchObject({ kind: "help", text: expect.stringMatching(/how large \(default: 3\)/) });
    expect(help).toMatchObject({ text: expect.stringMatching(/many \(default: 1,2\)/) });
    expect(help).toMatchObject({ text: expect.stringMatching(/the format \(default: text\)/) });
    expect(help).toMatchObject({ text: expect.stringMatching(/as JSON\n/) });
  });
});
