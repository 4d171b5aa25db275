import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PullRequest } from "../../../localstack/fakes/github/records.ts";
import { addReview } from "../../../localstack/fakes/github/reviews.ts";
import { GitHubWorld, REPOSITORY, serviceOn } from "./world.ts";

let world: GitHubWorld;
let queue: ReturnType<typeof serviceOn>;
beforeAll(async () => {
  world = await GitHubWorld.start();
  world.repository.collaborators.set("bob", "write");
});
afterAll(() => world.stop());
beforeEach(() => {
  world.clock.at += 3_600_000;
  world.repository.deletesBranches = true;
  queue = serviceOn(world, {}, "moveHead");
});

const statuses = () => queue.gateway.requests.map(({ status, cancel }) => [status, cancel]);
const ours = (pull: PullRequest) => world.commentsOf(pull).filter(({ by }) => by === "submitqueue[bot]");
const hasBranch = async ({ headBranch }: PullRequest) =>
  (await world.repository.git.refs("refs/heads/")).has(`refs/heads/${headBranch}`);

/** A pull request whose request is in the queue, as far as the gateway knows. */
async function inQueue(base?: string): Promise<PullRequest> {
  const pull = await world.pull(base === undefined ? {} : { base });
  world.comment(pull, "/land");
  await queue.settle();
  Object.assign(queue.gateway.requests.at(-1) ?? {}, { status: "speculated" });
  return pull;
}

describe("a head branch that the queue moves", () => {
  it("is no push that cancels, by its webhook and by the look of each minute; a user's push on top of it is", async () => {
    const pull = await inQueue();
    await world.moveHead(pull);
    await queue.settle();
    await queue.look(pull, true);
    expect(statuses()).toEqual([["speculated", undefined]]);
    await world.push(pull.headBranch, "sneaked in", "rob");
    await queue.settle();
    expect(statuses()).toEqual([["cancelled", expect.stringMatching(/@rob pushed to the pull request/)]]);
  });

  it("is a push like any other for a queue that moves none", async () => {
    queue = serviceOn(world);
    const pull = await inQueue();
    await world.moveHead(pull);
    await queue.settle();
    expect(statuses()).toEqual([["cancelled", expect.stringMatching(/pushed to the pull request/)]]);
  });

  it("does not cancel by the review that GitHub dismisses for the push", async () => {
    world.repository.reviewRules.set("main", { by: "classic", approvals: 1, dismissesStale: true });
    const pull = await inQueue();
    addReview(world.github, world.repository, pull, "APPROVED", "bob");
    await queue.settle();
    await world.moveHead(pull);
    expect(pull.reviews.map(({ state }) => state)).toEqual(["DISMISSED"]);
    await queue.settle();
    world.repository.reviewRules.delete("main");
    expect(statuses()).toEqual([["speculated", undefined]]);
  });

  it("has GitHub mark the pull request as merged: it is waited for, gets no comment and no label, and its branch goes", async () => {
    const pull = await inQueue();
    const upper = await world.pull({ base: pull.headBranch });
    const to = await world.moveHead(pull);
    await queue.settle();
    world.pushTrunk(to);
    Object.assign(queue.gateway.requests.at(-1) ?? {}, { status: "landed", commit: to });
    await expect(queue.look(pull, true)).rejects.toMatchObject({ code: "github.limited" });
    await world.github.sync(REPOSITORY, "submitqueue[bot]");
    await queue.settle();
    await queue.look(pull);
    expect([pull.mergedAt === null, pull.head, [...pull.labels], await hasBranch(pull)]).toEqual([
      false,
      to,
      [],
      false,
    ]);
    expect(world.checksOf(pull)).toMatchObject([{ conclusion: "success", title: `Landed as ${to.slice(0, 10)}` }]);
    expect(ours(pull)).toHaveLength(1);
    expect(ours(pull)[0]?.body).toContain(`Landed as ${to}`);
    expect([upper.state, upper.base]).toEqual(["open", "main"]);
    expect(queue.store.rows.get(`${REPOSITORY}#${pull.number}`)?.open).toBe(false);
  });
});
