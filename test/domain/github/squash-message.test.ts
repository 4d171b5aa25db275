import { describe, expect, it } from "vitest";
import { bytesOf } from "../../../functions/contracts/text.ts";
import { squashMessageOf } from "../../../functions/domain/github/squash-message.ts";

const said = (body: string, title = "Count the tries", most = 20_000) =>
  squashMessageOf({ number: 12, title, body }, most);

describe("the message of a squash by its pull request", () => {
  it.each([
    ["", "Count the tries (#12)\n"],
    ["They were not counted.", "Count the tries (#12)\n\nThey were not counted.\n"],
    ["One.\r\n\r\nTwo.\r\n", "Count the tries (#12)\n\nOne.\n\nTwo.\n"],
    ["<!-- Say why -->\n\nBecause.\n\n<!--\nof the template\n-->\n", "Count the tries (#12)\n\nBecause.\n"],
    ["A\0B", "Count the tries (#12)\n\nAB\n"],
  ])("of the body %j", (body, message) => {
    expect(said(body)).toBe(message);
  });

  it("has a title of one line", () => {
    expect(said("", " Count\nthe  tries ")).toBe("Count the tries (#12)\n");
  });

  it("that is too long is cut at a line, and keeps its trailers", () => {
    const line = "ääää öööö üüüü";
    const trailers = "Signed-off-by: Ada <ada@example.test>\nFixes: #3";
    const message = said(`${`${line}\n`.repeat(100)}\n${trailers}`, "Title", 1_200);
    expect(bytesOf(message)).toBeLessThanOrEqual(1_200);
    expect(message.startsWith(`Title (#12)\n\n${line}\n`)).toBe(true);
    expect(message.endsWith(`${line}\n…\n\n${trailers}\n`)).toBe(true);
  });

  it("that is one line too long is cut at a word", () => {
    expect(said("one two three four five six seven", "Title", 90)).toBe("Title (#12)\n\none two three\n…\n");
  });

  it.each([1_500, 400, 60, 50])("never exceeds its bound of %d bytes, with every body", (most) => {
    for (const body of ["ä€".repeat(5_000), "🚀".repeat(5_000), "€".repeat(60), `a\n\n${"Key: value\n".repeat(900)}`])
      for (const title of ["🚀".repeat(400), "€".repeat(400), "T"])
        expect(bytesOf(said(body, title, most))).toBeLessThanOrEqual(most);
  });
});
