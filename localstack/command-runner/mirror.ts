import { constants } from "node:fs";
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { complaint } from "../../functions/adapters/git/process.ts";
import { type OpenOptions, openRepository, type Repository } from "../../functions/adapters/git/repository.ts";
import { CodedError } from "../../functions/contracts/errors.ts";

const FETCH_MS = 240_000;

/** With more packs than that, small ones are put together: each fetch leaves one. */
const MOST_PACKS = 16;

/** What a clone of a build is to hold. */
export interface Snapshot {
  /** Names and what they point at: `refs/remotes/origin/<target branch>`, and the tags. */
  readonly refs: readonly (readonly [name: string, sha: string])[];
}

/**
 * The objects of a remote that builds need, on this machine: so that a build fetches what is new, and not the whole history. It is not
 * the repository that runway works in, and no build is told where it is.
 */
export interface Mirror {
  /** A URL or an absolute path. */
  readonly remote: string;
  /**
   * Fetches a ref, the target branch and the tags, and copies all packs into `packs`. Two git processes. Throws repository.unavailable
   * and repository.failed.
   */
  snapshot(ref: string, packs: string): Promise<Snapshot>;
}

export async function openMirror(options: OpenOptions): Promise<Mirror> {
  const mirror = await openRepository({ ...options, workDirectory: join(options.workDirectory, "mirror") });
  return {
    remote: mirror.remote,
    snapshot: (ref, packs) =>
      mirror.exclusively(async () => {
        await fetchFor(mirror, options.repository.branch, ref);
        await putPacksTogether(mirror);
        await copyPacks(join(mirror.directory, "objects", "pack"), packs);
        return { refs: await refsOf(mirror) };
      }),
  };
}

async function fetchFor(mirror: Repository, branch: string, ref: string): Promise<void> {
  const refspecs = [`+refs/heads/${branch}:refs/remotes/origin/${branch}`, "+refs/tags/*:refs/tags/*", ref];
  // Packs alone, since loose objects are copied one by one.
  const settings = ["-c", "fetch.unpackLimit=1", "-c", "gc.auto=0"];
  const flags = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--prune"];
  const fetched = await mirror.git([...settings, "fetch", ...flags, mirror.remote, ...refspecs], {
    timeoutMs: FETCH_MS,
  });
  if (fetched.exitCode !== 0)
    throw new CodedError(
      "repository.unavailable",
      `${mirror.remote} could not be fetched for a build: ${complaint(fetched.stderr)}`,
    );
}

async function copyPacks(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const names = (await readdir(from)).filter((name) => /^pack-[0-9a-f]+\.(pack|idx|rev)$/.test(name));
  // Copies and no links: a build that overwrites a file of its clone must not reach another's. Where the file system can, the two share
  // their blocks until then.
  for (const name of names) await copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
}

async function refsOf(mirror: Repository): Promise<Snapshot["refs"]> {
  const lines = await mirror.run([
    "for-each-ref",
    "--format=%(objectname) %(refname)",
    "refs/remotes/origin",
    "refs/tags",
  ]);
  return lines.split("\n").flatMap((line) => (line === "" ? [] : [[line.slice(41), line.slice(0, 40)] as const]));
}

/** Puts small packs together when there are many; a large one is left alone. At most one git process. */
async function putPacksTogether(mirror: Repository): Promise<void> {
  const packs = (await readdir(join(mirror.directory, "objects", "pack"))).filter((name) => name.endsWith(".pack"));
  if (packs.length > MOST_PACKS)
    await mirror.run(["repack", "-d", "--geometric=2", "--quiet", "--no-write-bitmap-index"]);
}
