import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LandBody } from "../../../functions/contracts/api/land-call.ts";
import { CodedError } from "../../../functions/contracts/errors.ts";
import { QueueName, Sqid } from "../../../functions/contracts/ids.ts";
import { reasonOf } from "../../../functions/contracts/reasons.ts";
import { handle } from "../../../functions/handlers/github/commands.lambda.ts";
import type { PullRequest } from "../../../localstack/fakes/github/records.ts";
import { git } from "../../../localstack/sandbox/git.ts";
import { COMMIT, GitHubWorld, REPOSITORY, serviceOn } from "./world.ts";

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

const commentsOf = (pull: PullRequest) => world.commentsOf(pull).map(({ body }) => body);
const rowOf = ({ number }: PullRequest) => queue.store.rows.get(`${REPOSITORY}#${number}`);
/** What GitHub shows of a pull request. */
const shown = async (pull: PullRequest) => ({
  state: pull.state,
  labels: [...pull.labels],
  comments: commentsOf(pull).length,
  hasBranch: await world.hasBranch(pull),
});
const CLOSED = { state: "closed", labels: ["landed"], comments: 1, hasBranch: false };

/** A request that the command line has asked for, with the heads that the pull requests have now. Answers its sqid. */
function askedFor(pulls: readonly PullRequest[], more: Partial<(typeof queue.gateway.requests)[number]> = {}): Sqid {
  const changes = pulls.map(({ number, head }) => `github://github.example/${REPOSITORY}/pull/${number}/${head}`);
  const landed = { status: "landed" as const, commit: COMMIT, builds: [], on: [], at: world.clock.at };
  const count = queue.gateway.requests.push({ body: LandBody.parse({ changes }), key: "typed", ...landed, ...more });
  return Sqid.parse(`main/${count}`);
}

/** The message by which `report` tells that the request has landed the pull request. */
const told = ({ number }: PullRequest, sqid: Sqid, { leftOut = 0, on = queue.service } = {}) =>
  handle(on, {
    v: 1,
    kind: "look",
    repository: REPOSITORY,
    pull: number,
    id: `${sqid}/landed`,
    verify: false,
    landing: { sqid, leftOut },
  });

it("a pull request is told so once, labelled, closed, and its branch is deleted; it gets a check run, and no status comment", async () => {
  const [here, elsewhere, pull] = [world.issue(), world.issue(), await world.pull()];
  pull.body = `Closes #${here}, closes other/place#${elsewhere}`;
  const sqid = askedFor([pull]);
  await told(pull, sqid);
  await told(pull, sqid);
  await queue.look(pull, true);
  expect(commentsOf(pull)).toEqual([expect.stringMatching(`Landed as ${COMMIT} on \`main\` \\(\\[request ${sqid}\\]`)]);
  expect(await shown(pull)).toEqual(CLOSED);
  expect(world.checksOf(pull).map(({ conclusion }) => conclusion)).toEqual(["success"]);
  // The App knows no login of the caller, so whether the caller may close the issue of another repository is not known.
  expect([world.isIssueOpen(here), world.isIssueOpen(elsewhere), rowOf(pull)?.open]).toEqual([false, true, false]);
});

it.each(["before", "after"] as const)(
  "broken off %s each of the first calls of GitHub in turn, it is finished by the repeat, with one comment",
  async (moment) => {
    const pull = await world.pull();
    const sqid = askedFor([pull]);
    // The calls after these are those of a landing by a command.
    for (const at of [1, 2, 3, 4, 5]) {
      world.github.cut({ at, moment });
      await expect(told(pull, sqid)).rejects.toThrow();
      world.github.cut(undefined);
    }
    await told(pull, sqid);
    expect([await shown(pull), world.checksOf(pull).length, rowOf(pull)?.open]).toEqual([CLOSED, 1, false]);
  },
);

it("a look whose process dies for good is made up for by the look of each minute", async () => {
  const pull = await world.pull();
  world.github.cut({ at: 4, moment: "before" });
  await expect(told(pull, askedFor([pull]))).rejects.toThrow();
  world.github.cut(undefined);
  expect(await queue.store.open()).toEqual([{ repository: REPOSITORY, pull: pull.number }]);
  await queue.look(pull, true);
  expect(await shown(pull)).toEqual(CLOSED);
});

