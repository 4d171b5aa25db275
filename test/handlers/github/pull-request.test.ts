import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { routeOf } from "../../../dashboard/routes.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import { createCheckRun, updateCheckRun } from "../../../localstack/fakes/github/checks.ts";
import { openPull } from "../../../localstack/fakes/github/pull-requests.ts";
import type { PullRequest, Review } from "../../../localstack/fakes/github/records.ts";
import { Refusal } from "../../../localstack/fakes/github/refusal.ts";
import { addReview, dismissReview } from "../../../localstack/fakes/github/reviews.ts";
import { stackPulls } from "../../../localstack/fakes/github/stacks.ts";
import { postStatus } from "../../../localstack/fakes/github/statuses.ts";
import { COMMIT, GitHubWorld, serviceOn } from "./world.ts";

let world: GitHubWorld;
let queue: ReturnType<typeof serviceOn>;
beforeAll(async () => {
  world = await GitHubWorld.start();
});
afterAll(() => world.stop());
beforeEach(() => {
  world.clock.at += 3_600_000;
  queue = serviceOn(world);
});

const ours = (pull: PullRequest) => world.commentsOf(pull).filter(({ by }) => by === "submitqueue[bot]");
const reactionsTo = (comment: { reactions: ReadonlyMap<string, { content: string }> }) =>
  [...comment.reactions.values()].map(({ content }) => content);
const landed = async (pull: PullRequest, body = "/land", by = "ann") => {
  const comment = world.comment(pull, body, by);
  await queue.settle();
  return comment;
};
const become = async (pull: PullRequest, index: number, change: Partial<(typeof queue.gateway.requests)[number]>) => {
  Object.assign(queue.gateway.requests[index] ?? {}, change);
  await queue.look(pull);
};

