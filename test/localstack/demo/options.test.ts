import { describe, expect, it } from "vitest";
import { parseOptions } from "../../../localstack/demo/options.ts";

describe("the demo's command line", () => {
  it("has a default for everything", () => {
    expect(parseOptions([])).toMatchObject({
      kind: "options",
      options: { count: 8, folders: 3, seed: 1, stacked: false, json: false },
    });
  });

  it("takes every flag", () => {
    const args = ["--count", "8", "--folders=2", "--seed", "0", "--stacked", "--json", "--state", "/tmp/x"];
    expect(parseOptions(args)).toMatchObject({
      kind: "options",
      options: { count: 8, folders: 2, seed: 0, stacked: true, json: true, state: "/tmp/x" },
    });
  });

  it.each([
    [["--count", "0"], "--count is at least 1"],
    [["--count", "101"], "--count is at most 100"],
    [["--count", "many"], "--count takes a whole number"],
    [["--count", "2.5"], "--count takes a whole number"],
    [["--count=-1"], "--count takes a whole number"],
    [["--count"], "argument missing"],
    [["--folders", "0"], "--folders is at least 1"],
    [["--seed", "4294967296"], "--seed is at most"],
    [["--stacked=yes"], "does not take an argument"],
    [["--state", ""], "--state names a directory"],
    [["--speed", "9"], "--speed"],
    [["now"], "now"],
  ])("refuses %j and says why", (args, why) => {
    const parsed = parseOptions(args);
    expect(parsed).toMatchObject({ kind: "wrong", problem: expect.stringContaining(why) });
  });

  it("helps when asked to, and also says what is wrong with the rest", () => {
    expect(parseOptions(["--help"])).toEqual({ kind: "help" });
    expect(parseOptions(["--help", "--count", "x"]).kind).toBe("wrong");
  });
});
