import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import type { GitSha } from "../../contracts/ids.ts";
import { readable } from "./encodings.ts";
import type { GitObject } from "./object-reader.ts";
import type { Repository } from "./repository.ts";

/** A commit as stored. Its text is held as latin1, one character per byte, so that every encoding is kept byte for byte. */
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

/** The parts of a commit object. `author` is empty when the commit names several authors, which git does not write. */
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

/**
 * True when another commit can take over the author's line. False when the commit has no author, several, or one with a NUL byte, at which
 * git would stop reading.
 */
export const keepsAuthor = ({ author }: Pick<Commit, "author">): boolean => author !== "" && !author.includes("\0");

/** An object that this process has made. It need not be written to the repository yet. */
export interface Made {
  readonly sha: GitSha;
  readonly type: "blob" | "tree" | "commit" | "tag";
  readonly body: Buffer;
}

/** An object with its name. Every character of `text` is one byte. Nothing is written. */
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
 * Writes objects to the repository as loose objects, byte for byte: also an author's line that git itself would refuse to write. No git
 * process. Each file is renamed to its final name once it is complete, so a crash leaves no half-written object. An object that exists is not
 * written again, but dated now, as git does: the garbage collection deletes objects that are older than two weeks and in no ref.
 */
export async function writeObjects(repository: Repository, objects: readonly Made[]): Promise<void> {
  await Promise.all(objects.map((object) => writeLoose(join(repository.directory, "objects"), object)));
}

async function writeLoose(directory: string, object: Made): Promise<void> {
  const [room, name] = [join(directory, object.sha.slice(0, 2)), object.sha.slice(2)];
  if (await renewed(join(room, name))) return;
  await mkdir(room, { recursive: true });
  // git removes leftover files with such a name when it collects garbage.
  const unfinished = join(room, `tmp_obj_${randomUUID()}`);
  await writeFile(unfinished, await looseBytes(object), { mode: 0o444 });
  await rename(unfinished, join(room, name));
}

/** Dates a file now. False when there is no such file. */
async function renewed(file: string): Promise<boolean> {
  const now = new Date();
  return utimes(file, now, now).then(
    () => true,
    () => false,
  );
}
