import { expect, it } from "vitest";
import { endOfText, testName } from "../../../functions/adapters/build-runner/output.ts";

it.each([2, 3, 4, 5, 6, 7])("the end of a build's output, at most %i characters, parts no emoji", (most) => {
  const end = endOfText("ok 😀😀😀😀", most);
  expect([end.isWellFormed(), end.length <= most, end.endsWith("😀")]).toEqual([true, true, true]);
});

it("the end of a build's output begins with a whole line, where there is one", () => {
  expect(endOfText("one\ntwo\nthree\n", 9)).toBe("three");
  expect(endOfText("one\ntwo\nthree\n", 10)).toBe("two\nthree");
  expect(endOfText("abcdefgh", 4)).toBe("efgh");
});

it("the name of a test is cut between characters", () => {
  for (const suite of ["s", "ss"]) {
    const name = testName(suite, "😀".repeat(100));
    expect([name.isWellFormed(), name.length > 118, name.length <= 120]).toEqual([true, true, true]);
  }
  expect(testName(" ", "\n")).toBe("a test without a name");
});
