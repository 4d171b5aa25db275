import type { PullRef } from "../../adapters/dynamodb/pulls-store.ts";
import { type Asked, isSameRepository, type Landing, type PullRow } from "../../contracts/github.ts";
import { partsOfSqid, type Sqid } from "../../contracts/ids.ts";
import { epochMs } from "../../contracts/time.ts";
import { pullsIn } from "../../domain/github/pulls-in.ts";
import { asked, wasRefused } from "./gateway-calls.ts";
import { freshRow, seenWith } from "./land.ts";
import type { Service } from "./service.ts";
import { tell } from "./tell.ts";

/**
 * Follows the landing of a request that was asked for elsewhere than on GitHub: by the command line, the page, an agent or HTTPS. The pull
 * request gets a row, as if a command had asked for the request, and is told as after a command (`tell`). Nothing is done where the queue is
 * none of the App's. A repeat changes nothing: the row keeps the key. One call of the gateway and one of GitHub beside those of `tell`. For
 * each pull request that the event had no room for, one call of GitHub, and a row that `reconcile` has looked at within minutes. Throws
 * config.invalid where the App is not installed, and nothing is written then.
 */
export async function followLanding(service: Service, of: PullRef, { sqid, leftOut }: Landing): Promise<void> {
  const { repository } = of;
  const wanted = await askedElsewhere(service, repository, sqid);
  if (wanted === undefined) return;
  const unlisted = pullsIn(leftOut === 0 ? [] : wanted.changes.slice(-leftOut));
  for (const other of unlisted.filter((one) => isSameRepository(one.repository, repository)))
    await adopt(service, { repository, pull: other.pull }, wanted);
  const row = await adopt(service, of, wanted);
  if (row !== undefined) await tell(service, row);
}

/** What was asked for, by the gateway's word, as far as it is about the repository. Undefined when the request is not one of the App's. */
async function askedElsewhere(
  { gateway, queuesOf, log }: Service,
  repository: string,
  sqid: Sqid,
): Promise<Asked | undefined> {
  const { queue: name } = partsOfSqid(sqid);
  const queue = queuesOf(repository).find((one) => one.name === name);
  if (queue === undefined) return undefined;
  const request = await asked(gateway.queue(name).request(sqid));
  if (wasRefused(request)) {
    log.error({ sqid, request }, "the gateway does not know a request that has landed");
    return undefined;
  }
  const { changes, receivedAt } = request;
  const members = pullsIn(changes).flatMap(({ repository: of, pull, head }) =>
    isSameRepository(of, repository) ? [{ pull, head, base: queue.repository.branch }] : [],
  );
  if (members.length === 0) return undefined;
  return { key: `landed-${sqid}`, queue: name, changes, members, at: epochMs(Date.parse(receivedAt)), sqid };
}

/**
 * The row of a pull request, which holds the landed request from now on. Undefined when there is nothing to tell: another request of the pull
 * request is still open, and its end will be told; the landing was told before; or GitHub has no such pull request. Throws config.invalid where
 * the App is not installed.
 */
async function adopt(service: Service, of: PullRef, wanted: Asked): Promise<PullRow | undefined> {
  const { store, now } = service;
  let row = (await store.get(of)) ?? freshRow(of.repository, of.pull);
  if (row.asked?.sqid === wanted.sqid) return row;
  if (row.open) {
    // The end of the other request is told first, if that request has ended.
    await tell(service, row);
    row = (await store.get(of)) ?? row;
  }
  if (row.open || row.seen.includes(wanted.key)) return undefined;
  const github = await service.github(of.repository);
  const pull = await github.get(of.pull);
  if (pull === undefined) return undefined;
  const asked: Asked = pull.isOpen || pull.isMerged ? wanted : { ...wanted, wasClosed: true };
  const { asksOn: _ended, ...own } = row;
  return store.put({ ...own, asked, open: true, seen: seenWith(row, wanted.key) }, now());
}
