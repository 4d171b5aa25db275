import { exclusively } from "../adapters/git/lock.ts";
import { complaint } from "../adapters/git/process.ts";
import { COMPOSED_ROOT } from "../adapters/git/refs.ts";
import type { Repository } from "../adapters/git/repository.ts";
import { pathRef } from "../contracts/build-refs.ts";
import { BuildKey } from "../contracts/ids.ts";
import type { EpochMs } from "../contracts/time.ts";
import { readComposed, refOf } from "./landing-records.ts";

const SWEEP_EVERY_MS = 3_600_000;
const DELETED_AT_ONCE = 500;

const lastSwept = new Map<string, EpochMs>();

/**
 * Deletes refs of this queue that are not needed any more: the named ones, and once an hour those of builds that must have ended. Once an
 * hour garbage is collected in the local repository too (`collectGarbage`). On Lambda, where the repository goes with its machine, there is
 * seldom any, and finding that costs one process: so the rule is the same there. Called after the answer is known, so a failure is not thrown:
 * answers a sentence for each thing that failed, and a later call does that again. One git process for the named refs, and four more once an
 * hour.
 */
export async function tidy(repository: Repository, spent: readonly string[], now: EpochMs): Promise<readonly string[]> {
  const last = lastSwept.get(repository.directory);
  const isDue = last === undefined || now - last >= SWEEP_EVERY_MS;
  if (isDue) lastSwept.set(repository.directory, now);
  const left = await complaintOf("refs were left over", async () => {
    const problem = await deleteRefs(repository, spent);
    return problem ?? (isDue ? deleteRefs(repository, await outlived(repository, now)) : undefined);
  });
  const uncollected = isDue
    ? await complaintOf("garbage was not collected", async () => {
        await repository.collectGarbage();
        return undefined;
      })
    : [];
  return [...left, ...uncollected];
}

/** What went wrong in a piece of work, whether it says so or throws, as one sentence that begins with `what`. Empty when all is well. */
async function complaintOf(what: string, work: () => Promise<string | undefined>): Promise<readonly string[]> {
  const problem = await work().catch(String);
  return problem === undefined ? [] : [`${what}: ${problem}`];
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

const ROOM = "refs/swept/";

/** The refs of the builds that must have ended by now, and of their records. A record tells the time from which that is so. */
async function outlived(repository: Repository, now: EpochMs): Promise<readonly string[]> {
  await repository.fetch([`+${COMPOSED_ROOT}*:${ROOM}*`]);
  const lines = await exclusively(repository.directory, () =>
    repository.run(["for-each-ref", "--format=%(refname) %(contents:subject)", ROOM]),
  );
  return lines.split("\n").flatMap((line) => {
    const [name = "", ...text] = line.split(" ");
    const record = readComposed(text.join(" "));
    if (!name.startsWith(ROOM) || (record && now < record.until)) return [];
    const key = BuildKey.safeParse(name.slice(name.lastIndexOf("/") + 1));
    const ref = `${COMPOSED_ROOT}${name.slice(ROOM.length)}`;
    if (record) return [ref, refOf(record)];
    return key.success ? [ref, pathRef(key.data)] : [ref];
  });
}
