import { describe, expect, it } from "vitest";
import { commandOf } from "../../../functions/domain/github/command.ts";

const commit = "0123456789".repeat(4);

describe("a comment", () => {
  it.each([
    ["/land", { kind: "land" }],
    [
      `/land docs priority=2 strategy=squash commit=${commit}`,
      { kind: "land", queue: "docs", priority: 2, strategy: "SQUASH_REBASE", commit },
    ],
    ["/land \r\nthank you", { kind: "land" }],
    ["/cancel it breaks the build", { kind: "cancel" }],
    ["/why", { kind: "why" }],
    ["/status", { kind: "status" }],
    ["/help", { kind: "help" }],
  ])("%j is a command", (comment, command) => {
    expect(commandOf(comment)).toEqual(command);
  });

  it.each(["", "please /land", "> /land", "```\n/land\n```", "thanks\n/land", "/landing", "/why not", "/help me"])(
    "%j is no command",
    (comment) => {
      expect(commandOf(comment)).toBeUndefined();
    },
  );

  it.each([
    ["/land docs main", /`main` is not the name of a queue/],
    ["/land priority=", /a priority is a whole number/],
    ["/land priority=101", /a priority is a whole number/],
    ["/land priority=2=3", /a priority is a whole number/],
    ["/land strategy=", /a strategy is/],
    ["/land strategy=SQUASH", /a strategy is/],
    // Every object has a property of this name.
    ["/land strategy=constructor", /a strategy is/],
    ["/land commit=0123456", /a commit is all of its 40 hex digits/],
    ["/land sooner=yes", /`sooner` is not an option/],
    ["/land constructor=x", /`constructor` is not an option/],
    ["/land @acme/*all*=1", /`\?acme\?\?all\?` is not an option/],
  ])("%j is a mistake, and says which", (comment, problem) => {
    expect(commandOf(comment)).toEqual({ kind: "mistaken", problem: expect.stringMatching(problem) });
  });
});
