import { expect, it } from "vitest";
import { afterTest } from "../../support/cleanup.ts";
import { Sandbox } from "./sandbox.ts";

function aSandbox(): Sandbox {
  const sandbox = new Sandbox();
  afterTest(() => sandbox.remove());
  return sandbox;
}

it("a sandbox makes the commits that git would make of the same files, and refs that git finds", () => {
  const sandbox = aSandbox();
  const [first, second] = sandbox.commits("refs/heads/side", [
    { files: { "a/b/c.txt": "1\n", "a.txt": "2\n", "a-b": "3\n", "gone/x": "4\n", "ü/ß": "5\n" }, message: "one" },
    { files: { "gone/x": null, "a/b/c.txt": "6\n", "a.txt/under": "7\n", "no/such": null } },
  ]);
  const merged = sandbox.commit("refs/heads/merged", { merges: "refs/heads/side", author: "É <é@x>" }, sandbox.base);
  expect(sandbox.git("fsck", "--strict", "--full")).toBe("");
  const listed = sandbox
    .git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "refs/heads/side")
    .split("\n");
  expect(listed).toEqual(["a-b", "a.txt/under", "a/b/c.txt", "ü/ß"]);
  expect(sandbox.git("show", "side:a/b/c.txt")).toBe("6");
  expect(sandbox.git("rev-parse", "side^", "merged^1", "merged^2").split("\n")).toEqual([first, sandbox.base, second]);
  expect(sandbox.git("log", "-1", "--format=%an %s", "merged")).toMatch(/^É change \d+$/);
  const refs = sandbox.git("for-each-ref", "--format=%(refname) %(objectname)").split("\n");
  expect(sandbox.refs()).toEqual(refs);
  expect(sandbox.refs("refs/heads/side")).toEqual([`refs/heads/side ${second}`]);
  expect([sandbox.at("refs/heads/merged"), sandbox.at("refs/heads/mer")]).toEqual([merged, undefined]);
});

it("a sandbox reads objects and refs that git has packed, and refs that lead to others", () => {
  const sandbox = aSandbox();
  const tip = sandbox.commit("refs/heads/side", { files: { "a/b": "1\n" } }, sandbox.base);
  sandbox.git("symbolic-ref", "refs/heads/alias", "refs/heads/side");
  sandbox.git("gc", "--quiet");
  expect([sandbox.at("refs/heads/side"), sandbox.at("refs/heads/alias")]).toEqual([tip, tip]);
  expect(sandbox.show("a/b", "side")).toBe("1");
  const next = sandbox.commit("refs/heads/side", { files: { "a/c": "2\n" } });
  expect(sandbox.git("ls-tree", "-r", "--name-only", next).split("\n")).toEqual(["README.md", "a/b", "a/c"]);
  expect(sandbox.git("rev-parse", "alias")).toBe(next);
});

it("a sandbox tells the log that git tells", () => {
  const sandbox = aSandbox();
  const messages = ["one", "two\nlines\n\nBody", "\n\nthree  \n \nBody", "four\r\n\r\nBody", " five", "", "é: six\n"];
  sandbox.commits(
    "refs/heads/main",
    messages.map((message, n) => ({ files: { f: `${n}\n` }, message })),
  );
  const byGit = (format: string) =>
    sandbox.git("log", "--reverse", `--format=${format}`, `${sandbox.base}..main`).split("\n").filter(Boolean);
  for (const format of ["%s", "%H"]) expect(sandbox.log(format)).toEqual(byGit(format));
  expect(sandbox.log()).toHaveLength(6);
  const side = sandbox.commit("refs/heads/side", { message: "side" }, sandbox.base);
  sandbox.commit("refs/heads/main", { merges: side, message: "merge" });
  for (const format of ["%s", "%H"]) expect(sandbox.log(format).toSorted()).toEqual(byGit(format).toSorted());
});

it("a sandbox makes and deletes refs as git does", () => {
  const sandbox = aSandbox();
  sandbox.link("refs/heads/alias", "refs/heads/main");
  expect(sandbox.git("symbolic-ref", "refs/heads/alias")).toBe("refs/heads/main");
  sandbox.point("refs/heads/team", "main");
  sandbox.delete("refs/heads/team");
  sandbox.point("refs/heads/team/new", "main");
  expect(sandbox.git("for-each-ref", "--format=%(refname)", "refs/heads/team")).toBe("refs/heads/team/new");
});

it("no push to a sandbox has git collect garbage", () => {
  expect(aSandbox().git("config", "receive.autogc")).toBe("false");
});
