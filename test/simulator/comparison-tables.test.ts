import { describe, expect, it } from "vitest";
import { bulleted } from "../../simulator/assumptions.ts";
import { table } from "../../simulator/comparison-tables.ts";

describe("a table", () => {
  it("puts a title of two lines above its column, aligned at the bottom", () => {
    expect(table(["builders", "policy", "landed\nper hour"], [["10", "ours", "53"]]).split("\n")).toEqual([
      "                    landed",
      "builders  policy  per hour",
      "--------  ------  --------",
      "10        ours          53",
    ]);
  });
});

describe("the notes", () => {
  const notes = ["Policies are told the truth.", "Delays: none."];

  it("are wrapped at the width of the terminal", () => {
    expect(bulleted(notes, 44)).toBe("* Policies are told the truth.\n* Delays: none.");
    const long = bulleted(["Policies are told the true probability that each change passes."], 44);
    expect(long.split("\n")).toEqual(["* Policies are told the true probability", "  that each change passes."]);
  });

  it("have one line each in a pipe", () => {
    expect(bulleted(["word ".repeat(50).trim()], undefined)).not.toContain("\n");
  });
});
