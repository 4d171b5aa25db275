import { describe, expect, it } from "vitest";
import { span, styled, table } from "../../../client/cli/terminal.ts";

const terminal = (columns: number, colours = false) => ({
  out: () => {},
  err: () => {},
  isTTY: true,
  colours,
  columns,
  rows: 24,
});

describe("a table", () => {
  const columns = [{ title: "REQUEST" }, { title: "CHANGES", flexible: true }] as const;
  const rows = [["main/1", "acme/shop a-branch-with-a-rather-long-name 01234567 and more words"]];

  it.each([40, 80, 120])("fits a terminal of %i columns", (width) => {
    for (const line of table(terminal(width), columns, rows).split("\n"))
      expect(line.length).toBeLessThanOrEqual(width);
  });

  it("loses no word when it wraps", () => {
    const words = table(terminal(40), columns, rows).split(/\s+/).join("");
    for (const word of ["main/1", "acme/shop", "01234567", "words"]) expect(words).toContain(word);
  });

  it("cuts no word that is wider than its column, such as a path", () => {
    const path = `/home/ada/${"日本語/".repeat(12)}shop.git`;
    const lines = table(terminal(40), [{ title: "QUEUE" }, { title: "REPOSITORY", flexible: true }], [["main", path]]);
    expect(
      lines
        .split("\n")
        .slice(1)
        .map((line) => line.slice(7))
        .join(""),
    ).toBe(path);
  });

  it("is as wide with colours as without", () => {
    const lines = (colours: boolean) => {
      const cell = styled({ colours }, "green", "landed");
      return table(terminal(80, colours), [{ title: "STATUS" }, { title: "AGE" }], [[cell, "5m"]]).split("\n");
    };
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of.
    const plain = lines(true).map((line) => line.replace(/\u001b\[[0-9;]*m/g, ""));
    expect(plain).toEqual(lines(false));
    expect(lines(true)).not.toEqual(lines(false));
  });
});

describe("a span", () => {
  it.each([
    [0, "0s"],
    [59_400, "59s"],
    [61_000, "1m"],
    [3_600_000, "1h"],
    [11_100_000, "3h 5m"],
    [86_400_000, "1d"],
    [187_200_000, "2d 4h"],
    [-5, "0s"],
  ])("of %i ms reads %s", (ms, text) => {
    expect(span(ms)).toBe(text);
  });
});
