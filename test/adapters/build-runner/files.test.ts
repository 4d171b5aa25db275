import { linkSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { writeOnce } from "../../../functions/adapters/build-runner/files.ts";

it("a file that is written once stays as it is, also after a process of this number died while it wrote the file", async () => {
  const directory = mkdtempSync(join(tmpdir(), "files-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "verdict");
  expect(await writeOnce(file, "passed")).toBe(true);
  // The drafts that the other process has not removed: second names of the file.
  for (let n = 1; n <= 3_000; n++) linkSync(file, `${file}.${process.pid}.${n}.draft`);
  expect(await writeOnce(file, "failed, and by another process")).toBe(false);
  expect(readFileSync(file, "utf8")).toBe("passed");
});
