import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { Committer } from "../../contracts/queues.ts";
import type { GitObject } from "./objects.ts";
import type { Repository } from "./repository.ts";

/** A commit as stored. Text is latin1, one character per byte, so that what git calls an encoding survives. */
export interface Commit {
  readonly sha: GitSha;
  readonly tree: GitSha;
  readonly parents: readonly GitSha[];
  /** `<name> <<email>> <seconds> <zone>` */
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
  const [tree = "", author = "", committer = "", encoding] = ["tree", "author", "committer", "encoding"].map(
    (name) => all(name)[0],
  );
  const message = end < 0 ? "" : text.slice(end + 2);
  return { sha, tree: tree as GitSha, parents: all("parent") as GitSha[], author, committer, encoding, message };
}

/** The first line of a commit's message, for people. */
export const subjectOf = ({ message, encoding }: Pick<Commit, "message" | "encoding">): string => {
  const bytes = Buffer.from(message.split("\n", 1)[0] ?? "", "latin1");
  return bytes.toString(encoding === undefined ? "utf8" : "latin1").trim();
};

/** UTF-8 text as the bytes of a commit. */
export const asBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const IDENTITY = /^(.*?) ?<([^<>\n]*)> (\d{1,15}) ([+-]\d{4})$/;
const momentOf = (identity: string): string => {
  const [, , , seconds, zone] = IDENTITY.exec(identity) ?? [];
  return seconds === undefined ? "0 +0000" : `${seconds} ${zone}`;
};
const nameless = (text: string): string => asBytes(text.replace(/[<>\n\0]/g, "").trim());

/** The queue as an identity, at the moment that `source` bears: the same input gives the same commit, whenever it is made. */
export const committedBy = ({ name, email }: Committer, source: Commit): string =>
  `${nameless(name)} <${nameless(email)}> ${momentOf(source.committer)}`;

/** The author of `source`; the queue when that author has no name or no address. */
export function authoredBy(committer: Committer, source: Commit): string {
  const [, name = "", email = ""] = IDENTITY.exec(source.author) ?? [];
  if (name.trim() !== "" && email.trim() !== "") return source.author;
  return `${nameless(committer.name)} <${nameless(committer.email)}> ${momentOf(source.author)}`;
}

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
    const flags = ["hash-object", "-w", "-t", type];
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
