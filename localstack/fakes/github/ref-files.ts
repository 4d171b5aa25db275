import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const isSha = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/**
 * The refs of a bare repository that begin with a prefix such as `refs/heads/`, and what they point at, sorted by name. Read from the files in
 * which git keeps them, without a git process: loose refs first, since git packs a ref before it deletes the ref's own file.
 */
export function readRefFiles(repository: string, prefix: string): ReadonlyMap<string, string> {
  const loose = looseRefs(repository, prefix.slice(0, prefix.lastIndexOf("/")));
  const all = [...packedRefs(repository), ...loose].filter(([ref]) => ref.startsWith(prefix));
  return new Map([...new Map(all)].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The refs below a directory that have a file of their own. A file that is being written, or that names another ref, is left out. */
function looseRefs(repository: string, directory: string): [string, string][] {
  const entries = existing(() => readdirSync(join(repository, directory), { withFileTypes: true })) ?? [];
  return entries.flatMap((entry): [string, string][] => {
    const name = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return looseRefs(repository, name);
    const sha = existing(() => readFileSync(join(repository, name), "latin1").trim()) ?? "";
    return isSha(sha) && !name.endsWith(".lock") ? [[name, sha]] : [];
  });
}

/** `<sha> <ref>` in each line; other lines are remarks, and the commits that tags lead to. */
function packedRefs(repository: string): [string, string][] {
  const file = join(repository, "packed-refs");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return text.split("\n").flatMap((line): [string, string][] => {
    const [sha = "", ref = ""] = line.split(" ");
    return isSha(sha) ? [[ref, sha]] : [];
  });
}

/** Undefined when the file or the directory is not there: it may have gone since it was listed. */
function existing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    throw error;
  }
}
