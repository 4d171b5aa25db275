import type { PullRequests } from "../../adapters/github/pull-requests.ts";
import { ChangeUri } from "../../contracts/change-uri.ts";
import { webHostOf } from "../../contracts/code-host.ts";
import { type Asked, type Delivery, isSameRepository, type Member, type PullRow } from "../../contracts/github.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { Meaning } from "../../domain/github/meaning.ts";
import { type Pull, queueFor, refusalOf, stackBelow } from "../../domain/github/refusal.ts";
import { replyMarker } from "../../domain/github/report.ts";
import { asked, wasRefused } from "./gateway-calls.ts";
import type { Service } from "./service.ts";
import { tell } from "./tell.ts";

type Land = Extract<Meaning, { kind: "land" }>;

/** How many keys of Lands a pull request remembers. */
const MOST_SEEN = 50;

/** The row's keys of Lands with one more, the oldest left out when there are too many. */
export const seenWith = ({ seen }: PullRow, key: string): string[] => [...seen, key].slice(-MOST_SEEN);

/**
 * Lands a pull request, with those below it in its stack, when it may; says why not, otherwise. A repeat of the delivery changes nothing.
 * The request is written down before the gateway is asked, so that a crash in between is made up for.
 */
export async function land(service: Service, found: PullRow, delivery: Delivery, wish: Land): Promise<void> {
  const { key } = wish;
  let row = found;
  if (row.open && row.asked !== undefined) {
    if (row.asked.key === key || !(await hasEnded(service, row))) return submit(service, row);
    // The request on the row is about to be replaced: its end is told first.
    await tell(service, row);
    row = (await service.store.get(row)) ?? row;
  } else if (row.seen.includes(key)) return;
  const github = await service.github(row.repository);
  const commentId = delivery.comment?.id;
  if (commentId !== undefined) await github.react(commentId, "eyes");
  const wanted = await considered(service, row, delivery, wish);
  const seen = seenWith(row, key);
  if (typeof wanted === "string") {
    await refuse(service, row, { key, at: delivery.at, commentId }, wanted);
    await service.store.put({ ...row, seen }, service.now());
    return;
  }
  const { asksOn: _below, ...own } = row;
  await submit(service, await service.store.put({ ...own, asked: wanted, open: true, seen }, service.now()));
}

/** True when the request on the row has ended, though GitHub was not told of the end yet. A request that was asked for elsewhere has landed. */
async function hasEnded({ gateway }: Service, row: PullRow): Promise<boolean> {
  const { sqid, queue, by } = row.asked ?? {};
  if (by === undefined) return true;
  if (sqid === undefined || queue === undefined) return false;
  const found = await asked(gateway.queue(queue).request(sqid));
  return !wasRefused(found) && found.ended;
}

/** What is to be asked of the gateway, or why nothing is. */
async function considered(
  service: Service,
  row: PullRow,
  { sender, at }: Delivery,
  { key, command, head }: Land,
): Promise<Asked | string> {
  const { app, now } = service;
  const chosen = queueFor(service.queuesOf(row.repository), command.queue);
  if ("problem" in chosen) return chosen.problem;
  const { queue } = chosen;
  const github = await service.github(row.repository);
  const pull = await github.get(row.pull);
  if (pull === undefined) return "There is no such pull request.";
  const stack = await stackOf(github, pull, queue.repository.branch, row.repository);
  const permission = await github.permissionOf(sender.login);
  const sawHead = head ?? (at === undefined ? undefined : await github.headAt(pull, at));
  const refusal =
    refusalOf(stack, queue.repository, { by: sender.login, permission, sawHead, authors: app.authors }) ??
    (await askedAlready(service, stack, row)) ??
    (await movedBelow(github, stack, row, at));
  if (refusal !== undefined) return refusal;
  return {
    key,
    queue: queue.name,
    changes: stack.map((one) => uriOf(service, row, one)),
    ...(command.strategy === undefined ? {} : { strategy: command.strategy }),
    ...(command.priority === undefined ? {} : { priority: command.priority }),
    members: stack.map(({ number, head: sha, base }) => ({ pull: number, head: sha, base })),
    by: sender.login,
    ...(/^gh-\d+$/.test(key) ? { commentId: Number(key.slice("gh-".length)) } : {}),
    at: at ?? now(),
  };
}

/**
 * The stack of a pull request, the lowest first: GitHub's own where GitHub has one, else by the branches that pull requests are based on. One
 * call per pull request below it, and one more for a stack of GitHub's own.
 */
async function stackOf(github: PullRequests, pull: Pull, trunk: string, repository: string): Promise<readonly Pull[]> {
  const native = pull.isStacked ? await github.nativeStack(pull.number) : undefined;
  if (native !== undefined) {
    const below = await Promise.all(native.slice(0, -1).map((number) => github.get(number)));
    return [...below.flatMap((one) => one ?? []), pull];
  }
  const open: Pull[] = [];
  for (let lowest = pull; lowest.base !== trunk && open.length < 50; ) {
    const [below] = await github.withHead(lowest.base);
    if (below === undefined || open.some(({ number }) => number === below.number)) break;
    open.push(below);
    lowest = below;
  }
  return stackBelow(
    pull,
    open.filter(({ headRepository }) => isSameRepository(headRepository, repository)),
    trunk,
  );
}

