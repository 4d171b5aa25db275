import type { EpochMs } from "../../contracts/time.ts";
import { exclusively } from "./lock.ts";
import { complaint } from "./process.ts";
import { REF_ROOTS } from "./refs.ts";
import type { Repository } from "./repository.ts";

const DAY_MS = 86_400_000;
/** SQS keeps a message for two weeks at most: a repeat is never later. */
const KEEP_MS = { answers: 30 * DAY_MS, landed: 30 * DAY_MS, composed: 7 * DAY_MS } as const;
const SWEEP_EVERY_MS = 3_600_000;
const DELETED_AT_ONCE = 500;

const lastSwept = new Map<string, EpochMs>();

/**
 * Deletes the refs of ours that are of no use: those named, and once an hour all that have outlived their use. Best effort, after the
 * answer has been sent: returns what went wrong instead of throwing, and what was left over is swept later. One git process for the named
 * ones; a sweep takes three.
 */
export async function tidy(
  repository: Repository,
  spent: readonly string[],
  now: EpochMs,
): Promise<string | undefined> {
  try {
    const problem = await deleteRefs(repository, spent);
    const last = lastSwept.get(repository.directory);
    if (last !== undefined && now - last < SWEEP_EVERY_MS) return problem;
    lastSwept.set(repository.directory, now);
    return problem ?? (await deleteRefs(repository, await outlived(repository, now)));
  } catch (error) {
    return String(error);
  }
}

async function deleteRefs(repository: Repository, refs: readonly string[]): Promise<string | undefined> {
  for (let from = 0; from < refs.length; from += DELETED_AT_ONCE) {
    const refspecs = refs.slice(from, from + DELETED_AT_ONCE).map((ref) => `:${ref}`);
    const args = ["push", "--quiet", "--no-verify", repository.remote, ...refspecs];
    const { exitCode, stderr } = await repository.git(args, { timeoutMs: 120_000 });
    if (exitCode !== 0) return complaint(stderr);
  }
  return undefined;
}

const KINDS = ["landed", "composed", "answers"] as const;
const ROOM = "refs/swept/";

/** The refs whose records are older than they are kept. A path's ref goes with its record. */
async function outlived(repository: Repository, now: EpochMs): Promise<readonly string[]> {
  const refspecs = KINDS.map((kind) => `+${REF_ROOTS[kind]}*:${ROOM}${kind}/*`);
  await repository.fetch(refspecs);
  const lines = await exclusively(repository.directory, () =>
    repository.run(["for-each-ref", "--format=%(creatordate:unix) %(refname)", ROOM]),
  );
  return lines.split("\n").flatMap((line) => {
    const [seconds = "", name = ""] = line.split(" ");
    const kind = KINDS.find((one) => name.startsWith(`${ROOM}${one}/`));
    if (!kind || now - Number(seconds) * 1000 < KEEP_MS[kind]) return [];
    const rest = name.slice(`${ROOM}${kind}/`.length);
    const ref = `${REF_ROOTS[kind]}${rest}`;
    return kind === "composed" ? [ref, `${REF_ROOTS.paths}${rest.slice(rest.lastIndexOf("/") + 1)}`] : [ref];
  });
}
