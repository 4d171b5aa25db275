import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writePrivately } from "../../client/private-file.ts";

describe("a private file", () => {
  let home = "";
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "private-"));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  it("is closed to other users, also where a file was open to them", () => {
    const file = join(home, "config.yaml");
    writeFileSync(file, "queue: main\n", { mode: 0o644 });
    writePrivately(file, "token: secret\n");
    expect(readFileSync(file, "utf8")).toBe("token: secret\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(["config.yaml"]);
  });

  it("is written where a link leads to, and the link stays", () => {
    const [file, link] = [join(home, "dotfiles.yaml"), join(home, "config.yaml")];
    writeFileSync(file, "");
    symlinkSync(file, link);
    writePrivately(link, "queue: main\n");
    expect([readlinkSync(link), readFileSync(file, "utf8")]).toEqual([file, "queue: main\n"]);
  });

  it("stays as it was when it can't be written", () => {
    const file = join(home, "config.yaml");
    writeFileSync(file, "queue: main\n");
    writeFileSync(`${file}.${process.pid}.new`, "of a process that was killed");
    expect(() => writePrivately(file, "token: secret\n")).toThrow("EEXIST");
    expect(readFileSync(file, "utf8")).toBe("queue: main\n");
    writePrivately(file, "token: secret\n");
    expect(readdirSync(home)).toEqual(["config.yaml"]);
  });
});
