import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PullsStore } from "../../../functions/adapters/dynamodb/pulls-store.ts";
import { CodedError } from "../../../functions/contracts/errors.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import type { PullRequest } from "../../../localstack/fakes/github/records.ts";
import { Refusal } from "../../../localstack/fakes/github/refusal.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { COMMIT, GitHubWorld, serviceOn } from "./world.ts";

let world: GitHubWorld;
let queue: ReturnType<typeof serviceOn>;
beforeAll(async () => {
  world = await GitHubWorld.start();
});
afterAll(() => world.stop());
beforeEach(() => {
  world.clock.at += 3_600_000;
  world.repository.deletesBranches = true;
  queue = serviceOn(world);
});

const endsOf = ({ number }: PullRequest) =>
  world.repository.comments.filter(({ issue, body }) => issue === number && body.includes("submitqueue:end"));

/** Asks for it, and has the queue land it. */
async function land(pull: PullRequest, body = "/land"): Promise<void> {
  world.comment(pull, body);
  await queue.settle();
  Object.assign(queue.gateway.requests.at(-1) ?? {}, { status: "landed", commit: COMMIT });
}

it("a pull request that has landed is told so once, labelled, closed, and its branch is deleted", async () => {
  const pull = await world.pull();
  world.label(pull, "labeled");
  await land(pull);
  await queue.look(pull);
  await queue.look(pull, true);
  expect(endsOf(pull).map(({ body }) => body)).toEqual([
    expect.stringMatching(`Landed as ${COMMIT} on \`main\` \\(\\[request main/1\\]`),
  ]);
  expect([pull.state, [...pull.labels], await world.hasBranch(pull)]).toEqual(["closed", ["landed"], false]);
});

it.each(["before", "after"] as const)(
  "broken off %s each of its calls of GitHub in turn, it is finished by the repeat, with one comment",
  async (moment) => {
    const [issue, pull] = [world.issue(), await world.pull()];
    pull.body = `Closes #${issue}`;
    await land(pull);
    let breaks = 0;
    for (let isBroken = true; isBroken; ) {
      world.github.cut({ at: breaks + 1, moment });
      isBroken = await queue.look(pull).then(
        () => false,
        () => true,
      );
      world.github.cut(undefined);
      if (isBroken) breaks += 1;
    }
    expect(breaks).toBeGreaterThan(10);
    expect([
      endsOf(pull).length,
      pull.state,
      [...pull.labels],
      world.isIssueOpen(issue),
      await world.hasBranch(pull),
    ]).toEqual([1, "closed", ["landed"], false, false]);
    expect(queue.store.rows.get(`acme/shop#${pull.number}`)?.open).toBe(false);
  },
);

describe("issues", () => {
  it("that the title, the body or a commit closes are closed, where the queue lands on the default branch", async () => {
    const [title, body, commit, other, docs] = [
      world.issue(),
      world.issue(),
      world.issue(),
      world.issue(),
      world.issue(),
    ];
    const pull = await world.pull();
    await world.push(pull.headBranch, `More\n\nResolves #${commit}`);
    world.clock.at += 5_000;
    pull.title = `Fix #${title}`;
    pull.body = `See #${other}. Closes https://${new URL(world.github.url).host}/acme/shop/issues/${body}, fixes #999999`;
    await land(pull);
    await queue.look(pull);
    expect([title, body, commit, other].map((issue) => world.isIssueOpen(issue))).toEqual([false, false, false, true]);
    const branch = await world.pull();
    branch.body = `Closes #${docs}`;
    world.repository.defaultBranch = "trunk";
    await land(branch);
    await queue.look(branch);
    world.repository.defaultBranch = "main";
    expect([world.isIssueOpen(docs), branch.state]).toEqual([true, "closed"]);
  });

  it("elsewhere are closed only for a person who may write there", async () => {
    const [mine, theirs] = [world.issue(), world.issue()];
    const seen: string[] = [];
    const there = queue.service.github;
    const service = {
      ...queue.service,
      github: async (repository: string) => {
        seen.push(repository);
        return there(repository);
      },
    };
    const pull = await world.pull({ by: "rob" });
    pull.body = `Closes other/place#${theirs}, closes #${mine}`;
    await land(pull);
    world.repository.collaborators.set("ann", "read");
    await queue.lookWith(service, pull);
    world.repository.collaborators.set("ann", "write");
    expect(seen).toContain("other/place");
    expect([world.isIssueOpen(mine), world.isIssueOpen(theirs)]).toEqual([false, true]);
  });
});

