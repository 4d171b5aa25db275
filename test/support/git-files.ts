import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync, inflateSync } from "node:zlib";
import type { GitSha } from "../../functions/contracts/ids.ts";

interface Stored {
  readonly type: string;
  readonly body: Buffer;
}

interface TreeEntry {
  readonly mode: string;
  readonly sha: GitSha;
}

/** A folder that is being edited. Folders below it that are not edited stay entries. Names are latin1: one character per byte. */
type Folder = Map<string, TreeEntry | Folder>;

const FOLDER = "40000";
const FILE = "100644";

/**
 * The objects and refs of a bare repository, read and written in this process as git reads and writes them (gitformat-loose(5),
 * gitrepository-layout(5)). A test that makes twenty commits so starts no git process for them.
 */
export class GitFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes an object of any bytes: also one that git itself would refuse to write. */
  store(type: string, body: Buffer): GitSha {
    const whole = Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body]);
    const sha = createHash("sha1").update(whole).digest("hex") as GitSha;
    const file = this.#looseFile(sha);
    if (readIfThere(file) === undefined) this.#replaceFile(file, deflateSync(whole, { level: 1 }));
    return sha;
  }

  /** Makes a commit of UTC dates: `files` on the files of the first parent. `by` is author and committer, `at` seconds since 1970. */
  commit(
    { by, at, message, files }: { by: string; at: number; message: string; files: Readonly<Record<string, string>> },
    parents: readonly GitSha[],
  ): GitSha {
    const [first] = parents;
    const tree = this.edited(first && this.treeOf(first), files);
    const lines = [
      `tree ${tree}`,
      ...parents.map((parent) => `parent ${parent}`),
      ...["author", "committer"].map((who) => `${who} ${by} ${at} +0000`),
    ];
    return this.store("commit", Buffer.from(`${lines.join("\n")}\n\n${message}`));
  }

  /** Throws when there is no such object. One git process for an object that git has packed. */
  read(sha: string): Stored {
    const loose = readIfThere(this.#looseFile(sha));
    if (loose === undefined) return this.#readPacked(sha);
    const whole = inflateSync(loose);
    const end = whole.indexOf(0);
    return { type: whole.toString("latin1", 0, end).split(" ")[0] ?? "", body: whole.subarray(end + 1) };
  }

  #readPacked(sha: string): Stored {
    const options = { cwd: this.#directory, input: `${sha}\n`, maxBuffer: 2 ** 28 };
    const answer = execFileSync("git", ["cat-file", "--batch"], options);
    const end = answer.indexOf("\n");
    const [, type = "", size] = answer.toString("latin1", 0, end).split(" ");
    if (size === undefined) throw new Error(`there is no object ${sha} in ${this.#directory}`);
    return { type, body: answer.subarray(end + 1, end + 1 + Number(size)) };
  }

  /** The object that a ref points at, also through symbolic refs. */
  ref(name: string): GitSha | undefined {
    const text = readIfThere(join(this.#directory, name))?.toString("latin1").trim();
    if (text?.startsWith("ref: ")) return this.ref(text.slice("ref: ".length));
    return (text ?? this.#packedRefs().get(name)) as GitSha | undefined;
  }

  /** `to`: an object, or `ref: ` and the name of another ref. */
  setRef(name: string, to: string): void {
    this.#replaceFile(join(this.#directory, name), `${to}\n`);
  }

  /** Of a ref that git has not packed. */
  deleteRef(name: string): void {
    rmSync(join(this.#directory, name));
  }

  /** The refs below a prefix, such as `refs/heads` or `refs/heads/`, by name, in the order of their names. */
  refs(prefix: string): ReadonlyMap<string, GitSha> {
    const below = prefix.endsWith("/") ? prefix : `${prefix}/`;
    const loose = filesBelow(join(this.#directory, below)).map((file) => `${below}${file}`);
    const names = new Set([
      prefix,
      ...loose,
      ...[...this.#packedRefs().keys()].filter((name) => name.startsWith(below)),
    ]);
    return new Map(
      [...names].sort().flatMap((name) => {
        const sha = name.endsWith("/") ? undefined : this.ref(name);
        return sha === undefined ? [] : [[name, sha] as const];
      }),
    );
  }

  /** The tree of a commit, or the tree itself. */
  treeOf(name: string): GitSha {
    const { type, body } = this.read(name);
    if (type === "tree") return name as GitSha;
    if (type !== "commit") throw new Error(`${name} is a ${type}, and has no tree`);
    return body.toString("latin1", "tree ".length, "tree ".length + 40) as GitSha;
  }

  /** The object at a path of a tree, such as `a/b.txt`. */
  entryAt(tree: GitSha, path: string): GitSha | undefined {
    const [name = "", ...rest] = Buffer.from(path).toString("latin1").split("/");
    const entry = this.#folder(tree).get(name);
    if (entry === undefined || entry instanceof Map) return undefined;
    return rest.length === 0 ? entry.sha : this.entryAt(entry.sha, path.slice(path.indexOf("/") + 1));
  }

  /** The objects of all files of a tree, in the order of their paths. */
  filesIn(tree: GitSha): readonly GitSha[] {
    return [...this.#folder(tree).values()].flatMap((entry) => {
      if (entry instanceof Map) return [];
      return entry.mode === FOLDER ? this.filesIn(entry.sha) : [entry.sha];
    });
  }

  /** The tree with files written into it, one after the other. A file that is null is removed. */
  edited(tree: GitSha | undefined, files: Readonly<Record<string, string | null>>): GitSha {
    const root = tree === undefined ? new Map() : this.#folder(tree);
    for (const [path, content] of Object.entries(files))
      this.#edit(root, Buffer.from(path).toString("latin1").split("/"), content);
    return this.#write(root);
  }

  #edit(folder: Folder, [name = "", ...rest]: readonly string[], content: string | null): void {
    if (rest.length === 0) {
      if (content === null) folder.delete(name);
      else folder.set(name, { mode: FILE, sha: this.store("blob", Buffer.from(content)) });
      return;
    }
    const found = folder.get(name);
    const isFolder = found instanceof Map || found?.mode === FOLDER;
    if (!isFolder && content === null) return;
    const below = found instanceof Map ? found : found?.mode === FOLDER ? this.#folder(found.sha) : new Map();
    folder.set(name, below);
    this.#edit(below, rest, content);
  }

  #write(folder: Folder): GitSha {
    const entries = [...folder].flatMap(([name, entry]): [string, TreeEntry][] => {
      if (!(entry instanceof Map)) return [[name, entry]];
      return hasFiles(entry) ? [[name, { mode: FOLDER, sha: this.#write(entry) }]] : [];
    });
    const sortName = ([name, { mode }]: [string, TreeEntry]) => (mode === FOLDER ? `${name}/` : name);
    entries.sort((a, b) => (sortName(a) < sortName(b) ? -1 : 1));
    const parts = entries.flatMap(([name, { mode, sha }]) => [
      Buffer.from(`${mode} ${name}\0`, "latin1"),
      Buffer.from(sha, "hex"),
    ]);
    return this.store("tree", Buffer.concat(parts));
  }

  #folder(tree: GitSha): Folder {
    const { body } = this.read(tree);
    const folder: Folder = new Map();
    for (let at = 0; at < body.length; ) {
      const end = body.indexOf(0, at);
      const [mode = "", ...name] = body.toString("latin1", at, end).split(" ");
      folder.set(name.join(" "), { mode, sha: body.toString("hex", end + 1, end + 21) as GitSha });
      at = end + 21;
    }
    return folder;
  }

  /** Writes a file whole, for git processes that read meanwhile. */
  #replaceFile(file: string, content: string | Buffer): void {
    const draft = join(this.#directory, `draft-${randomUUID()}`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(draft, content);
    renameSync(draft, file);
  }

  #looseFile(sha: string): string {
    return join(this.#directory, "objects", sha.slice(0, 2), sha.slice(2));
  }

  #packedRefs(): ReadonlyMap<string, string> {
    const text = readIfThere(join(this.#directory, "packed-refs"))?.toString("utf8") ?? "";
    return new Map(
      text
        .split("\n")
        .flatMap((line) => (/^[0-9a-f]{40} /.test(line) ? [[line.slice(41), line.slice(0, 40)] as const] : [])),
    );
  }
}

const hasFiles = (folder: Folder): boolean =>
  [...folder.values()].some((entry) => !(entry instanceof Map) || hasFiles(entry));

/** Undefined when there is no such file. */
function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function filesBelow(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(".lock"));
    return files.map((entry) => join(entry.parentPath, entry.name).slice(directory.length));
  } catch {
    return [];
  }
}