/** Why a stack can't land while a request that is still open holds a part of it: a commit is in the queue once. */
async function askedAlready({ store }: Service, stack: readonly Pull[], row: PullRow): Promise<string | undefined> {
  const { repository } = row;
  if (row.open && row.asksOn !== undefined)
    return `This pull request is landed together with #${row.asksOn}: wait for that, or comment \`/cancel\` there.`;
  for (const { number } of stack.slice(0, -1)) {
    const below = await store.get({ repository, pull: number });
    if (below?.open !== true || below.asksOn === row.pull) continue;
    return inTheWay(below);
  }
  return undefined;
}

/** Why a pull request below is not what was seen. A press on a check has no time: then it has to be as it was asked for before. */
async function movedBelow(
  github: PullRequests,
  stack: readonly Pull[],
  { asked: before }: PullRow,
  at: EpochMs | undefined,
): Promise<string | undefined> {
  for (const pull of stack.slice(0, -1)) {
    const seen =
      at === undefined
        ? before?.members.find((member: Member) => member.pull === pull.number)?.head
        : await github.headAt(pull, at);
    if (seen !== pull.head)
      return `#${pull.number}, below this one, may have been pushed to after what you saw: look at it, and comment \`/land\` again.`;
  }
  return undefined;
}

function uriOf({ app }: Service, { repository }: PullRow, { number, head }: Pull): ChangeUri {
  return ChangeUri.parse(`github://${webHostOf(app.api)}/${repository}/pull/${number}/${head}`);
}

/** Asks the gateway for what the row says was asked for, and shows where the request stands. May be repeated. */
export async function submit(service: Service, row: PullRow): Promise<void> {
  const { gateway, store, now } = service;
  const { asked: wanted } = row;
  if (wanted === undefined) return;
  if (wanted.sqid !== undefined) return tell(service, row);
  const github = await service.github(row.repository);
  const below = wanted.members.slice(0, -1).map(({ pull }) => pull);
  const taken = await leadAll(service, row, below);
  if (taken !== undefined) return turnDown(service, row, wanted, taken);
  const { strategy, priority, key, changes, queue } = wanted;
  const found = await asked(
    gateway.queue(queue).land(changes, {
      idempotencyKey: key,
      ...(strategy === undefined ? {} : { strategy }),
      ...(priority === undefined ? {} : { priority }),
    }),
  );
  if (wasRefused(found)) return turnDown(service, row, wanted, found.refused);
  const { sqid } = found;
  await store.place(sqid, row.repository, wanted.members, now());
  const next = await store.put({ ...row, asked: { ...wanted, sqid } }, now());
  if (wanted.commentId !== undefined) await github.react(wanted.commentId, "rocket");
  await tell(service, next);
}

/** Forgets what was asked for, and says why. */
async function turnDown(service: Service, row: PullRow, wanted: Asked, why: string): Promise<void> {
  const { store, now } = service;
  await refuse(service, row, wanted, why);
  for (const { pull } of wanted.members.slice(0, -1)) {
    const below = await store.get({ repository: row.repository, pull });
    if (below?.asksOn === row.pull && below.open) await store.put({ ...below, open: false }, now());
  }
  const { asked: _none, ...rest } = row;
  await store.put({ ...rest, open: false }, now());
}

/**
 * Has the lower pull requests of a stack follow the request of the one that was asked on. Before the gateway is asked: what one of them asks
 * for meanwhile would be forgotten otherwise. Why that can't be, when one of them is in the queue by another request.
 */
async function leadAll(
  { store, now }: Service,
  { repository, pull: top }: PullRow,
  below: readonly number[],
): Promise<string | undefined> {
  for (const pull of below) {
    const row = (await store.get({ repository, pull })) ?? freshRow(repository, pull);
    if (row.open && row.asksOn === top) continue;
    if (row.open) return inTheWay(row);
    const { asked: _ended, ...rest } = row;
    await store.put({ ...rest, asksOn: top, open: true }, now());
  }
  return undefined;
}

const inTheWay = ({ pull, asksOn }: PullRow): string =>
  `#${pull}, below this one, is landed ${asksOn === undefined ? "by itself" : `together with #${asksOn}`}: wait for that, or cancel it there; then comment \`/land\` again.`;

export const freshRow = (repository: string, pull: number): PullRow => ({
  repository,
  pull,
  shown: {},
  seen: [],
  open: false,
  version: 0,
});

interface Ask {
  readonly key: string;
  readonly at?: EpochMs | undefined;
  readonly commentId?: number | undefined;
}

/** Says why not: one line, and a reaction on the comment. */
export async function refuse({ store, now, github: of }: Service, row: PullRow, ask: Ask, why: string): Promise<void> {
  const github = await of(row.repository);
  if (ask.commentId !== undefined) await github.react(ask.commentId, "confused");
  const marker = replyMarker(ask.key);
  const since = ask.at ?? now();
  await github.commentOnce(row.pull, marker, `${marker}\n${why}`, since, () => store.spend(row.repository, now()));
}

/** The queue that a pull request lands through, of what was asked for. */
export const configOf = ({ queuesOf }: Service, row: PullRow, wanted: Asked): QueueConfig | undefined =>
  queuesOf(row.repository).find(({ name }) => name === wanted.queue);
