import { expect, it } from "vitest";
import { writingProblem } from "../../localstack/embedded/state-directory.ts";

const failed = (message: string, more: object) => Object.assign(new Error(message), more);

it.each([
  ["a full disk", failed("ENOSPC: no space left on device, write", { code: "ENOSPC" })],
  ["a disk that may not be written", failed("EROFS: read-only file system, open", { code: "EROFS" })],
  ["a database on a full disk", failed("database or disk is full", { code: "ERR_SQLITE_ERROR", errcode: 13 })],
])("%s is told in a sentence that says what to do", (_, error) => {
  expect(writingProblem(error, "state")).toBe(
    `state can't be written (${error.message}). Make room or mend the disk, then start again: requests that were taken go on`,
  );
});

it("any other error is none about writing", () => {
  const locked = failed("database is locked", { code: "ERR_SQLITE_ERROR", errcode: 5 });
  for (const error of [locked, failed("no such file", { code: "ENOENT" }), new TypeError("x"), "text"])
    expect(writingProblem(error, "state")).toBeUndefined();
});
