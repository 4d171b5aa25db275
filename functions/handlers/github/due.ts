import type { PullRef } from "../../adapters/dynamodb/pulls-store.ts";
import { hashOf } from "../../contracts/hash.ts";
import type { EpochMs } from "../../contracts/time.ts";

const MINUTE_MS = 60_000;

/**
 * So many open pull requests of one owner are compared with their requests in a minute, at one call of GitHub each: 1,800 of the 5,000 calls
 * that an installation of the App has in an hour. The rest is for what people and CI ask.
 */
export const MOST_A_MINUTE = 30;

/**
 * The open pull requests to compare in this minute. All, as long as an owner has few; with more, each has its turn among so many minutes.
 * Example: of 300 pull requests of one owner each is compared every ten minutes, some thirty of them in a minute.
 */
export function dueAt(open: readonly PullRef[], now: EpochMs): readonly PullRef[] {
  const minute = Math.floor(now / MINUTE_MS);
  const byOwner = Map.groupBy(open, ({ repository }) => repository.split("/", 1)[0]?.toLowerCase());
  return [...byOwner.values()].flatMap((pulls) => {
    const turns = Math.ceil(pulls.length / MOST_A_MINUTE);
    return pulls.filter((pull) => turnOf(pull) % turns === minute % turns);
  });
}

/** A number of a pull request, which does not depend on the others that are open. */
const turnOf = ({ repository, pull }: PullRef): number => Number.parseInt(hashOf(repository, pull).slice(0, 8), 16);
