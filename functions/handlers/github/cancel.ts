import type { Asked, Delivery, PullRow } from "../../contracts/github.ts";
import { hasEnded } from "../../contracts/log-event.ts";
import { cut } from "../../contracts/text.ts";
import { changeSince } from "../../domain/github/refusal.ts";
import { asked, wasRefused } from "./gateway-calls.ts";
import { configOf, refuse, submit } from "./land.ts";
import { isOwnMove } from "./own-move.ts";
import type { Service } from "./service.ts";
import { tell } from "./tell.ts";

/**
 * The row that holds the request that was asked for on a pull request: its own row, or the row of the pull request above it. Undefined when no
 * such request is open. A request that was asked for elsewhere has a row only once it has landed: it can't be cancelled.
 */
export async function holderOf({ store }: Service, row: PullRow): Promise<PullRow | undefined> {
  const { repository, asksOn } = row;
  const holder = asksOn === undefined ? row : await store.get({ repository, pull: asksOn });
  return holder?.open === true && holder.asked?.by !== undefined ? holder : undefined;
}

/**
 * Cancels the open request of a pull request for a comment or a label that was taken off, unless the request was asked for after that. GitHub
 * lets only members take a label off, and lets every user comment. A user who may not cancel is told so. A repeat changes nothing. One call of
 * GitHub more for a comment of another user than the one who asked, two where authors may land.
 */
export async function cancel(service: Service, row: PullRow, delivery: Delivery, why: string): Promise<void> {
  const { sender, comment, at } = delivery;
  const holder = await holderOf(service, row);
  if (holder?.asked === undefined || (at !== undefined && at < holder.asked.at)) return;
  if (comment !== undefined && !(await mayCancel(service, row, holder.asked, sender.login))) {
    const no = `@${sender.login} may not cancel this: the user who asked for it may, and users who may write to ${row.repository}.`;
    return refuse(service, row, { key: `gh-${comment.id}`, commentId: comment.id, at }, no);
  }
  await cancelRequest(service, holder, holder.asked, why);
}

/** True for the user who asked, for users who may write to the repository, and for the author where authors may land. */
async function mayCancel({ app, github: of }: Service, row: PullRow, { by }: Asked, login: string): Promise<boolean> {
  if (login === by) return true;
  const github = await of(row.repository);
  if (["admin", "write"].includes(await github.permissionOf(login))) return true;
  return app.authors && (await github.get(row.pull))?.author === login;
}

/**
 * Cancels when the pull request is not what was asked for any more, by GitHub's word; not for a push of the queue itself. One call of GitHub
 * when a request is open, two more for a head that was moved.
 */
export async function cancelIfChanged(service: Service, row: PullRow, by?: string): Promise<void> {
  const holder = await holderOf(service, row);
  const member = holder?.asked?.members.find(({ pull }) => pull === row.pull);
  if (holder?.asked === undefined || member === undefined) return;
  const github = await service.github(row.repository);
  const queue = configOf(service, holder, holder.asked);
  const found = await github.get(row.pull);
  const isMoved = found !== undefined && found.head !== member.head && (await isOwnMove(github, queue, found));
  const pull = isMoved ? { ...found, head: member.head } : found;
  const why = changeSince(pull, member, queue?.repository.branch, by);
  if (why === undefined) return;
  const named = row.pull === holder.pull ? why : `${why} (#${row.pull}, which lands together with this one)`;
  await cancelRequest(service, holder, holder.asked, named);
}

/** Cancels a request, and writes down why. A request that has ended, or was cancelled before, stays as it is. */
export async function cancelRequest(service: Service, row: PullRow, wanted: Asked, why: string): Promise<void> {
  const { gateway, store, now } = service;
  if (wanted.sqid === undefined) {
    await submit(service, row);
    const after = await store.get(row);
    return after?.asked?.sqid === undefined ? undefined : cancelRequest(service, after, after.asked, why);
  }
  const found = await asked(gateway.queue(wanted.queue).cancel(wanted.sqid, cut(why, 500)));
  const noted =
    wasRefused(found) || hasEnded(found.status) || wanted.cancel !== undefined
      ? row
      : await store.put({ ...row, asked: { ...wanted, cancel: why } }, now());
  await tell(service, noted);
}
