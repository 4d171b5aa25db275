import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import { complaint, settingsEnvironment } from "./process.ts";
import type { Repository } from "./repository.ts";

// A bare repository has no .gitattributes of its own, and git 2.38 takes them from a worktree alone (`--attr-source` came with 2.41). So a
// merge whose files have attributes runs in a directory that holds nothing but the .gitattributes files of one side.

/**
 * The .gitattributes files of one tree by path, "dir/.gitattributes" for those of a folder. Paths and contents are latin1: one character per
 * byte.
 */
export type Attributes = ReadonlyMap<string, string>;

/**
 * For each of `trees`, the .gitattributes files that apply to `paths`: those in the root and in every folder above a path. Paths are latin1.
 * One git process.
 */
export async function attributesOf(
  repository: Repository,
  trees: readonly GitSha[],
  paths: readonly string[],
): Promise<readonly Attributes[]> {
  const files = [...new Set(paths.flatMap(filesAbove))];
  const names = trees.flatMap((tree) => files.map((file) => `${tree}:${file}`));
  const input = Buffer.from(names.map((name) => `${name}\0`).join(""), "latin1");
  const { exitCode, stdout, stderr } = await repository.git(["cat-file", "--batch", "-z"], { input });
  if (exitCode !== 0) throw new CodedError("repository.failed", `git cat-file failed: ${complaint(stderr)}`);
  const contents = batched(stdout.toString("latin1"), names);
  return trees.map(
    (_, t) =>
      new Map(
        files.flatMap((file, f) => {
          const content = contents[t * files.length + f];
          return content === undefined ? [] : [[file, content] as const];
        }),
      ),
  );
}

const NAME = ".gitattributes";
/** True when git may read attributes in a folder of this name. False for names that no checkout can have, such as `..`. */
const isFolder = (name: string): boolean => !/^(\.{0,2}|\.git)$/i.test(name) && name.length <= 255;

/** "a/b/c" → ".gitattributes", "a/.gitattributes", "a/b/.gitattributes" */
function filesAbove(path: string): string[] {
  const folders = path.split("/").slice(0, -1);
  const usable = folders.findIndex((name) => !isFolder(name));
  const within = usable < 0 ? folders : folders.slice(0, usable);
  return [NAME, ...within.map((_, depth) => [...within.slice(0, depth + 1), NAME].join("/"))];
}

/** What `cat-file --batch` printed for each name: a blob's content, or undefined for anything else. */
function batched(text: string, names: readonly string[]): (string | undefined)[] {
  let at = 0;
  return names.map((name) => {
    const absent = [" missing\n", " ambiguous\n"].map((end) => name + end).find((line) => text.startsWith(line, at));
    if (absent !== undefined) {
      at += absent.length;
      return undefined;
    }
    const lineEnd = text.indexOf("\n", at);
    const [, type, size] = text.slice(at, lineEnd).split(" ");
    const content = text.slice(lineEnd + 1, lineEnd + 1 + Number(size));
    at = lineEnd + 2 + Number(size);
    return type === "blob" ? content : undefined;
  });
}

/** True when both hold the same files with the same content. */
export const sameAttributes = (a: Attributes, b: Attributes): boolean =>
  a.size === b.size && [...a].every(([file, content]) => b.get(file) === content);

/** What makes a git process apply given attributes: `flags` go before the git command, `env` into the environment. */
export interface Guided {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs `work`, whose git processes apply these attributes: a temporary directory that holds the files is their worktree. A merge driver that
 * the repository defines itself (`merge=npm-lock`) needs a program that this machine does not have, so git is told that the driver always
 * finds a conflict.
 */
export async function guidedBy<T>(
  repository: Repository,
  attributes: Attributes,
  work: (guided: Guided) => Promise<T>,
): Promise<T> {
  const worktree = await mkdtemp(join(repository.directory, "attributes-"));
  const at = (path: string) => Buffer.concat([Buffer.from(`${worktree}/`), Buffer.from(path, "latin1")]);
  try {
    for (const [file, content] of attributes) {
      await mkdir(at(file.slice(0, -NAME.length)), { recursive: true });
      await writeFile(at(file), Buffer.from(content, "latin1"));
    }
    const names = [...new Set([...attributes.values()].flatMap(driversIn))].slice(0, MAX_DRIVERS);
    const drivers = Object.fromEntries(names.map((name) => [`merge.${name}.driver`, "false"]));
    const env = { GIT_WORK_TREE: worktree, ...settingsEnvironment(drivers) };
    return await work({ flags: ["-C", worktree], env });
  } finally {
    await rm(worktree, { recursive: true, force: true });
  }
}

const BUILT_IN = new Set(["text", "binary", "union"]);
/** How many drivers git is told about: they are passed in the environment of a process, whose size is limited. */
const MAX_DRIVERS = 1_000;
const LONGEST_NAME = 255;

/** The names of merge drivers that git does not bring. */
const driversIn = (content: string): string[] =>
  [...content.matchAll(/(?<=\s)merge=(\S+)/g)].flatMap(([, name = ""]) =>
    BUILT_IN.has(name) || name.length > LONGEST_NAME ? [] : [Buffer.from(name, "latin1").toString("utf8")],
  );
