import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

/** Where waits and limits are defined. */
const DEFINES = ["test/support/wait.ts", "test/law/waits.test.ts"];

it("no test waits with a limit of its own: the limits of test/support hold on slow machines too", () => {
  const sources = globSync("test/**/*.ts").filter((file) => !DEFINES.includes(file));
  expect(sources.length).toBeGreaterThan(200);
  const own = sources.flatMap((file) => {
    const found = readFileSync(file, "utf8").match(
      /vi\.wait(?:For|Until)\(|\b(?:testTimeout|hookTimeout):|\.poll\([^)]*timeout/,
    );
    return found === null ? [] : [`${file}: ${found[0]}`];
  });
  expect(own).toEqual([]);
});
