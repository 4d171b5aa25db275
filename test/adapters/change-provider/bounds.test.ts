import { describe, expect, it } from "vitest";
import { bounded, MAX_AUTHORS, MAX_PATH_BYTES } from "../../../functions/adapters/change-provider/bounds.ts";
import { changeProviderFor } from "../../../functions/adapters/change-provider/index.ts";
import type { Touches } from "../../../functions/contracts/touches.ts";
import { MAX_PATHS } from "../../../functions/domain/request.ts";
import { aChange, aQueue } from "../build-runner/tasks.ts";

const touching = (paths: Touches["paths"], authors: readonly string[] = []): Touches => ({
  ...{ paths, authors, files: paths.length, additions: 7, deletions: 3 },
});
const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe("what is kept of a request's touches", () => {
  it.each<[string, readonly string[]]>([
    ["950 paths of 450 bytes", Array.from({ length: 950 }, (_, n) => `${n}/`.padEnd(450, "x"))],
    ["100,000 paths", Array.from({ length: 100_000 }, (_, n) => `dir-${n % 300}/file-${n}.ts`)],
    ["one path more than can be kept", Array.from({ length: MAX_PATHS + 1 }, (_, n) => String(n))],
    ["300 paths of 100 Japanese characters", Array.from({ length: 300 }, (_, n) => `${n}${"変".repeat(100)}`)],
    [
      "paths of control characters, which JSON writes in six bytes",
      Array.from({ length: 90 }, () => "\u0001".repeat(130)),
    ],
  ])("%s become everything, and the counts stay", (_, paths) => {
    const kept = bounded(touching(paths));
    expect(kept).toMatchObject({ paths: "everything", files: paths.length, additions: 7, deletions: 3 });
    expect(bytes(kept)).toBeLessThan(1_000);
  });

  it("as many paths as can be kept are kept as they are", () => {
    const paths = Array.from({ length: MAX_PATHS }, (_, n) => `src/${n}`.padEnd(60, "x"));
    expect(bounded(touching(paths)).paths).toEqual(paths);
    const few = ["x".repeat(MAX_PATH_BYTES - 4)];
    expect(bounded(touching(few)).paths).toEqual(few);
    expect(bounded(touching([`${few[0]}x`])).paths).toBe("everything");
  });

  it("an author of 450,000 characters is left out, and so is every author after the hundredth", () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `author-${n}@example.invalid`);
    const { authors } = bounded(touching([], ["a@example.invalid", "x".repeat(450_000), ...many]));
    expect(authors).toHaveLength(MAX_AUTHORS);
    expect(authors.slice(0, 2)).toEqual(["a@example.invalid", "author-0@example.invalid"]);
  });

  it("the largest touches leave more than half of a Step Functions state to the rest", () => {
    const paths = Array.from({ length: 600 }, (_, n) => `${n}/`.padEnd(104, "x"));
    const authors = Array.from({ length: 200 }, (_, n) => `${n}`.padEnd(320, "x"));
    const kept = bounded(touching(paths, authors));
    expect(kept.paths).toEqual(paths);
    expect(bytes(kept)).toBeLessThan(128 * 1_024);
  });

  it("is bounded for every provider", async () => {
    const provider = changeProviderFor(aQueue({ changeProvider: { type: "fake" } }), { workDirectory: "/nonexistent" });
    const changes = Array.from({ length: 40 }, (_, n) =>
      aChange(`sq-files=${Array.from({ length: 26 }, (_, m) => `${n}/${m}`).join(",")}`, `topic-${n}`),
    );
    expect(await provider.touches(changes)).toMatchObject({ touches: { paths: "everything", files: 40 * 26 } });
  });
});
