import { execa } from "execa";
import { expect, it } from "vitest";

/** Beside the tests, and not before them: the compiler fills the time in which other workers wait. */
it.each([
  // Each further checker works out the types of the packages once more: faster on idle cores, of which there are none here.
  ["typecheck", "--checkers", "1"],
  ["lint"],
])(
  "npm run %s finds nothing to mend",
  async (script, ...args) => {
    const { exitCode, all } = await execa("npm", ["run", "--silent", script, "--", ...args], {
      all: true,
      reject: false,
    });
    if (exitCode !== 0) expect.fail(`exit code ${exitCode}\n${all}`);
  },
  600_000,
);
