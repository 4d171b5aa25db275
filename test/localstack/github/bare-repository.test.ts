import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { BareRepository } from "../../../localstack/fakes/github/bare-repository.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { writeBranch } from "../../../localstack/sandbox/write-branch.ts";

let repository: BareRepository;

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), "submitqueue-test-"));
  repository = new BareRepository(join(directory, "shop.git"));
  onTestFinished(async () => {
    await repository.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  });
  await repository.open();
});

const by = "Åsa Öberg <asa@example.invalid>";
const branch = (name: string, message = "one\n", from?: string) =>
  writeBranch(repository.path, {
    ref: `refs/heads/${name}`,
    ...(from === undefined ? {} : { from }),
    by,
    at: 1_800_000_000,
    commits: [{ message, files: { [name]: message } }],
  });
const run = (...args: string[]) => git(repository.path, args);

/** What git says of its refs. */
async function asGitSays(): Promise<Map<string, string>> {
  const text = await run("for-each-ref", "--format=%(refname) %(objectname)");
  return new Map(text.split("\n").map((line) => line.split(" ") as [string, string]));
}

it("refs are what git says, whether they are loose, packed, both or deleted", async () => {
  const main = await branch("main");
  for (const name of ["a/b/c", "a-b", "gone", "moved"]) await branch(name, `${name}\n`, "main");
  expect(await repository.refs()).toEqual(await asGitSays());
  await run("pack-refs", "--all");
  expect(await repository.refs()).toEqual(await asGitSays());
  await run("update-ref", "refs/heads/moved", main);
  await run("update-ref", "-d", "refs/heads/gone");
  await run("tag", "-a", "-m", "tagged", "v1", "main");
  // As git leaves it while it writes a ref.
  await writeFile(join(repository.path, "refs", "heads", "main.lock"), `${main}\n`);
  const refs = await repository.refs();
  expect(refs).toEqual(await asGitSays());
  expect([...refs.keys()]).toEqual([
    "refs/heads/a-b",
    "refs/heads/a/b/c",
    "refs/heads/main",
    "refs/heads/moved",
    "refs/tags/v1",
  ]);
  expect(refs.get("refs/heads/moved")).toBe(main);
  expect([...(await repository.refs("refs/heads/a/")).keys()]).toEqual(["refs/heads/a/b/c"]);
});

it("a commit is found by its branch, tag, ref and SHA, also when it was written after the first reading, and no name is found that is none", async () => {
  const main = await branch("main");
  await run("tag", "-a", "-m", "tagged", "v1", "main");
  for (const name of ["main", "v1", "heads/main", "refs/heads/main", "HEAD", main, main.slice(0, 12)])
    expect(await repository.commitOf(name), name).toBe(main);
  for (const name of ["other", "a b", "main\nmain", "f".repeat(40), ""])
    expect(await repository.commitOf(name), name).toBeUndefined();
  const other = await branch("other", "two\n", "main");
  expect(await repository.commitOf("other")).toBe(other);
  expect((await repository.commit(other)).parents).toEqual([main]);
});

it("a commit is read as git reads it: names, dates in their zones, and a message of several paragraphs", async () => {
  const main = await branch("main", "Add tea\n\nWith a piece of čaj.\n");
  expect(await repository.commit(main)).toEqual({
    sha: main,
    tree: await run("rev-parse", "main^{tree}"),
    parents: [],
    author: { name: "Åsa Öberg", email: "asa@example.invalid", date: "2027-01-15T08:00:00+00:00" },
    committer: { name: "Åsa Öberg", email: "asa@example.invalid", date: "2027-01-15T08:00:00+00:00" },
    message: "Add tea\n\nWith a piece of čaj.",
  });
  const raw = await run("cat-file", "commit", "main");
  const zones = raw.replace(/^(author .*) \+0000$/m, "$1 +0545").replace(/^(committer .*) \+0000$/m, "$1 -0130");
  const zoned = (
    await git(repository.path, ["hash-object", "-t", "commit", "-w", "--stdin"], { input: `${zones}\n` })
  ).trim();
  const [author, committer] = (await run("log", "-1", "--format=%aI%n%cI", zoned)).split("\n");
  const read = await repository.commit(zoned);
  expect([read.author.date, read.committer.date]).toEqual([author, committer]);
  expect(author).toBe("2027-01-15T13:45:00+05:45");
});