describe("a comment /land", () => {
  it("lands the head of the pull request, under a key of the comment, with check run and comment", async () => {
    const pull = await world.pull();
    const comment = await landed(pull);
    expect(queue.gateway.requests).toMatchObject([
      {
        key: `gh-${comment.id}`,
        body: { changes: [expect.stringMatching(`/acme/shop/pull/${pull.number}/${pull.head}$`)] },
      },
    ]);
    expect(reactionsTo(comment)).toEqual(["eyes", "rocket"]);
    expect(world.checksOf(pull)).toMatchObject([
      {
        status: "queued",
        title: "Queued",
        externalId: `main/1#${pull.number}`,
        detailsUrl: "https://queue.example/q/main/1",
      },
    ]);
    expect(ours(pull).map(({ body }) => body)).toEqual([expect.stringContaining("<!-- submitqueue:main -->")]);
    const [, link = ""] = /\]\(([^)\s]+)\)/.exec(ours(pull)[0]?.body ?? "") ?? [];
    expect(routeOf(new URL(link).pathname)).toEqual({ view: "request", queue: "main", number: 1 });
    await become(pull, 0, { status: "landing" });
    await become(pull, 0, { status: "landed", commit: COMMIT });
    expect(world.checksOf(pull)).toMatchObject([
      { status: "completed", conclusion: "success", title: "Landed as c0ffee0000" },
    ]);
    expect(ours(pull)[0]?.body).toContain("Landed as c0ffee");
    expect(pull.state).toBe("closed");
    expect(queue.store.rows.get(`acme/shop#${pull.number}`)?.open).toBe(false);
  });

  it("hands on queue, priority and strategy", async () => {
    const pull = await world.pull();
    await landed(pull, "/land docs priority=3 strategy=squash");
    expect(queue.gateway.requests[0]?.body).toMatchObject({ priority: 3, strategy: "SQUASH_REBASE" });
    expect(queue.store.rows.get(`acme/shop#${pull.number}`)?.asked?.queue).toBe("docs");
  });

  it("delivered again, also after the end, changes nothing", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    const delivery = queue.inbox.at(-1);
    await queue.settle();
    if (delivery === undefined) throw new Error("nothing was delivered");
    await queue.run(delivery);
    await become(pull, 0, { status: "cancelled", reason: reasonOf("cancelled.by_caller", "no") });
    await queue.run(delivery);
    expect(queue.gateway.requests).toHaveLength(1);
    expect(ours(pull)).toHaveLength(2);
  });

  it.each([
    ["without the right to write", "rob", {}, /right to write/],
    ["of a draft", "ann", { draft: true }, /draft/],
    ["of a queue that is not there", "ann", {}, /no queue of that name/],
  ])("%s is refused in one line", async (what, by, options, why) => {
    const pull = await world.pull(options);
    const comment = await landed(pull, what.includes("queue") ? "/land nowhere" : "/land", by);
    expect(queue.gateway.requests).toEqual([]);
    expect(reactionsTo(comment)).toEqual(["eyes", "confused"]);
    expect(ours(pull).map(({ body }) => body)).toEqual([expect.stringMatching(why)]);
  });

  it("by the author alone is taken where the App is configured so", async () => {
    queue = serviceOn(world, { authors: true });
    const own = await world.pull({ by: "rob" });
    await landed(own, "/land", "rob");
    expect(queue.gateway.requests).toHaveLength(1);
    const other = await world.pull({ by: "ann" });
    await landed(other, "/land", "rob");
    expect(queue.gateway.requests).toHaveLength(1);
  });

  it("is refused when the branch was pushed to between the comment and its delivery", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    world.clock.at += 5_000;
    await world.push(pull.headBranch, "sneaked in", "rob");
    await queue.settle();
    expect(queue.gateway.requests).toEqual([]);
    expect(ours(pull).map(({ body }) => body)).toEqual([expect.stringMatching(/pushed to after what you saw/)]);
  });

  it("in the very second of a push is refused, and taken when it names the commit", async () => {
    const pull = await world.pull();
    await world.push(pull.headBranch, "at once");
    await landed(pull);
    expect(queue.gateway.requests).toEqual([]);
    expect(ours(pull)[0]?.body).toContain(`/land commit=${pull.head}`);
    await landed(pull, `/land commit=${pull.head}`);
    expect(queue.gateway.requests).toHaveLength(1);
  });

  it.each(["> /land", "`/land`", "please /land", "```\n/land\n```", "/landing", "/assign @ann"])(
    "%j is no command",
    async (body) => {
      const pull = await world.pull();
      const comment = await landed(pull, body);
      expect([queue.gateway.requests, ours(pull), reactionsTo(comment)]).toEqual([[], [], []]);
    },
  );

  it("of a bot is taken only from a bot that is named", async () => {
    world.repository.collaborators.set("helper[bot]", "write");
    const pull = await world.pull();
    await landed(pull, "/land", "helper[bot]");
    expect(queue.gateway.requests).toEqual([]);
    queue = serviceOn(world, { bots: ["helper[bot]"] });
    await landed(pull, "/land", "helper[bot]");
    expect(queue.gateway.requests).toHaveLength(1);
  });

  it("that the gateway refuses is told in the gateway's words, and can be asked again", async () => {
    queue.gateway.refuseLand = { status: 409, code: "queue.draining", detail: "Queue main has been draining." };
    const pull = await world.pull();
    const comment = await landed(pull);
    expect(ours(pull)[0]?.body).toContain("Queue main has been draining.");
    expect(reactionsTo(comment)).toEqual(["eyes", "confused"]);
    queue.gateway.refuseLand = undefined;
    await landed(pull);
    expect(queue.gateway.requests).toHaveLength(1);
  });
});

