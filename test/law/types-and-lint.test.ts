import { execa } from "execa";
import { expect, it } from "vitest";

/** Beside the tests, and not before them: the compiler fills the time in which other workers wait. */
it.each(["typecheck", "lint"])(
  "npm run %s finds nothing to mend",
  async (script) => {
    const { exitCode, all } = await execa("npm", ["run", "--silent", script], { all: true, reject: false });
    if (exitCode !== 0) expect.fail(`exit code ${exitCode}\n${all}`);
  },
  600_000,
);