it("a pull request that GitHub marks as merged is waited for, and gets no comment", async () => {
  const pull = await world.pull();
  const sqid = askedFor([pull]);
  await git(world.repository.git.path, ["update-ref", "refs/heads/main", pull.head]);
  await expect(told(pull, sqid)).rejects.toMatchObject({ detail: { retryAt: world.clock.at + 2_000 } });
  await world.github.sync(REPOSITORY);
  await told(pull, sqid);
  expect(pull.mergedAt).not.toBeNull();
  expect(await shown(pull)).toEqual({ state: "closed", labels: [], comments: 0, hasBranch: false });
});

it.each([
  ["the lower one", 0],
  ["the upper one", 1],
])(
  "a stack is closed, and the pull request above it is based on the trunk, when %s is looked at first",
  async (_what, first) => {
    const low = await world.pull();
    const middle = await world.pull({ base: low.headBranch });
    const top = await world.pull({ base: middle.headBranch });
    const stack = [low, middle];
    const sqid = askedFor(stack);
    for (const pull of first === 0 ? stack : stack.toReversed()) await told(pull, sqid);
    expect([await shown(low), await shown(middle)]).toEqual([CLOSED, CLOSED]);
    expect(commentsOf(low)[0]).toContain(`together with #${middle.number}`);
    expect([top.base, top.state]).toEqual(["main", "open"]);
  },
);

it("a pull request that the event had no room for is closed by the look of the next minute", async () => {
  const [first, second] = [await world.pull(), await world.pull()];
  await told(first, askedFor([first, second]), { leftOut: 1 });
  expect([first.state, second.state]).toEqual(["closed", "open"]);
  for (const { pull } of await queue.store.open()) await queue.look(pull === second.number ? second : first, true);
  expect(await shown(second)).toEqual(CLOSED);
});

describe("a pull request that is not what has landed", () => {
  it("because it was pushed to since stays open, and a comment says what landed and what did not, once", async () => {
    const [issue, pull] = [world.issue(), await world.pull()];
    pull.body = `Closes #${issue}`;
    const { head } = pull;
    const sqid = askedFor([pull]);
    await world.push(pull.headBranch, "one more");
    await told(pull, sqid);
    await told(pull, sqid);
    await queue.look(pull, true);
    expect(commentsOf(pull)).toEqual([
      expect.stringMatching(`Landed as ${COMMIT}[\\s\\S]*That was ${head.slice(0, 10)}\\.[\\s\\S]*stays open`),
    ]);
    expect(await shown(pull)).toEqual({ state: "open", labels: [], comments: 1, hasBranch: true });
    expect([world.isIssueOpen(issue), rowOf(pull)?.open]).toEqual([true, false]);
  });

  it("because a user has closed it gets a comment and no more, also when the look is broken off", async () => {
    for (const moment of ["before", "after"] as const) {
      const [issue, pull] = [world.issue(), await world.pull()];
      pull.body = `Closes #${issue}`;
      world.change(pull, { state: "closed" });
      const sqid = askedFor([pull]);
      let isBroken = true;
      for (let at = 1; isBroken; at++) {
        world.github.cut({ at, moment });
        isBroken = await told(pull, sqid).then(
          () => false,
          () => true,
        );
        world.github.cut(undefined);
      }
      expect(await shown(pull)).toEqual({ state: "closed", labels: [], comments: 1, hasBranch: true });
      expect(world.isIssueOpen(issue)).toBe(true);
    }
  });

  it("any more, for a user has opened it again, is not closed by a repeat of the event, also after another request", async () => {
    const pull = await world.pull();
    world.repository.deletesBranches = false;
    const sqid = askedFor([pull]);
    await told(pull, sqid);
    world.change(pull, { state: "open" });
    await told(pull, sqid);
    expect(pull.state).toBe("open");
    world.comment(pull, "/land");
    await queue.settle();
    Object.assign(queue.gateway.requests.at(-1) ?? {}, { status: "error", reason: reasonOf("build.failed", "red") });
    await queue.look(pull);
    await told(pull, sqid);
    expect([pull.state, queue.gateway.requests.length]).toEqual(["open", 2]);
  });
});

