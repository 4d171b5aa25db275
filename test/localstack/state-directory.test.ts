import { expect, it } from "vitest";
import {
  isMendedByName,
  openStateDirectory,
  roomProblem,
  StateDiskFull,
  writingProblem,
} from "../../localstack/embedded/state-directory.ts";

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

it.runIf(process.platform === "linux")("a directory where none can be made is refused at once, with what to do", () => {
  let thrown: unknown;
  try {
    openStateDirectory("/proc/submitqueue/state");
  } catch (error) {
    thrown = error;
  }
  expect(String(thrown)).toMatch(/\/proc\/submitqueue\/state can't keep the state: .* Name another state directory$/);
  expect([isMendedByName(thrown), writingProblem(thrown, "state")]).toEqual([true, undefined]);
});

it("a disk that is nearly full is told before anything is kept there, and is no fault of the directory's name", () => {
  const disk = { bsize: 4_096, blocks: 1_000_000 };
  const problem = roomProblem({ ...disk, bavail: 128 }, "state") ?? "";
  expect(problem).toMatch(/^state can't be written: its disk has 0\.5 MB left, and a queue needs 8 MB\. Make room, /);
  expect(roomProblem({ ...disk, bavail: 2_048 }, "state")).toBeUndefined();
  expect(roomProblem({ bsize: 4_096, blocks: 0, bavail: 0 }, "state")).toBeUndefined();
  const full = new StateDiskFull(problem);
  expect([isMendedByName(full), writingProblem(full, "state")]).toEqual([false, problem]);
});
