import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import { readable } from "./encodings.ts";
import type { GitObject } from "./objects.ts";
import type { Repository } from "./repository.ts";

/** A commit as stored. Text is latin1, one character per byte, so that what git calls an encoding survives. */
export interface Commit {
  readonly sha: GitSha;
  readonly tree: GitSha;
  readonly parents: readonly GitSha[];
  /** `<name> <<email>> <seconds> <zone>`, or whatever stands there; empty when there is none, or several. */
  readonly author: string;
  readonly committer: string;
  readonly encoding?: string | undefined;
  readonly message: string;
}

export function parseCommit({ sha, body }: GitObject): Commit {
  const text = body.toString("latin1");
  const end = text.indexOf("\n\n");
  const headers = (end < 0 ? text : text.slice(0, end)).split("\n");
  const all = (name: string) =>
    headers.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const [tree = "", committer = "", encoding] = ["tree", "committer", "encoding"].map((name) => all(name)[0]);
  const [author = "", ...otherAuthors] = all("author");
  const message = end < 0 ? "" : text.slice(end + 2);
  return {
    sha,
    tree: tree as GitSha,
    parents: all("parent") as GitSha[],
    author: otherAuthors.length === 0 ? author : "",
    committer,
    encoding,
    message,
  };
}

/** The first line of a commit's message, for people. */
export const subjectOf = ({ message, encoding }: Pick<Commit, "message" | "encoding">): string =>
  readable(message.trimStart().split("\n", 1)[0] ?? "", encoding).trim();

/** True when the author's line can go on into another commit: git reads a header up to a NUL byte, and expects one author. */
export const keepsAuthor = ({ author }: Pick<Commit, "author">): boolean => author !== "" && !author.includes("\0");

/** An object that was made here and need not be in the repository yet. */
export interface Made {
  readonly sha: GitSha;
  readonly type: "blob" | "tree" | "commit" | "tag";
  readonly body: Buffer;
}

export function make(type: Made["type"], text: string): Made {
  const body = Buffer.from(text, "latin1");
  const sha = createHash("sha1").update(`${type} ${body.length}\0`).update(body).digest("hex");
  return { sha: sha as GitSha, type, body };
}

export const makeCommit = (commit: Omit<Commit, "sha">): Made =>
  make(
    "commit",
    [
      `tree ${commit.tree}`,
      ...commit.parents.map((parent) => `parent ${parent}`),
      `author ${commit.author}`,
      `committer ${commit.committer}`,
      ...(commit.encoding === undefined ? [] : [`encoding ${commit.encoding}`]),
      "",
      commit.message,
    ].join("\n"),
  );

/** Writes objects. One git process for each kind among them, however many they are. */
export async function writeObjects(repository: Repository, objects: readonly Made[]): Promise<void> {
  for (const [type, group] of Map.groupBy(objects, (object) => object.type)) {
    // Literally: an author's line goes on as it is, also one that git would not write itself.
    const flags = ["hash-object", "-w", "--literally", "-t", type];
    const [only] = group;
    const written =
      group.length === 1 && only
        ? await repository.run([...flags, "--stdin"], { input: only.body })
        : await inFiles(repository, group, (paths) => repository.run([...flags, "--stdin-paths"], { input: paths }));
    if (written.trim() !== group.map(({ sha }) => sha).join("\n"))
      throw new CodedError("repository.failed", `git stored a ${type} under another name than the one computed for it`);
  }
}

/** `hash-object` takes one object from its input, or any number from files. */
async function inFiles<T>(
  repository: Repository,
  objects: readonly Made[],
  work: (paths: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(repository.directory, "new-objects-"));
  try {
    const paths = objects.map(({ sha }) => join(directory, sha));
    await Promise.all(objects.map(({ body }, index) => writeFile(paths[index] ?? directory, body)));
    return await work(`${paths.join("\n")}\n`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