describe("a pull request with a request of a command", () => {
  it("that is still open is left to that request", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    await queue.settle();
    await told(pull, askedFor([pull]));
    expect([pull.state, rowOf(pull)?.asked?.sqid]).toEqual(["open", "main/1"]);
  });

  it("that comes before the gateway says that the pull request has landed follows that request", async () => {
    const pull = await world.pull();
    await told(pull, askedFor([pull], { status: "landing" }));
    world.comment(pull, "/land");
    await queue.settle();
    expect([queue.gateway.requests.length, rowOf(pull)?.asked?.sqid]).toEqual([2, "main/2"]);
  });

  it("that has failed is told that end first; its status comment is brought up to date, and it is closed", async () => {
    const pull = await world.pull();
    world.comment(pull, "/land");
    await queue.settle();
    Object.assign(queue.gateway.requests.at(-1) ?? {}, { status: "error", reason: reasonOf("build.failed", "red") });
    await told(pull, askedFor([pull]));
    const [, status, failed, landed, ...more] = commentsOf(pull);
    expect(status).toContain(`**Landed as ${COMMIT}** in \`main\` ([request main/2](https://queue.example/q/main/2)).`);
    expect([failed, landed]).toEqual([expect.stringContaining("did not land"), expect.stringContaining("Landed as")]);
    expect([more, pull.state]).toEqual([[], "closed"]);
  });
});

describe("nothing is told", () => {
  const untouched = { state: "open", labels: [], comments: 0, hasBranch: true };

  it("as long as the gateway does not say so itself, and a user can't cancel what has landed", async () => {
    const pull = await world.pull();
    const sqid = askedFor([pull], { status: "landing" });
    await told(pull, sqid);
    world.change(pull, { draft: true });
    await queue.settle();
    await queue.look(pull, true);
    expect(await shown(pull)).toEqual(untouched);
    expect([world.checksOf(pull), queue.gateway.requests[0]?.status]).toEqual([[], "landing"]);
    Object.assign(queue.gateway.requests[0] ?? {}, { status: "landed" });
    await queue.look(pull, true);
    expect(await shown(pull)).toEqual(CLOSED);
  });

  it("where the queue is none of the App's", async () => {
    const pull = await world.pull();
    queue = serviceOn(world, { repositories: { [REPOSITORY]: [QueueName.parse("docs")] } });
    await told(pull, askedFor([pull]));
    expect([await shown(pull), rowOf(pull)]).toEqual([untouched, undefined]);
  });

  it("of a repository that the request has no pull request of", async () => {
    const [pull, other] = [await world.pull(), await world.pull()];
    await told(
      pull,
      askedFor([other], {
        body: LandBody.parse({ changes: [`github://github.example/other/place/pull/${pull.number}/${other.head}`] }),
      }),
    );
    expect([await shown(pull), rowOf(pull)]).toEqual([untouched, undefined]);
  });

  it("where the App is not installed", async () => {
    const pull = await world.pull();
    const gone = async () => Promise.reject(new CodedError("config.invalid", "the App is not installed"));
    await told(pull, askedFor([pull]), { on: { ...queue.service, github: gone } });
    expect([await shown(pull), rowOf(pull)]).toEqual([untouched, undefined]);
  });
});

it("used-up content makes the message wait until GitHub takes more, with nothing lost", async () => {
  const pull = await world.pull();
  const sqid = askedFor([pull]);
  queue.store.perMinute = 0;
  await expect(told(pull, sqid)).rejects.toMatchObject({ detail: { retryAt: world.clock.at + 60_000 } });
  queue.store.perMinute = 1_000;
  world.clock.at += 60_000;
  await told(pull, sqid);
  expect(await shown(pull)).toEqual(CLOSED);
});