describe("a pull request that GitHub marks as merged", () => {
  const merge = ({ head }: PullRequest) => git(world.repository.git.path, ["update-ref", "refs/heads/main", head]);

  it("is waited for, and gets no further comment", async () => {
    const pull = await world.pull();
    await land(pull);
    await merge(pull);
    await expect(queue.look(pull)).rejects.toMatchObject({ detail: { retryAt: world.clock.at + 2_000 } });
    expect(pull.state).toBe("open");
    await world.github.sync("acme/shop");
    await queue.look(pull);
    expect([pull.mergedAt === null, endsOf(pull), [...pull.labels], await world.hasBranch(pull)]).toEqual([
      false,
      [],
      [],
      false,
    ]);
  });

  it("only later than a minute after the landing is closed as any other", async () => {
    const pull = await world.pull();
    await land(pull);
    await merge(pull);
    const summary = queue.gateway.requests.at(-1);
    if (summary !== undefined) Object.assign(summary, { at: world.clock.at - 61_000 });
    await queue.look(pull);
    expect([pull.state, endsOf(pull).length]).toEqual(["closed", 1]);
    await world.github.sync("acme/shop");
  });
});

describe("a head branch", () => {
  it("stays where the repository does not delete branches", async () => {
    world.repository.deletesBranches = false;
    const pull = await world.pull();
    await land(pull);
    await queue.look(pull);
    expect([pull.state, await world.hasBranch(pull)]).toEqual(["closed", true]);
  });

  it("that is protected, or that a queue lands on, stays", async () => {
    const pull = await world.pull();
    world.repository.protection.set(pull.headBranch, []);
    await land(pull);
    await queue.look(pull);
    expect([pull.state, await world.hasBranch(pull)]).toEqual(["closed", true]);
  });

  it("of a stack goes with the last pull request that is based on it, in any order; one above the stack is based on the trunk, and stays open", async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      queue = serviceOn(world);
      const low = await world.pull();
      const middle = await world.pull({ base: low.headBranch });
      const top = await world.pull({ base: middle.headBranch });
      await land(middle);
      for (const index of order) await queue.look([low, middle][index] ?? low);
      expect([low, middle, top].map(({ state }) => state)).toEqual(["closed", "closed", "open"]);
      expect(await Promise.all([low, middle, top].map((pull) => world.hasBranch(pull)))).toEqual([false, false, true]);
      expect(top.base).toBe("main");
      expect(endsOf(low)[0]?.body).toContain(`together with #${middle.number}`);
    }
  });
});

describe("a pull request above what has landed", () => {
  const aStack = async () => {
    const low = await world.pull();
    return { low, top: await world.pull({ base: low.headBranch }) };
  };

  it("is based on the trunk also where branches stay, and can land by itself then", async () => {
    world.repository.deletesBranches = false;
    const { low, top } = await aStack();
    await land(low);
    await queue.look(low);
    await queue.look(low);
    expect([top.base, top.state, await world.hasBranch(low)]).toEqual(["main", "open", true]);
    await land(top);
    expect(queue.gateway.requests.map(({ body: { changes } }) => changes.length)).toEqual([1, 1]);
  });

  it("does not lose its own request when its base becomes the trunk", async () => {
    const { low, top } = await aStack();
    world.comment(top, "/land");
    await queue.settle();
    world.change(top, { base: "main" });
    await queue.settle();
    world.change(top, { base: "elsewhere" });
    expect(queue.gateway.requests.map(({ cancel }) => cancel)).toEqual([undefined]);
    await queue.settle();
    expect(queue.gateway.requests[0]?.cancel).toMatch(/changed the base of the pull request, and it is now elsewhere/);
    expect(low.state).toBe("open");
  });

  it("keeps its base, and so keeps that branch alive, where the App may not change it, or GitHub refuses", async () => {
    for (const status of [403, 422]) {
      queue = serviceOn(world);
      const { low, top } = await aStack();
      await land(low);
      // Closed beforehand, so that the next change of a pull request is that of the base.
      const { close } = await queue.service.github("acme/shop");
      await close(low.number);
      world.github.refuseNext(new Refusal(status, "no"), "patch /repos/{owner}/{repo}/pulls/{pull_number}");
      await queue.look(low);
      expect([top.base, top.state, await world.hasBranch(low)]).toEqual([low.headBranch, "open", true]);
      expect(queue.store.rows.get(`acme/shop#${low.number}`)?.open).toBe(false);
    }
  });

  it.each<[string, (branch: string) => () => void]>([
    [
      "that is protected",
      (branch) => {
        world.repository.protection.set(branch, []);
        return () => world.repository.protection.delete(branch);
      },
    ],
    [
      "that is the default one",
      (branch) => {
        world.repository.defaultBranch = branch;
        return () => (world.repository.defaultBranch = "main");
      },
    ],
  ])("keeps its base on a branch %s: such a branch lives on", async (_what, make) => {
    const { low, top } = await aStack();
    const undo = make(low.headBranch);
    await land(low);
    await queue.look(low);
    undo();
    expect([low.state, top.base, top.state]).toEqual(["closed", low.headBranch, "open"]);
  });
});

