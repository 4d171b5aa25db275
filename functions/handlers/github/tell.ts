import type { PullRef } from "../../adapters/dynamodb/pulls-store.ts";
import type { Asked, PullRow } from "../../contracts/github.ts";
import { externalIdOf } from "../../contracts/github-delivery.ts";
import type { GitSha, Sqid } from "../../contracts/ids.ts";
import {
  checkOf,
  endCommentOf,
  endMarker,
  type Facts,
  sqidsIn,
  stateOf,
  stickyMarker,
  stickyOf,
} from "../../domain/github/report.ts";
import { closeLanded } from "./after-landing.ts";
import { asked, wasRefused } from "./gateway-calls.ts";
import type { GitHub, Service } from "./service.ts";

type Told = Asked & { readonly sqid: Sqid };

/**
 * Shows on GitHub where the request of a pull request stands, by the gateway's word and not by that of an event: check run and comment when
 * its state has changed, and once it has ended what follows the end. `again` writes them in any case. A request that was asked for elsewhere
 * is shown once it has landed, by the check run and by what follows the end. Two calls of the gateway; of GitHub none when nothing has
 * changed. A repeat after a crash finds what was done before.
 */
export async function tell(service: Service, row: PullRow, options: { readonly again?: boolean } = {}): Promise<void> {
  const request = await requestOf(service, row);
  const member = request?.members.find(({ pull }) => pull === row.pull);
  if (request === undefined || member === undefined) return;
  const facts = await readFacts(service, row, request);
  if (facts === undefined) return;
  const isOfCommand = facts.asked.by !== undefined;
  // The gateway publishes an end a moment before it says so itself.
  if (!isOfCommand && !facts.why.ended && options.again !== true) return;
  const github = await service.github(row.repository);
  const state = `${request.sqid} ${stateOf(facts.why)}`;
  let current = row;
  if (row.shown.state !== state || options.again === true)
    current = await show(service, github, current, {
      facts,
      state,
      head: member.head,
      // A comment that an earlier request has left is brought up to date.
      comments: isOfCommand || options.again === true || row.shown.commentId !== undefined,
    });
  if (facts.why.ended) await finish(service, github, current, facts);
}

/** What was asked for, on this pull request or on the one above it in its stack. */
async function requestOf({ store }: Service, row: PullRow): Promise<Told | undefined> {
  const { asked: wanted } = row.asksOn === undefined ? row : ((await store.get(refOf(row, row.asksOn))) ?? row);
  return wanted?.sqid === undefined ? undefined : { ...wanted, sqid: wanted.sqid };
}

const refOf = ({ repository }: PullRow, pull: number): PullRef => ({ repository, pull });

async function readFacts(
  { gateway, store, app, log }: Service,
  row: PullRow,
  request: Told,
): Promise<Facts | undefined> {
  const queue = gateway.queue(request.queue);
  // In this order: a request that has ended by the first call has its reason in the second.
  const why = await asked(queue.why(request.sqid));
  const summary = await asked(queue.request(request.sqid));
  if (wasRefused(why) || wasRefused(summary)) {
    log.error({ sqid: request.sqid, why, summary }, "the gateway does not know the request of a pull request");
    return undefined;
  }
  const pulls = new Map<string, number>();
  for (const sqid of sqidsIn({ request: summary, why })) {
    const place = await store.placeOf(sqid);
    const top = place?.repository === row.repository ? place.pulls.at(-1) : undefined;
    if (top !== undefined) pulls.set(sqid, top);
  }
  const page = app.page && `${app.page.replace(/\/$/, "")}/q/${request.sqid}`;
  return { request: { ...summary, ended: why.ended }, why, asked: request, page, pulls };
}

async function show(
  { store, app, now }: Service,
  github: GitHub,
  row: PullRow,
  { facts, state, head, comments }: { facts: Facts; state: string; head: GitSha; comments: boolean },
): Promise<PullRow> {
  const { shown, repository, pull } = row;
  const { sqid, queue } = facts.request;
  const checkRunId = await github.keepCheck(app.check, head, checkOf(facts), {
    externalId: externalIdOf(sqid, pull),
    url: facts.page,
    known: shown.checkOn === head ? shown.checkRunId : undefined,
  });
  if (comments) await store.spend(repository, now());
  const commentId = comments
    ? await github.keepComment(pull, stickyMarker(queue), stickyOf(facts), shown.commentId)
    : undefined;
  const { commentId: _before, ...rest } = shown;
  const comment = commentId === undefined ? {} : { commentId };
  return store.put({ ...row, shown: { ...rest, ...comment, checkRunId, checkOn: head, state } }, now());
}

/** What follows the end: a comment that mentions the user who asked, unless the request landed; then the pull requests are closed. */
async function finish(service: Service, github: GitHub, row: PullRow, facts: Facts): Promise<void> {
  const { store, app, now } = service;
  const { repository, pull, shown, asksOn } = row;
  const { sqid } = facts.request;
  if (!row.open && shown.endOf === sqid) return;
  const spend = () => store.spend(repository, now());
  const comment = endCommentOf(facts);
  if (comment !== undefined && asksOn === undefined && shown.endOf !== sqid)
    await github.commentOnce(pull, endMarker(sqid), comment, facts.asked.at, spend);
  if (facts.request.status === "landed") await closeLanded({ service, github, row, facts });
  // A label that stays would say that the pull request is still to land.
  await github.unlabel(pull, app.label);
  await store.put({ ...row, open: false, shown: { ...shown, endOf: sqid } }, now());
}
