import { describe, expect, it } from "vitest";
import { parseOptions } from "../../../localstack/demo/options.ts";

describe("the demo's command line", () => {
  it("has a default for everything", () => {
    expect(parseOptions([])).toMatchObject({
      kind: "run",
      options: { count: 8, folders: 3, seed: 1, stacked: false, json: false, ci: "command" },
    });
  });

  it("takes every flag", () => {
    const flags = ["--count", "8", "--folders=2", "--seed", "0", "--stacked", "--json", "--state", "/tmp/x"];
    const args = [...flags, "--ci", "github"];
    expect(parseOptions(args)).toMatchObject({
      kind: "run",
      options: { count: 8, folders: 2, seed: 0, stacked: true, json: true, state: "/tmp/x", ci: "github" },
    });
  });

  it.each([
    [["--count", "0"], "'--count <n>' argument '0' is invalid. It is a whole number from 1 to 100."],
    [["--count", "101"], "argument '101' is invalid"],
    [["--count", "many"], "argument 'many' is invalid"],
    [["--count", "2.5"], "argument '2.5' is invalid"],
    [["--count=-1"], "argument '-1' is invalid"],
    [["--count"], "argument missing"],
    [["--folders", "0"], "'--folders <n>' argument '0' is invalid"],
    [["--seed", "4294967296"], "'--seed <n>' argument '4294967296' is invalid"],
    [["--stacked=yes"], "--stacked=yes"],
    [["--ci", "jenkins"], "Allowed choices are command, github"],
    [["--state", ""], "It names a directory."],
    [["--speed", "9"], "--speed"],
    [["now"], "too many arguments"],
  ])("refuses %j and says why", (args, why) => {
    const parsed = parseOptions(args);
    expect(parsed).toMatchObject({ kind: "refused", problem: expect.stringContaining(why) });
  });

  it("helps when asked to, and also says what is wrong with the rest", () => {
    expect(parseOptions(["--help"])).toEqual({ kind: "help", text: expect.stringContaining("Exit code: 0") });
    expect(parseOptions(["--help", "--count", "x"]).kind).toBe("refused");
  });
});