describe("a request that ends otherwise than landed", () => {
  it("is told in a new comment that mentions the user who asked, with reason, build, and what to do, once", async () => {
    const pull = await world.pull();
    await landed(pull);
    const builds = [
      {
        buildKey: "a".repeat(32),
        outcome: "failed",
        url: "https://ci.example/7",
        at: new Date(world.clock.at).toISOString(),
      },
    ] as never;
    await become(pull, 0, {
      status: "error",
      reason: reasonOf("build.failed", "npm test failed\n@everyone: 1 failing"),
      builds,
    });
    const [, end] = ours(pull);
    for (const said of [
      "@ann, this pull request did not land",
      "build.failed",
      "https://ci.example/7",
      "Next:",
      "1 failing",
    ])
      expect(end?.body).toContain(said);
    expect(end?.body).toMatch(/```text\nnpm test failed\n@everyone/);
    expect(world.checksOf(pull)).toMatchObject([{ conclusion: "failure", actions: [{ label: "Land again" }] }]);
    await queue.look(pull);
    await queue.look(pull, true);
    expect(ours(pull)).toHaveLength(2);
    expect(pull.state).toBe("open");
  });

  it("names the pull request that is in the way", async () => {
    const [first, second] = [await world.pull(), await world.pull()];
    await landed(first);
    await landed(second);
    await become(second, 1, { status: "error", reason: reasonOf("merge.conflict", "a.txt conflicts with main/1.") });
    expect(ours(second).at(-1)?.body).toContain(`In the way: #${first.number}.`);
  });

  it("lands again by the button of the check, and by GitHub's own Re-run", async () => {
    const pull = await world.pull();
    await landed(pull);
    await become(pull, 0, { status: "error", reason: reasonOf("build.failed", "red") });
    const [check] = world.checksOf(pull);
    if (check === undefined) throw new Error("there is no check run");
    const press = (event: string, id: string, button?: string) =>
      queue.run({
        v: 1,
        kind: "delivery",
        id,
        event,
        repository: "acme/shop",
        pull: pull.number,
        sender: { login: "ann", isBot: false },
        head: pull.head as never,
        check: { id: check.id, name: "Submitqueue", ...(button === undefined ? {} : { button }) },
      });
    await press("check_run.requested_action", "p1", "something-else");
    expect(queue.gateway.requests).toHaveLength(1);
    await press("check_run.requested_action", "p2", "land-again");
    expect(queue.gateway.requests).toHaveLength(2);
    expect(world.checksOf(pull)).toMatchObject([{ status: "queued", externalId: `main/2#${pull.number}` }]);
    await become(pull, 1, { status: "error", reason: reasonOf("build.failed", "red again") });
    await press("check_run.rerequested", "p3");
    await press("check_run.rerequested", "p3");
    expect(queue.gateway.requests).toHaveLength(3);
  });
});

describe("a request is cancelled, with the reason, by", () => {
  it.each<[string, (pull: PullRequest) => unknown, RegExp]>([
    ["a comment /cancel", (pull) => world.comment(pull, "/cancel"), /@ann asked for it/],
    ["a push", (pull) => world.push(pull.headBranch, "more", "rob"), /@rob pushed/],
    ["a draft", (pull) => world.change(pull, { draft: true }), /@ann made the pull request a draft/],
    ["closing", (pull) => world.change(pull, { state: "closed" }), /@ann closed/],
    ["another base", (pull) => world.change(pull, { base: "other" }), /changed the base/],
  ])("%s", async (_what, act, why) => {
    if (!(await world.repository.git.refs("refs/heads/")).has("refs/heads/other")) await world.push("other", "other");
    const pull = await world.pull();
    await landed(pull);
    world.clock.at += 5_000;
    await act(pull);
    await queue.settle();
    expect(queue.gateway.requests).toMatchObject([{ status: "cancelled", cancel: expect.stringMatching(why) }]);
    expect(ours(pull).filter(({ body }) => body.includes("submitqueue:end:main/1"))).toHaveLength(1);
  });

  it("no comment of a user who may neither write nor has asked: that user is told so, once", async () => {
    const pull = await world.pull();
    await landed(pull);
    world.clock.at += 5_000;
    const { id } = world.comment(pull, "/cancel", "rob");
    const [message] = queue.inbox;
    await queue.settle();
    if (message !== undefined) await queue.run(message);
    expect(queue.gateway.requests).toMatchObject([{ status: "accepted" }]);
    const told = ours(pull).filter(({ body }) => body.includes(`gh-${id}`));
    expect(told.map(({ body }) => body)).toEqual([expect.stringContaining("@rob may not cancel this")]);
  });

  it("a comment of another user who may write, and of the author where authors may land", async () => {
    for (const [authors, by, author] of [
      [false, "cleo", "ann"],
      [true, "rob", "rob"],
    ] as const) {
      world.repository.collaborators.set("cleo", "write");
      queue = serviceOn(world, { authors });
      const pull = await world.pull({ by: author });
      await landed(pull);
      world.clock.at += 5_000;
      world.comment(pull, "/cancel", by);
      await queue.settle();
      expect(queue.gateway.requests).toMatchObject([{ cancel: `@${by} asked for it` }]);
    }
  });

  it("the label that is removed, after it had landed the pull request", async () => {
    const pull = await world.pull();
    // The repository has a label of that name: GitHub knows no other by the same letters.
    world.label(pull, "labeled", "Land");
    await queue.settle();
    expect(queue.gateway.requests).toMatchObject([{ key: expect.stringMatching(/^gh-label-/) }]);
    world.clock.at += 5_000;
    world.label(pull, "unlabeled");
    await queue.settle();
    expect(queue.gateway.requests).toMatchObject([{ cancel: "@ann removed the label land" }]);
  });

  it("no word that is older than the request: a late /cancel, a late push of the commit that is to land", async () => {
    const pull = await world.pull();
    world.comment(pull, "/cancel");
    const late = queue.inbox.splice(0).at(-1);
    world.clock.at += 5_000;
    await landed(pull);
    if (late === undefined) throw new Error("nothing was delivered");
    await queue.run(late);
    await queue.run({ ...late, kind: "delivery", event: "pull_request.synchronize", id: "late" } as never);
    expect(queue.gateway.requests).toMatchObject([{ status: "accepted" }]);
  });

  it("a change whose webhook was lost: the next look finds it", async () => {
    const pull = await world.pull();
    await landed(pull);
    await world.push(pull.headBranch, "unseen");
    queue.inbox.length = 0;
    await queue.look(pull, true);
    expect(queue.gateway.requests).toMatchObject([{ cancel: expect.stringMatching(/pushed to/) }]);
  });
});

describe("a stack", () => {
  const stackOfThree = async () => {
    const low = await world.pull();
    const middle = await world.pull({ base: low.headBranch });
    const top = await world.pull({ base: middle.headBranch });
    return [low, middle, top] as const;
  };

  it("lands up to the pull request that was asked on, as one request; each member shows it", async () => {
    const [low, middle, top] = await stackOfThree();
    await landed(middle);
    expect(queue.gateway.requests[0]?.body.changes.map((uri) => uri.split("/").at(-2))).toEqual(
      [low, middle].map(({ number }) => String(number)),
    );
    await queue.look(low);
    expect([low, middle, top].map((pull) => world.checksOf(pull).length)).toEqual([1, 1, 0]);
    expect(ours(middle)[0]?.body).toContain(`#${low.number}, #${middle.number}`);
    await become(middle, 0, { status: "error", reason: reasonOf("build.failed", "red") });
    await queue.look(low);
    expect([ours(low).length, ours(middle).length]).toEqual([1, 2]);
    expect(world.checksOf(low)).toMatchObject([{ conclusion: "failure" }]);
  });

  it("is cancelled by a push to a lower one", async () => {
    const [low, middle] = await stackOfThree();
    await landed(middle);
    await world.push(low.headBranch, "more");
    await queue.settle();
    expect(queue.gateway.requests).toMatchObject([{ cancel: expect.stringContaining(`(#${low.number}`) }]);
  });

  it("closes all its members once it has landed", async () => {
    const [low, middle] = await stackOfThree();
    await landed(middle);
    await become(middle, 0, { status: "landed", commit: "a".repeat(40) });
    await queue.look(low);
    expect([low.state, middle.state]).toEqual(["closed", "closed"]);
    expect([...queue.store.rows.values()].filter(({ open }) => open)).toEqual([]);
  });
});

describe("a question", () => {
  it.each([
    ["/why", /main\/1.*It is accepted/],
    ["/help", /lands this pull request/],
    ["/land a b", /not the name of a queue/],
    ["/land priority=x", /whole number/],
    ["/land nope=1", /not an option/],
  ])("%s is answered once", async (body, text) => {
    const pull = await world.pull();
    await landed(pull);
    world.comment(pull, body);
    const delivery = queue.inbox.at(-1);
    await queue.settle();
    if (delivery !== undefined) await queue.run(delivery);
    expect(
      ours(pull)
        .slice(1)
        .map((comment) => comment.body),
    ).toEqual([expect.stringMatching(text)]);
  });

  it("/status brings the one comment up to date", async () => {
    const pull = await world.pull();
    await landed(pull);
    const before = ours(pull)[0]?.edits ?? 0;
    await landed(pull, "/status");
    expect(ours(pull)).toMatchObject([{ edits: before + 1 }]);
  });
});

describe("GitHub's limits and failures", () => {
  it("the comment is edited when the state changes, and never for an event alone", async () => {
    const pull = await world.pull();
    await landed(pull);
    const calls = world.github.calls.length;
    for (let n = 0; n < 5; n++) await queue.look(pull);
    expect(world.github.calls.slice(calls)).toEqual([]);
  });

  it("used-up content makes the message wait, with nothing lost", async () => {
    queue.store.perMinute = 0;
    const pull = await world.pull();
    world.comment(pull, "/land");
    const delivery = queue.inbox.splice(0).at(-1);
    if (delivery === undefined) throw new Error("nothing was delivered");
    await expect(queue.run(delivery)).rejects.toMatchObject({ code: "github.limited" });
    world.clock.at += 61_000;
    await expect(queue.run(delivery)).rejects.toMatchObject({ code: "github.limited" });
    queue.store.perMinute = 100;
    await queue.run(delivery);
    expect([queue.gateway.requests.length, world.checksOf(pull).length, ours(pull).length]).toEqual([1, 1, 1]);
  });

  it("a rate limit of GitHub says when to come back", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    const delivery = queue.inbox.splice(0).at(-1);
    world.github.limitNext({ retryAfterSeconds: 90 });
    if (delivery === undefined) throw new Error("nothing was delivered");
    await expect(queue.run(delivery)).rejects.toMatchObject({ detail: { retryAt: world.clock.at + 90_000 } });
    await queue.run(delivery);
    expect(queue.gateway.requests).toHaveLength(1);
  });

  it("a token that was taken back is made anew", async () => {
    const pull = await world.pull();
    world.github.identities.revokeAll();
    await landed(pull);
    expect(queue.gateway.requests).toHaveLength(1);
  });

  it.each([
    "post /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "post /repos/{owner}/{repo}/check-runs",
    "post /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "patch /repos/{owner}/{repo}/issues/comments/{comment_id}",
  ])("a 502 of %s after its work was done makes nothing twice", async (operation) => {
    const pull = await world.pull();
    const asked = world.comment(pull, "/land");
    world.github.loseAnswerOfNext(operation);
    const run = async (work: () => Promise<void>) => {
      const error = await work().catch((caught: unknown) => caught);
      if (error !== undefined) await work();
      return error;
    };
    const [message] = queue.inbox.splice(0).slice(-1);
    if (message === undefined) throw new Error("nothing was delivered");
    const errors = [await run(() => queue.run(message))];
    Object.assign(queue.gateway.requests[0] ?? {}, {
      status: "error",
      reason: reasonOf("build.failed", "Two tests fail."),
    });
    errors.push(await run(() => queue.look(pull)));
    expect(errors.filter((error) => error !== undefined)).toMatchObject([{ code: "github.unavailable" }]);
    expect(queue.gateway.requests).toHaveLength(1);
    expect(world.checksOf(pull)).toHaveLength(1);
    expect(ours(pull).map(({ body }) => body.slice(0, 22))).toEqual([
      "<!-- submitqueue:main ",
      "<!-- submitqueue:end:m",
    ]);
    expect(new Set(reactionsTo(asked)).size).toBe(asked.reactions.size);
  });

  it("a 502 is tried again", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    const delivery = queue.inbox.splice(0).at(-1);
    world.github.refuseNext(new Refusal(502, "Server Error"));
    if (delivery === undefined) throw new Error("nothing was delivered");
    await expect(queue.run(delivery)).rejects.toMatchObject({ code: "github.unavailable" });
    await queue.run(delivery);
    expect(queue.gateway.requests).toHaveLength(1);
  });
});

