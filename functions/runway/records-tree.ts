import { type Made, make } from "../adapters/git/commits.ts";
import { asBytes } from "../adapters/git/encodings.ts";
import type { GitObject } from "../adapters/git/object-reader.ts";
import { recordsRef, seenRef } from "../adapters/git/refs.ts";
import type { GitSha } from "../contracts/ids.ts";
import type { EpochMs } from "../contracts/time.ts";

// The records of a target are the files of one commit, at recordsRef:
//
//   <day>/<first two digits of the key>/<rest of the key>      such as 20718/3f/09ac…
//
// `day` counts from 1970-01-01. A landing writes one blob per record, and rewrites three small trees for each day and pair of digits, so its
// cost does not grow with the number of records. A new tree leaves out the days that are older than 30 days. Each commit has the one before it as
// its parent, because git then sends only what is new. Once in 30 days a commit has no parent, so that git can delete the older records.

/** SQS keeps a message for two weeks at most, so a repeat is never later. */
export const KEPT_DAYS = 30;
const DAY_MS = 86_400_000;

const dayOf = (now: EpochMs): number => Math.floor(now / DAY_MS);

/** The path of a record within its day: `3f/09ac…`. */
export type Addressed = string & { readonly __brand: "Addressed" };
/** The path of the record with this key, which is a hash. */
export const entryName = (key: string): Addressed => `${key.slice(0, 2)}/${key.slice(2, 40)}` as Addressed;

/** A record that is to be written, and its path. */
export interface Entry {
  readonly at: Addressed;
  readonly blob: Made;
}

/** The branch and the installation whose records are read and written, and the time. */
export interface Keeper {
  readonly branch: string;
  readonly installation: string;
  readonly now: EpochMs;
}

type Seen = ReadonlyMap<string, GitObject>;

const nameOf = ({ branch }: Keeper, path: string): string => `${seenRef(recordsRef(branch))}:${path}`;
const shardOf = (at: Addressed): string => at.slice(0, 2);

/** The days that are kept, newest first. Tomorrow is one of them, because the clock of another machine may be ahead. */
const daysBefore = (now: EpochMs): readonly number[] =>
  Array.from({ length: KEPT_DAYS + 2 }, (_, n) => dayOf(now) + 1 - n);

/**
 * The names of the objects to read to find the records at these addresses, once the records ref has been fetched: for each address, one per
 * kept day.
 */
export const namesToFind = (keeper: Keeper, addresses: readonly Addressed[]): readonly string[] =>
  addresses.flatMap((at) => daysBefore(keeper.now).map((day) => nameOf(keeper, `${day}/${at}`)));

/** The names of the trees to read before records can be added at these addresses (`withEntries`). */
export function namesToAdd(keeper: Keeper, addresses: readonly Addressed[]): readonly string[] {
  const day = dayOf(keeper.now);
  const shards = [...new Set(addresses.map(shardOf))].map((shard) => `${day}/${shard}`);
  return ["", `${day}`, ...shards].map((path) => nameOf(keeper, path));
}

/** The newest record at an address, among the objects of `namesToFind`. Undefined when there is none. */
export function newestOf(keeper: Keeper, at: Addressed, seen: Seen): GitObject | undefined {
  for (const day of daysBefore(keeper.now)) {
    const found = seen.get(nameOf(keeper, `${day}/${at}`));
    if (found) return found;
  }
  return undefined;
}

/**
 * The objects of a new records commit: the records of `seen`, without days older than 30 days, and `entries` added under today. The commit is
 * the last object, and all must be written. `seen` must hold the trees of `namesToAdd`.
 */
export function withEntries(
  keeper: Keeper,
  seen: Seen,
  entries: readonly Entry[],
  by: string,
): readonly [...(readonly Made[]), Made] {
  const today = dayOf(keeper.now);
  const treeAt = (path: string) => readTree(seen.get(nameOf(keeper, path)));
  const shards = [...Map.groupBy(entries, ({ at }) => shardOf(at))].map(([shard, group]) => {
    const blobs = group.map(({ at, blob }) => ({ mode: "100644", name: at.slice(3), sha: blob.sha }));
    return { shard, tree: makeTree([...treeAt(`${today}/${shard}`), ...blobs]) };
  });
  const day = makeTree([
    ...treeAt(`${today}`),
    ...shards.map(({ shard, tree }) => ({ mode: "40000", name: shard, sha: tree.sha })),
  ]);
  const kept = treeAt("").filter(({ name }) => isKept(name, today));
  const root = makeTree([...kept, { mode: "40000", name: `${today}`, sha: day.sha }]);
  const parent = isSamePeriod(kept, today) ? seen.get(recordsRef(keeper.branch)) : undefined;
  const above = parent?.type === "commit" ? `parent ${parent.sha}\n` : "";
  const message = `Records of what was landed on ${keeper.branch}\n`;
  const commit = make("commit", asBytes(`tree ${root.sha}\n${above}author ${by}\ncommitter ${by}\n\n${message}`));
  return [...entries.map(({ blob }) => blob), ...shards.map(({ tree }) => tree), day, root, commit];
}

/** True for the last 30 days, and for tomorrow: the clock of another machine may be ahead. */
const isKept = (name: string, today: number): boolean =>
  /^\d+$/.test(name) && Number(name) >= today - KEPT_DAYS && Number(name) <= today + 1;

/** True when today and the newest of the days are in the same period. Periods of 30 days are counted from 1970. */
const isSamePeriod = (days: readonly TreeEntry[], today: number): boolean => {
  const periodOf = (day: number) => Math.floor(day / KEPT_DAYS);
  return days.some(({ name }) => periodOf(Number(name)) === periodOf(today));
};

interface TreeEntry {
  readonly mode: string;
  readonly name: string;
  readonly sha: GitSha;
}

/** The entries of a tree as stored: `<mode> <name>\0<20 bytes>` each. None when there is no such tree. */
function readTree(object: GitObject | undefined): readonly TreeEntry[] {
  if (object?.type !== "tree") return [];
  const { body } = object;
  const entries: TreeEntry[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf(0, at);
    const [mode = "", name = ""] = body.toString("latin1", at, end).split(" ");
    entries.push({ mode, name, sha: body.toString("hex", end + 1, end + 21) as GitSha });
    at = end + 21;
  }
  return entries;
}

/**
 * The tree of these entries. Of entries with the same name, the last counts. All names have the same length, so sorting them by text gives
 * git's order.
 */
function makeTree(entries: readonly TreeEntry[]): Made {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const sorted = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const raw = sorted.map(({ mode, name, sha }) => `${mode} ${name}\0${Buffer.from(sha, "hex").toString("latin1")}`);
  return make("tree", raw.join(""));
}
