import { webHostOf } from "../../contracts/code-host.ts";
import { CodedError } from "../../contracts/errors.ts";
import { isSameRepository, type PullRow } from "../../contracts/github.ts";
import { externalIdOf } from "../../contracts/github-delivery.ts";
import { LANDED_LABEL } from "../../contracts/queues.ts";
import { epochMs } from "../../contracts/time.ts";
import { issuesClosedBy } from "../../domain/github/closing-keywords.ts";
import { mayDelete } from "../../domain/github/head-branch.ts";
import type { Pull } from "../../domain/github/refusal.ts";
import { checkOf, endMarker, type Facts, landedCommentOf, pushedSinceCommentOf } from "../../domain/github/report.ts";
import type { GitHub, Service } from "./service.ts";

/** GitHub marks a pull request as merged a moment after the push. How long the mark is waited for, and how often GitHub is asked meanwhile. */
const MERGED_WITHIN_MS = 60_000;
const ASKED_EVERY_MS = 2_000;

/** A pull request that has landed, and what acts on it. */
interface Landed {
  readonly service: Service;
  readonly github: GitHub;
  readonly row: PullRow;
  readonly facts: Facts;
}

/**
 * What GitHub shows of a pull request that has landed. One that GitHub has not marked as merged gets a comment that names the commit and the
 * label `landed`, and is closed; the issues that its texts close are closed; its head branch is deleted where the repository wants that.
 * A pull request that was pushed to since gets the comment alone, and stays open for the commits that did not land. A pull request that a user
 * had closed before the landing of a request from elsewhere was told gets the comment alone, too. A repeat finds what was done. Some ten calls,
 * and two for each issue. Throws github.limited while GitHub has yet to mark the pull request as merged.
 */
export async function closeLanded(landed: Landed): Promise<void> {
  const { service, github, row, facts } = landed;
  const { now, store } = service;
  const member = facts.asked.members.find(({ pull }) => pull === row.pull);
  const pull = await github.get(row.pull);
  if (member === undefined || pull === undefined) return;
  const spend = () => store.spend(row.repository, now());
  const [queue] = service.queuesOf(row.repository).filter(({ name }) => name === facts.request.queue);
  // The lowest pull request of a stack is based on what the queue lands on, also when the queue is not configured any more.
  const branch = queue?.repository.branch ?? facts.asked.members[0]?.base ?? member.base;
  const comment = (body: string) =>
    github.commentOnce(row.pull, endMarker(facts.request.sqid), body, facts.asked.at, spend);
  if (facts.asked.wasClosed === true) return comment(landedCommentOf(facts, row.pull, branch));
  if (pull.isOpen && pull.head !== member.head && !(await github.holds(branch, pull.head)))
    return comment(pushedSinceCommentOf(facts, row.pull, branch, member.head));
  const settings = await github.settings();
  if (!pull.isMerged) {
    if (pull.isOpen) await waitForMerge(landed, { pull, branch });
    await comment(landedCommentOf(facts, row.pull, branch));
    await github.label(row.pull, LANDED_LABEL);
  } else if (pull.head !== member.head) await showOnMoved(landed, pull);
  if (branch === settings.defaultBranch) await closeIssues(landed, pull);
  if (pull.isOpen) await github.close(row.pull);
  await retargetAbove(landed, { pull, branch, defaultBranch: settings.defaultBranch });
  if (settings.deletesBranches) await deleteBranches(landed, settings.defaultBranch);
}

/** A pull request that is closed too soon is shown as closed for ever, though its commits are on the branch. */
async function waitForMerge(
  { service, github, facts }: Landed,
  { pull, branch }: { readonly pull: Pull; readonly branch: string },
): Promise<void> {
  const { updatedAt } = facts.request;
  const at = service.now();
  if (at - Date.parse(updatedAt) >= MERGED_WITHIN_MS || !(await github.holds(branch, pull.head))) return;
  throw new CodedError("github.limited", `GitHub has not marked #${pull.number} as merged yet`, {
    detail: { retryAt: epochMs(at + ASKED_EVERY_MS) },
  });
}

