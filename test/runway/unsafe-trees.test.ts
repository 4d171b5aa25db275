import { describe, expect, it } from "vitest";
import { gitProcessesStarted } from "../../functions/adapters/git/process.ts";
import type { GitSha } from "../../functions/contracts/ids.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { faultOfModule, faultOfName, isModulesFile } from "../../functions/runway/unsafe-names.ts";
import { gitUri, unit } from "../adapters/git/sandbox.ts";
import { runway, sandbox, withRunway } from "./each-runway.ts";

withRunway();

type Entry = readonly [mode: string, name: string, sha: string];
const blob = (text = "x\n") => sandbox.store("blob", Buffer.from(text));
/** A tree of any entries; names are bytes, one latin1 character each. */
const tree = (...entries: readonly Entry[]): GitSha =>
  sandbox.store(
    "tree",
    Buffer.concat(
      entries.map(([mode, name, sha]) =>
        Buffer.from(`${mode} ${name}\0${Buffer.from(sha, "hex").toString("latin1")}`, "latin1"),
      ),
    ),
  );
const readme = (): Entry => ["100644", "README.md", sandbox.git("rev-parse", `${sandbox.base}:README.md`)];
const sorted = (...entries: Entry[]) => tree(...entries.sort(([, a], [, b]) => (a < b ? -1 : 1)));
function commit(root: string, parent: string = sandbox.base): GitSha {
  const who = "A <a@x> 1700000000 +0000";
  return sandbox.store("commit", Buffer.from(`tree ${root}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\n\nx\n`));
}
const check = (sha: string, strategy: MergeStrategy = "REBASE", ref = "refs/heads/change") => {
  sandbox.point(ref, sha);
  return runway.check(unit(1, [gitUri(ref, sha)], strategy));
};
const isUnsafe = (path: string) => ({
  kind: "refused",
  reason: { code: "change.unsafe", message: expect.stringContaining(`"${path}"`) },
});

describe("a change is refused by name that holds", () => {
  it.each([
    "../x",
    "..",
    ".",
    ".git",
    ".GIT",
    ".Git",
    "git~1",
    "GIT~1",
    ".git. .",
    ".git::$INDEX_ALLOCATION",
    "a/b",
    "x\\..\\y",
    "a\\.git",
  ])("an entry %s", async (name) => {
    expect(await check(commit(sorted(readme(), ["100644", name, blob()])))).toMatchObject(isUnsafe(name));
  });

  it(".git as a directory, however deep", async () => {
    const git = tree(["40000", ".git", tree(["100644", "config", blob()])]);
    const root = sorted(readme(), ["40000", "a", tree(["40000", "b", git])]);
    expect(await check(commit(root))).toMatchObject(isUnsafe("a/b/.git"));
  });

  it("a name that is .git for HFS+ alone, shown as it can be read", async () => {
    const name = Buffer.from(".g\u200cit").toString("latin1");
    expect(await check(commit(sorted(readme(), ["40000", name, tree()])))).toMatchObject(isUnsafe(".g\u200cit"));
  });

  it("a name that a terminal would obey, shown as it can be read", async () => {
    const root = sorted(readme(), ["40000", "\x1b[2J\n", tree(["100644", "..", blob()])]);
    expect(await check(commit(root))).toMatchObject(isUnsafe("\\u001b[2J\\n/.."));
  });

  it("one name twice, or names out of order", async () => {
    expect(await check(commit(tree(["100644", "a", blob("1\n")], ["100644", "a", blob("2\n")])))).toMatchObject(
      isUnsafe("a"),
    );
    expect(await check(commit(tree(["100644", "b", blob()], ["100644", "a", blob()])))).toMatchObject(isUnsafe("a"));
  });

  it("a submodule without a commit", async () => {
    expect(await check(commit(sorted(readme(), ["160000", "sub", "0".repeat(40)])))).toMatchObject(isUnsafe("sub"));
  });

  it.each([
    ["url = -u./payload"],
    ["url = ext::sh -c touch% pwned"],
    ["url = ../../:evil"],
    ['url = "https://host/a%0ahost=other"'],
    ["path = -x"],
    ["path = ../outside"],
    ["update = !touch pwned"],
  ])("a .gitmodules with %s", async (setting) => {
    const modules = blob(`[submodule "sub"]\n\t${setting}\n`);
    expect(await check(commit(sorted(readme(), ["100644", ".gitmodules", modules])))).toMatchObject(
      isUnsafe(".gitmodules"),
    );
  });

  it("a .gitmodules with a name that leads elsewhere, or that is a link", async () => {
    const modules = blob('[submodule "../../hooks"]\n\tpath = sub\n\turl = https://example.test/x\n');
    expect(await check(commit(sorted(readme(), ["100644", ".gitmodules", modules])))).toMatchObject(
      isUnsafe(".gitmodules"),
    );
    expect(await check(commit(sorted(readme(), ["120000", ".gitmodules", blob("x")])))).toMatchObject(
      isUnsafe(".gitmodules"),
    );
    expect(await check(commit(sorted(readme(), ["100644", "GITMOD~1", modules])))).toMatchObject(isUnsafe("GITMOD~1"));
  });
});

