import { describe, expect, it } from "vitest";
import { targetsNamedBy } from "../../functions/domain/named-targets.ts";

describe("the targets that labels name", () => {
  it.each<[string, string, string[][], readonly string[] | undefined]>([
    [
      "are those of every pull request, each once",
      "target:(.+)",
      [
        ["bug", "target:till"],
        ["target:cart", "target:till"],
      ],
      ["cart", "till"],
    ],
    ["are the pattern's group alone", "affects/(\\w+)(?:-old)?", [["affects/cart-old"]], ["cart"]],
    ["are of whole labels", "target:(.+)", [["my target:cart"]], undefined],
    ["are not known when a pull request has none of them", "target:(.+)", [["bug"], ["target:till"]], undefined],
    ["are not known of no pull request", "target:(.+)", [], undefined],
    ["are not known when the group is empty", "target:(.*)", [["target:"]], undefined],
    ["are not known when there are too many", "t(.+)", [Array.from({ length: 1_001 }, (_, n) => `t${n}`)], undefined],
    ["are not known when one is too long", "t(.+)", [[`t${"x".repeat(301)}`]], undefined],
    ["may be one of several alternatives", "a:(.+)|b", [["a:cart"]], ["cart"]],
  ])("%s: %s", (_, pattern, pulls, targets) => {
    expect(targetsNamedBy(pattern, pulls)).toEqual(targets);
  });
});
