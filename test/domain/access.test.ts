import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Caller } from "../../functions/contracts/caller.ts";
import { mayDo, patternsOf } from "../../functions/domain/access.ts";
import { seed } from "./planner/stories.ts";

const named = (name: string, ...groups: string[]): Caller => ({ kind: "jwt", name, groups });

describe("a pattern", () => {
  it.each([
    ["anna", "anna", true],
    ["anna", "Anna", false],
    ["anna", "annabel", false],
    ["*", "any caller at all", true],
    ["a*", "anna", true],
    ["*a", "anna", true],
    ["a*a", "a", false],
    ["a*n*a", "anna", true],
    ["a*x*a", "anna", false],
    ["an*na", "anna", true],
    ["anna*nna", "anna", false],
    ["repo:acme/*:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main", true],
    ["repo:acme/*:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main2", false],
    [".*", "anna", false],
    ["", "anna", false],
  ])("%s, against the name %s: %s", (pattern, name, matches) => {
    expect(mayDo({ land: [pattern] }, named(name), "land")).toBe(matches);
  });

  it("of groups says nothing of names, nor the other way round", () => {
    expect(mayDo({ land: ["group:leads"] }, named("leads"), "land")).toBe(false);
    expect(mayDo({ land: ["leads"] }, named("anna", "leads"), "land")).toBe(false);
    expect(mayDo({ land: ["group:lead*"] }, named("anna", "x", "leads"), "land")).toBe(true);
    expect(mayDo({ land: ["group:*"] }, named("anna"), "land")).toBe(false);
  });

  it("says whether the caller is known by AWS credentials or by a token", () => {
    const arn = "arn:aws:sts::1:assumed-role/Sre/ann";
    const may = (pattern: string, kind: Caller["kind"]) => mayDo({ land: [pattern] }, { kind, name: arn }, "land");
    const kinds = ["iam", "jwt", "token"] as const;
    expect(kinds.map((kind) => may("iam:arn:aws:sts::*:assumed-role/Sre/*", kind))).toEqual([true, false, false]);
    expect(kinds.map((kind) => may("jwt:arn:*", kind))).toEqual([false, true, false]);
    expect(kinds.map((kind) => may("arn:*", kind))).toEqual([true, true, true]);
    expect(mayDo({ land: ["iam:*"] }, named("iam:ann"), "land")).toBe(false);
  });

  it("with many stars is compared in no time", () => {
    expect(mayDo({ land: ["a*".repeat(200)] }, named(`${"a".repeat(499)}b`), "land")).toBe(true);
    expect(mayDo({ land: [`${"a*".repeat(200)}c`] }, named("a".repeat(500)), "land")).toBe(false);
  });
});

describe("a queue that names no callers", () => {
  it("lets every caller land, and its operators do the rest", () => {
    const who = (caller: Caller) =>
      (["land", "cancelOthers", "priority", "operate"] as const).filter((right) => mayDo({}, caller, right));
    expect(who(named("anna"))).toEqual(["land"]);
    expect(who(named("olga", "operators"))).toEqual(["land", "cancelOthers", "priority", "operate"]);
  });

  it("has the operators that `operate` names do the rest too; an empty list is no caller", () => {
    expect(patternsOf({ operate: ["sre"] }, "priority")).toEqual(["sre"]);
    expect(patternsOf({ operate: ["sre"], priority: [] }, "priority")).toEqual([]);
    expect(mayDo({ land: [] }, named("anna", "operators"), "land")).toBe(false);
  });
});

it(`a pattern matches as the regular expression does in which each star is any text (SEED=${seed})`, () => {
  const text = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 6 });
  fc.assert(
    fc.property(text("ab**"), text("ab"), (pattern, name) => {
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`, "s");
      expect(mayDo({ land: [pattern] }, named(name), "land")).toBe(expected.test(name));
      const groups = ["c", name];
      expect(mayDo({ land: [`group:${pattern}`] }, named("anna", ...groups), "land")).toBe(
        groups.some((group) => expected.test(group)),
      );
    }),
    { seed, numRuns: 1_000 },
  );
});
