import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../../client/cli/usage-error.ts";
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
    mkdirSync(file);
    expect(() => writePrivately(file, "token: secret\n")).toThrow(UsageError);
    expect(readdirSync(home)).toEqual(["config.yaml"]);
  });

  it("is written, and nothing else is left, after processes that died while they wrote it", () => {
    const file = join(home, "config.yaml");
    const [mine, old, fresh] = [process.pid, 2_000_000_001, 2_000_000_002].map((pid) => `${file}.${pid}.new`);
    for (const left of [mine, old, fresh]) writeFileSync(left ?? "", "of another process");
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(old ?? "", longAgo, longAgo);
    writeFileSync(join(home, "config.yaml.new"), "of a person");
    writePrivately(file, "token: secret\n");
    expect(readFileSync(file, "utf8")).toBe("token: secret\n");
    // One may be being written now.
    expect(readdirSync(home).sort()).toEqual(["config.yaml", "config.yaml.2000000002.new", "config.yaml.new"]);
  });

  it.runIf(process.platform === "linux")(
    "is refused with a sentence, at once, below a directory that takes none",
    () => {
      const file = "/proc/submitqueue/config/config.yaml";
      expect(() => writePrivately(file, "queue: main\n")).toThrow(
        /^\/proc\/submitqueue\/config\/config\.yaml can't be written: .*\. Name another directory in XDG_CONFIG_HOME\.$/,
      );
    },
  );
});