it("a pull request that was pushed to while it landed stays open for the commits that did not land, and is told so once", async () => {
  const [issue, pull] = [world.issue(), await world.pull()];
  pull.body = `Closes #${issue}`;
  const { head } = pull;
  await land(pull);
  await world.push(pull.headBranch, "one more");
  await queue.settle();
  await queue.look(pull);
  expect(endsOf(pull).map(({ body }) => body)).toEqual([
    expect.stringMatching(`Landed as ${COMMIT}[\\s\\S]*That was ${head.slice(0, 10)}\\.[\\s\\S]*stays open`),
  ]);
  expect([pull.state, [...pull.labels], await world.hasBranch(pull), world.isIssueOpen(issue)]).toEqual([
    "open",
    [],
    true,
    true,
  ]);
  await queue.settle();
  world.clock.at += 5_000;
  world.comment(pull, "/land");
  await queue.settle();
  expect(queue.gateway.requests.map(({ body: { changes } }) => changes[0]?.split("/").at(-1))).toEqual([
    head,
    pull.head,
  ]);
});

it("a landing that added nothing says so", async () => {
  const pull = await world.pull();
  world.comment(pull, "/land");
  await queue.settle();
  Object.assign(queue.gateway.requests.at(-1) ?? {}, {
    status: "landed",
    reason: reasonOf("landed.nothing_new", "Nothing was added to main."),
  });
  await queue.look(pull);
  expect(endsOf(pull)[0]?.body).toContain("Nothing was left to land: `main` held all of it already");
});

describe("when the queue has been taken out of the configuration", () => {
  const without = (names: readonly string[]) => ({
    ...queue.service,
    queuesOf: (repository: string) => queue.service.queuesOf(repository).filter(({ name }) => !names.includes(name)),
  });

  it("a stack that has landed is finished on the branch that it landed on", async () => {
    const issue = world.issue();
    const low = await world.pull();
    const middle = await world.pull({ base: low.headBranch });
    const top = await world.pull({ base: middle.headBranch });
    middle.body = `Closes #${issue}`;
    await land(middle);
    await queue.lookWith(without(["main"]), middle);
    expect([top.base, world.isIssueOpen(issue), endsOf(middle)[0]?.body]).toEqual([
      "main",
      false,
      expect.stringContaining("on `main`"),
    ]);
  });

  it("the end of its last requests is shown where no queue of the repository is left", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    await queue.settle();
    const none = without(["main", "docs"]);
    await queue.lookWith(none, pull, true);
    Object.assign(queue.gateway.requests.at(-1) ?? {}, {
      status: "error",
      reason: reasonOf("queue.removed", "The queue is not configured any more."),
    });
    await queue.lookWith(none, pull, true);
    expect(endsOf(pull)[0]?.body).toContain("The queue is not configured any more.");
    expect(queue.store.rows.get(`acme/shop#${pull.number}`)?.open).toBe(false);
  });

  it("and the App has been taken off the repository, nothing is left to do", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    await queue.settle();
    const gone = async () => Promise.reject(new CodedError("config.invalid", "the App is not installed"));
    await queue.lookWith({ ...without(["main", "docs"]), github: gone }, pull, true);
    expect(queue.store.rows.get(`acme/shop#${pull.number}`)?.open).toBe(false);
  });
});

it("a look while the App is off the repository, or the row can't be read, is no dead letter, and a later look shows what was missed", async () => {
  const pull = await world.pull();
  world.comment(pull, "/land");
  await queue.settle();
  Object.assign(queue.gateway.requests.at(-1) ?? {}, { status: "landed", commit: COMMIT });
  const gone = async () => Promise.reject(new CodedError("config.invalid", "the App is not installed"));
  for (const verify of [true, false]) await queue.lookWith({ ...queue.service, github: gone }, pull, verify);
  const unreadable = async () => Promise.reject(new CodedError("store.unreadable", "a newer release wrote the row"));
  await queue.lookWith({ ...queue.service, store: { ...queue.store, get: unreadable } as PullsStore }, pull, true);
  expect([pull.state, queue.store.rows.get(`acme/shop#${pull.number}`)?.open]).toEqual(["open", true]);
  await queue.look(pull);
  expect([pull.state, queue.store.rows.get(`acme/shop#${pull.number}`)?.open]).toEqual(["closed", false]);
});

it("a pull request that has landed is closed also when the App may not close the issues that it mentions", async () => {
  const [issue, pull] = [world.issue(), await world.pull()];
  pull.body = `Closes #${issue}`;
  await land(pull);
  world.github.refuseNext(new Refusal(403, "no"), "patch /repos/{owner}/{repo}/issues/{issue_number}");
  await queue.look(pull);
  expect([world.isIssueOpen(issue), pull.state, await world.hasBranch(pull)]).toEqual([true, "closed", false]);
});

it("a pull request whose conversation is locked is landed and closed without a word", async () => {
  const pull = await world.pull();
  const locked = () =>
    world.github.refuseNext(
      new Refusal(403, "Unable to create comment because issue is locked."),
      "post /repos/{owner}/{repo}/issues/{issue_number}/comments",
    );
  locked();
  await land(pull);
  expect([queue.gateway.requests.length, world.checksOf(pull).length]).toEqual([1, 1]);
  Object.assign(queue.gateway.requests.at(-1) ?? {}, { status: "landed", commit: COMMIT });
  locked();
  await queue.look(pull);
  expect([pull.state, queue.store.rows.get(`acme/shop#${pull.number}`)?.open]).toEqual(["closed", false]);
});