describe("a review", () => {
  const review = async (pull: PullRequest, state: Review["state"]) => {
    const made = addReview(world.github, world.repository, pull, state, "bob");
    await queue.settle();
    return made;
  };
  const rule = () => world.repository.reviewRules.set("main", { by: "classic", approvals: 1 });
  beforeEach(() => world.repository.collaborators.set("bob", "write"));
  afterEach(() => world.repository.reviewRules.clear());

  it("has the request that waits for it look again, and says that it waits in one comment", async () => {
    rule();
    const pull = await world.pull();
    await landed(pull);
    const sentence = `Waiting for a review: #${pull.number} is not approved yet.`;
    await become(pull, 0, { status: "validating", blocker: "review", sentence });
    expect(world.checksOf(pull)).toMatchObject([{ status: "queued", title: "Waiting, not in the queue yet" }]);
    expect(ours(pull).map(({ body }) => body)).toEqual([expect.stringContaining(sentence)]);
    await review(pull, "APPROVED");
    expect(queue.gateway.rechecked).toEqual([1]);
    expect(queue.gateway.requests[0]?.cancel).toBeUndefined();
  });

  it("that is withdrawn takes the request out of the queue, and the user who asked is told", async () => {
    rule();
    const pull = await world.pull();
    const approval = await review(pull, "APPROVED");
    await landed(pull);
    await become(pull, 0, { status: "speculating" });
    await review(pull, "COMMENTED");
    expect(queue.gateway.requests[0]?.status).toBe("speculating");
    dismissReview(world.github, world.repository, pull, approval, "cleo");
    await queue.settle();
    expect(queue.gateway.requests[0]?.cancel).toMatch(/^The review was withdrawn while the request was in the queue/);
    expect(ours(pull).at(-1)?.body).toMatch(/@ann, this pull request was cancelled[\s\S]*The review was withdrawn/);
  });

  it("of a lower pull request of a stack concerns the request of the whole stack", async () => {
    const low = await world.pull();
    const top = await world.pull({ base: low.headBranch });
    await landed(top);
    await become(top, 0, { status: "speculating" });
    await review(low, "CHANGES_REQUESTED");
    expect(queue.gateway.requests[0]?.cancel).toMatch(/@bob asked for changes of #\d+/);
  });

  it("is not the only thing to wait for: the end of a check, or of a suite, has the request look again, too", async () => {
    const pull = await world.pull();
    await landed(pull);
    await become(pull, 0, { status: "validating", blocker: "checks", sentence: "Waiting for checks." });
    const words = { name: "unit", status: "in_progress" as const };
    const run = createCheckRun(world.github, world.repository, { sha: pull.head, appId: 15_368, words });
    await queue.settle();
    expect(queue.gateway.rechecked).toEqual([]);
    updateCheckRun(world.github, world.repository, run, { conclusion: "success" });
    await queue.settle();
    // By the end of the check, and by that of its suite.
    expect(queue.gateway.rechecked).toEqual([1, 1]);
  });

  it.each(["success", "failure", "pending"] as const)(
    "or a check is waited for, and a commit status (%s) names no pull request: it is found by its head",
    async (state) => {
      const low = await world.pull();
      const top = await world.pull({ base: low.headBranch });
      await landed(top);
      await become(top, 0, { status: "validating", blocker: "checks", sentence: "Waiting for checks." });
      const other = await world.pull();
      for (const { head } of [low, other])
        await postStatus(world.github, world.repository, { sha: head, state, creator: "ci", context: "unit" });
      await queue.settle();
      expect(queue.gateway.rechecked).toEqual(state === "pending" ? [] : [1]);
    },
  );

  it("is not withdrawn by a check that ends while the request is in the queue, and none is looked for", async () => {
    rule();
    const pull = await world.pull();
    await landed(pull);
    await become(pull, 0, { status: "speculating" });
    const before = world.github.calls.length;
    await postStatus(world.github, world.repository, { sha: pull.head, state: "success", creator: "ci" });
    await queue.settle();
    expect(queue.gateway.requests[0]?.cancel).toBeUndefined();
    expect(world.github.calls.slice(before)).toEqual([]);
  });

  it("of a pull request without a request changes nothing, nor does one of a request that has ended", async () => {
    const pull = await world.pull();
    await review(pull, "APPROVED");
    await landed(pull);
    await become(pull, 0, { status: "landed", commit: "a".repeat(40) });
    await review(pull, "CHANGES_REQUESTED");
    expect(queue.gateway.rechecked).toEqual([]);
    expect(queue.gateway.requests).toHaveLength(1);
  });
});

describe("a stack of GitHub's own", () => {
  it("is landed up to the pull request, in its order, without what was merged already", async () => {
    const merged = await world.pull();
    const low = await world.pull({ base: merged.headBranch });
    const top = await world.pull({ base: low.headBranch });
    const above = await world.pull({ base: top.headBranch });
    // Another pull request of the same branch: by branches alone this one would be taken.
    const twin = await openPull(world.github, world.repository, {
      title: "Twin",
      head: low.headBranch,
      base: "main",
      by: "ann",
    });
    stackPulls(world.github, world.repository, [merged, low, top, above], "ann");
    world.change(low, { base: "main" });
    merged.state = "closed";
    merged.mergedAt = world.clock.at;
    await landed(top);
    const changes = queue.gateway.requests[0]?.body.changes.map((uri) => Number(/pull\/(\d+)/.exec(uri)?.[1]));
    expect(changes).toEqual([low.number, top.number]);
    expect(changes).not.toContain(twin.number);
  });
});