/**
 * Closes what GitHub would have closed, had the pull request been merged there. Issues elsewhere take the right to write there, so they stay
 * open where the login of the user who asked is not known. Issues that the App may not close stay open.
 */
async function closeIssues({ service, github, row, facts }: Landed, pull: Pull): Promise<void> {
  const { repository } = row;
  const texts = [pull.title, pull.body, ...(await github.commitMessages(pull.number))];
  for (const issue of issuesClosedBy(texts, { here: repository, web: webHostOf(service.app.api) })) {
    await tolerant(service, `issue ${issue.repository}#${issue.number}`, async () => {
      if (isSameRepository(issue.repository, repository)) return github.closeIssue(issue.number);
      const { by } = facts.asked;
      if (by === undefined) return;
      const there = await service.github(issue.repository);
      if (["admin", "write"].includes(await there.permissionOf(by))) await there.closeIssue(issue.number);
    });
  }
}

/** The check run is on the commit that was asked for, and the queue has moved the head: the commit that GitHub shows now gets one, too. */
async function showOnMoved({ service, github, row, facts }: Landed, { head }: Pull): Promise<void> {
  const externalId = externalIdOf(facts.request.sqid, row.pull);
  await github.keepCheck(service.app.check, head, checkOf(facts), { externalId, url: facts.page, known: undefined });
}

/**
 * Bases the pull requests above, which did not land, on the branch that this one has landed on: GitHub closes a pull request whose base is
 * deleted, and one whose base is not the queue's branch can't land by itself. Left as they are: pull requests based on a branch that queues
 * land on, on the default branch, or on a protected branch, since such a branch lives on.
 */
async function retargetAbove(
  { service, github, row: { repository }, facts }: Landed,
  { pull, branch, defaultBranch }: { readonly pull: Pull; readonly branch: string; readonly defaultBranch: string },
): Promise<void> {
  const { headBranch, headRepository } = pull;
  if (!isSameRepository(headRepository, repository)) return;
  if ([branch, defaultBranch, ...service.targetsOf(repository)].includes(headBranch)) return;
  const above = (await github.basedOn(headBranch)).filter(
    (number) => !facts.asked.members.some(({ pull }) => pull === number),
  );
  if (above.length === 0 || (await github.branch(headBranch))?.isProtected === true) return;
  for (const number of above)
    await tolerant(service, `the base of #${number}`, async () => {
      if (!(await github.retarget(number, branch)))
        service.log.warn({ pull: number, branch }, "GitHub does not take the branch for the pull request's base");
    });
}

/** Deletes the head branch, and the head branch of the pull request below, on which this pull request was based while it was open. */
async function deleteBranches({ service, github, row, facts }: Landed, defaultBranch: string): Promise<void> {
  const { repository, pull: number } = row;
  const { members } = facts.asked;
  const at = members.findIndex(({ pull }) => pull === number);
  const kept = [...service.targetsOf(repository), defaultBranch];
  for (const { pull: one, head: landed } of members.slice(Math.max(0, at - 1), at + 1).toReversed()) {
    const pull = await github.get(one);
    if (pull === undefined || !isSameRepository(pull.headRepository, repository) || kept.includes(pull.headBranch))
      continue;
    const branch = await github.branch(pull.headBranch);
    if (branch === undefined) continue;
    const users = (await github.basedOn(pull.headBranch)).length + (await github.withHead(pull.headBranch)).length;
    if (mayDelete({ pull, landed, repository, kept, branch, users }))
      await tolerant(service, `branch ${pull.headBranch}`, () => github.deleteBranch(pull.headBranch));
  }
}

/** What the App may not do is left as it is: the pull request has landed all the same. */
async function tolerant({ log }: Service, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "config.invalid") throw error;
    log.warn({ what, err: error }, "left as it is: the App may not change it");
  }
}
