import { describe, expect, it } from "vitest";
import { targetsInLabels, targetsInLines, targetsOfAll } from "../../functions/domain/named-targets.ts";

describe("the targets of a request", () => {
  it.each<[string, (string[] | undefined)[], readonly string[] | undefined]>([
    ["are those of all its changes, each once", [["till"], ["cart", "till"]], ["cart", "till"]],
    ["are not known when those of a change are not", [["till"], undefined], undefined],
    ["are not known when a change names none", [["till"], []], undefined],
    ["are not known of no change", [], undefined],
    ["are not known when there are too many", [Array.from({ length: 1_001 }, (_, n) => `t${n}`)], undefined],
    ["are not known when one is too long", [["x".repeat(301)]], undefined],
  ])("%s", (_, changes, targets) => {
    expect(targetsOfAll(changes)).toEqual(targets);
  });
});

it.each<[string, string, string[], readonly string[]]>([
  ["the pattern's group alone", "affects/(\\w+)(?:-old)?", ["affects/cart-old"], ["cart"]],
  ["whole labels", "target:(.+)", ["my target:cart", "target:till"], ["till"]],
  ["a group that is not empty", "target:(.*)", ["target:"], []],
  ["one of several alternatives", "a:(.+)|b", ["a:cart", "b"], ["cart"]],
])("a label names a target by %s", (_, pattern, labels, targets) => {
  expect(targetsInLabels(pattern, labels)).toEqual(targets);
});

it("what a command printed names a target a line", () => {
  expect(targetsInLines("//shop:cart\r\n\n  //shop:till \n \t\n")).toEqual(["//shop:cart", "//shop:till"]);
});
