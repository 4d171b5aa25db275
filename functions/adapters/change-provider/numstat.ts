/** One file of a diff. A binary file counts no lines. */
export interface FileDiff {
  readonly path: string;
  /** Its path before the change, when that was another. */
  readonly renamedFrom?: string;
  readonly additions: number;
  readonly deletions: number;
}

/** Reads `git diff --numstat -z`: `added TAB deleted TAB path NUL`, and for a rename `added TAB deleted TAB NUL old NUL new NUL`. */
export function readNumstat(output: string): readonly FileDiff[] {
  const fields = output.split("\0");
  const diffs: FileDiff[] = [];
  for (let at = 0; at < fields.length; ) {
    const [, added = "", deleted = "", path = ""] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(fields[at] ?? "") ?? [];
    if (added === "") {
      at += 1;
      continue;
    }
    const lines = { additions: added === "-" ? 0 : Number(added), deletions: deleted === "-" ? 0 : Number(deleted) };
    if (path !== "") diffs.push({ path, ...lines });
    else diffs.push({ path: fields[at + 2] ?? "", renamedFrom: fields[at + 1] ?? "", ...lines });
    at += path === "" ? 3 : 1;
  }
  return diffs;
}
