import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import type { GitSha } from "../../contracts/ids.ts";
import { readable } from "./encodings.ts";
import type { GitObject } from "./object-reader.ts";
import type { Repository } from "./repository.ts";

/** A commit as stored. Text is latin1, one character per byte, so that what git calls an encoding survives. */
export interface Commit {
  readonly sha: GitSha;
  readonly tree: GitSha;
  readonly parents: readonly GitSha[];
  /** `<name> <<email>> <seconds> <zone>`, or any other text that stands there. Empty when the commit has no such line, or several. */
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

/** A signature is of the commit without the signature. */
export const makeCommit = (commit: Omit<Commit, "sha">, signature?: string): Made =>
  make(
    "commit",
    [
      `tree ${commit.tree}`,
      ...commit.parents.map((parent) => `parent ${parent}`),
      `author ${commit.author}`,
      `committer ${commit.committer}`,
      ...(commit.encoding === undefined ? [] : [`encoding ${commit.encoding}`]),
      ...(signature === undefined ? [] : [`gpgsig ${signature.replaceAll("\n", "\n ")}`]),
      "",
      commit.message,
    ].join("\n"),
  );

/** How a loose object lies on the disk (gitformat-loose(5)): its header and body, compressed, in a file named by its hash. */
const looseBytes = async ({ type, body }: Made): Promise<Buffer> =>
  deflated(Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body]));

const deflated = promisify(deflate);

/**
 * Writes objects as loose ones, as they are: also an author's line that git would not write itself. No git process. A file gets its name
 * when it is complete, so a crash leaves no half of an object; an object that is there is not written again.
 */
export async function writeObjects(repository: Repository, objects: readonly Made[]): Promise<void> {
  await Promise.all(objects.map((object) => writeLoose(join(repository.directory, "objects"), object)));
}

async function writeLoose(directory: string, object: Made): Promise<void> {
  const [room, name] = [join(directory, object.sha.slice(0, 2)), object.sha.slice(2)];
  if (existsSync(join(room, name))) return;
  await mkdir(room, { recursive: true });
  // git removes what is left over of such a name when it collects garbage.
  const unfinished = join(room, `tmp_obj_${randomUUID()}`);
  await writeFile(unfinished, await looseBytes(object), { mode: 0o444 });
  await rename(unfinished, join(room, name));
}