describe("in every commit of a change", () => {
  it.each<MergeStrategy>(["REBASE", "SQUASH_REBASE", "MERGE", "PROMOTE"])(
    "with %s: the first, though the last takes it out",
    async (strategy) => {
      const first = commit(sorted(readme(), ["100644", "git~1", blob()]));
      const last = commit(sorted(readme(), ["100644", "fine", blob()]), first);
      const result = await check(last, strategy);
      expect(result).toMatchObject(isUnsafe("git~1"));
      expect(result.kind === "refused" && result.reason.message).toContain(first.slice(0, 12));
    },
  );

  it("a change further up in a stack, in one git process for the whole request", async () => {
    const lower = commit(sorted(readme(), ["100644", "a", blob("a\n")]));
    const upper = commit(sorted(readme(), ["100644", "a", blob("a\n")], ["100644", "..", blob()]), lower);
    sandbox.point("refs/heads/lower", lower);
    sandbox.point("refs/heads/upper", upper);
    const uris = [gitUri("refs/heads/lower", lower), gitUri("refs/heads/upper", upper)];
    const before = gitProcessesStarted();
    const result = await runway.check(unit(1, uris));
    expect(result).toMatchObject(isUnsafe(".."));
    expect(result.kind === "refused" && result.reason.message).toContain("refs/heads/upper");
    expect(gitProcessesStarted() - before).toBeLessThanOrEqual(6);
  });

  it("a merge commit that adds it to what both sides hold", async () => {
    const side = sandbox.commit("refs/heads/side", { files: { side: "s\n" } }, sandbox.base);
    const who = "A <a@x> 1700000000 +0000";
    const root = sorted(
      readme(),
      ["100644", "side", sandbox.git("rev-parse", `${side}:side`)],
      ["100644", ".GIT", blob()],
    );
    const text = `tree ${root}\nparent ${sandbox.base}\nparent ${side}\nauthor ${who}\ncommitter ${who}\n\nx\n`;
    expect(await check(sandbox.store("commit", Buffer.from(text)), "MERGE")).toMatchObject(isUnsafe(".GIT"));
  });
});

describe("a change is not refused", () => {
  it("for what the trunk has held all along", async () => {
    const old = sorted(
      readme(),
      ["100644", "git~1", blob()],
      ["40000", "d", tree(["100644", "z", blob()], ["100644", "a", blob()])],
    );
    const trunk = commit(old);
    sandbox.point("refs/heads/main", trunk);
    const d = tree(["100644", "z", blob("new\n")], ["100644", "a", blob()]);
    const next = commit(
      sorted(readme(), ["100644", "git~1", blob()], ["40000", "d", d], ["100644", "new", blob()]),
      trunk,
    );
    expect(await check(next)).toMatchObject({ kind: "ok" });
    expect(await check(commit(sorted(readme(), ["100644", "new", blob()]), trunk))).toMatchObject({ kind: "ok" });
  });

  it.each([
    ".gitignore",
    ".github",
    "git",
    "git~2",
    "..x",
    "x..",
    "a\\b",
    "dev-disk-by\\x2dlabel.swap",
    ".gitx",
    "\xff\xfe",
    "gitmodules",
  ])("for a file named %j", async (name) => {
    expect(await check(commit(sorted(readme(), ["100644", name, blob()])))).toMatchObject({ kind: "ok" });
  });

  it("for an ordinary .gitmodules with its submodule, nor for one that git can't parse", async () => {
    const modules = blob(
      '[submodule "lib/x"]\n\tpath = lib/x\n\turl = ../x.git\n[submodule "y"]\n\tpath = y\n\turl = https://example.test/y.git\n',
    );
    const entries: Entry[] = [readme(), ["100644", ".gitmodules", modules], ["160000", "y", "1".repeat(40)]];
    expect(await check(commit(sorted(...entries)))).toMatchObject({ kind: "ok" });
    expect(await check(commit(sorted(readme(), ["100644", ".gitmodules", blob("[[[\n")])))).toMatchObject({
      kind: "ok",
    });
  });

  it("for thousands of names, some of them alike, in the order in which git keeps them", async () => {
    const names = [...Array.from({ length: 3_000 }, (_, n) => `f${n}`), "f/x", "f-", "f.", "g/f/x", "g-"];
    const files = Object.fromEntries(names.map((name) => [name, "x\n"]));
    expect(await check(sandbox.commit("refs/heads/many", { files }, sandbox.base))).toMatchObject({ kind: "ok" });
  });
});

it.each([
  ["", true],
  [".git ", true],
  [".git:x", true],
  [".gitx", false],
  ["GIT~1.", true],
  ["git~10", false],
  ["a\\..", true],
  ["..\\x", true],
])("the name %j is refused: %s", (name, refused) => {
  expect(faultOfName(name) !== undefined).toBe(refused);
});

it.each([".gitmodules", ".GITMODULES", ".gitmodules ", "gitmod~1", "GI7EBA~1"])("%j configures submodules", (name) => {
  expect(isModulesFile(name)).toBe(true);
});

it("a relative url, another section and an unknown variable are no fault", () => {
  expect(faultOfModule("submodule.x.url", "./x")).toBeUndefined();
  expect(faultOfModule("submodule.x.url", "ssh://git@host/x")).toBeUndefined();
  expect(faultOfModule("core.url", "-x")).toBeUndefined();
  expect(faultOfModule("submodule.x.branch", "-x")).toBeUndefined();
});
