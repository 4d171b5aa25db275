import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { retryAtOf } from "../../functions/adapters/github/errors.ts";
import { reviewedQueues } from "../../functions/adapters/github/reviewed-queues.ts";
import { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { QueueConfig } from "../../functions/contracts/queues.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import type { Standing } from "../../functions/domain/pull-request.ts";
import { createCheckRun } from "../../localstack/fakes/github/checks.ts";
import { changePull, openPull } from "../../localstack/fakes/github/pull-requests.ts";
import type { PullRequest } from "../../localstack/fakes/github/records.ts";
import { Refusal } from "../../localstack/fakes/github/refusal.ts";
import { addReview, dismissReview } from "../../localstack/fakes/github/reviews.ts";
import type { ReviewRule } from "../../localstack/fakes/github/state.ts";
import { GitHubWorld, REPOSITORY } from "../handlers/github/world.ts";

let world: GitHubWorld;
beforeAll(async () => {
  world = await GitHubWorld.start();
  world.repository.collaborators.set("bob", "write").set("cleo", "write");
  await world.push("shared", "shared");
});
afterAll(() => world.stop());
beforeEach(() => {
  world.repository.reviewRules.clear();
  world.repository.ruleset.clear();
  world.github.calls.length = 0;
  world.github.hasGraphql = true;
});

/** A pull request of a branch that many share: it costs two git processes, where a branch of its own costs ten. */
const shared = (base = "main"): Promise<PullRequest> =>
  openPull(world.github, world.repository, { title: "Shared", head: "shared", base, by: "ann" });
const queue = (waitFor: readonly string[] = ["review"]): QueueConfig => {
  const [main] = world.queues.queues;
  if (main?.changeProvider?.type !== "github") throw new Error("the queue lands no pull requests");
  return { ...main, changeProvider: { ...main.changeProvider, waitFor: [...waitFor] as ("review" | "checks")[] } };
};
const secrets = {
  send: async () => {
    const { id: appId, privateKey } = world.github.identities.app;
    return { SecretString: JSON.stringify({ appId, privateKey }) };
  },
} as unknown as SecretsManagerClient;
const reviews = () => reviewedQueues({ secrets, now: () => epochMs(world.clock.at) });
const uriOf = ({ number, head }: PullRequest) =>
  ChangeUri.parse(`github://github.com/${REPOSITORY}/pull/${number}/${head}`);
const standing = (pulls: readonly PullRequest[], waitFor?: readonly string[]): Promise<Standing> =>
  reviews().standing(queue(waitFor), pulls.map(uriOf));
const rule = (of: ReviewRule, branch = "main") => void world.repository.reviewRules.set(branch, of);
const review = (pull: PullRequest, state: "APPROVED" | "CHANGES_REQUESTED", by = "bob") =>
  addReview(world.github, world.repository, pull, state, by);
const told = (one: Standing): string => (one.kind === "fit" ? "" : `${one.reason.code}: ${one.reason.message}`);

describe("the review of a pull request", () => {
  it("is waited for where classic protection asks for it, and is there once GitHub says so: one call", async () => {
    rule({ by: "classic", approvals: 1 });
    const pull = await shared();
    world.github.calls.length = 0;
    const waiting = await standing([pull]);
    expect(waiting).toMatchObject({ kind: "waits", for: "review" });
    expect(told(waiting)).toBe(`change.not_reviewed: Waiting for a review: #${pull.number} is not approved yet.`);
    expect(world.github.calls.filter((call) => !call.includes("installation"))).toEqual(["post /graphql"]);
    review(pull, "APPROVED");
    expect(await standing([pull])).toMatchObject({ kind: "fit" });
  });

  it("is missing again once it was dismissed, also by a push", async () => {
    rule({ by: "classic", approvals: 1, dismissesStale: true });
    const pull = await world.pull();
    const approval = review(pull, "APPROVED");
    dismissReview(world.github, world.repository, pull, approval, "cleo");
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "review" });
    review(pull, "APPROVED");
    await world.push(pull.headBranch, "more");
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "review" });
  });

  it("that asks for changes ends the request, and names the reviewer", async () => {
    rule({ by: "classic", approvals: 1 });
    const pull = await shared();
    review(pull, "CHANGES_REQUESTED", "cleo");
    const refused = await standing([pull]);
    expect(told(refused)).toMatch(/^change.changes_requested: @cleo asked for changes of #\d+\. Land it again once/);
    world.repository.reviewRules.clear();
    expect(await standing([pull])).toMatchObject({ kind: "refused" });
  });

  it("of code owners counts as GitHub's verdict has it", async () => {
    rule({ by: "classic", approvals: 1, codeOwners: ["cleo"] });
    const pull = await shared();
    review(pull, "APPROVED", "bob");
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "review" });
    review(pull, "APPROVED", "cleo");
    expect(await standing([pull])).toMatchObject({ kind: "fit" });
  });

  it("of a team that a ruleset names is waited for, though GitHub's verdict leaves it out", async () => {
    rule({ by: "ruleset", team: ["cleo"] });
    const pull = await shared();
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "review" });
    review(pull, "APPROVED", "bob");
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "review" });
    review(pull, "APPROVED", "cleo");
    expect(await standing([pull])).toMatchObject({ kind: "fit" });
  });

  it("is not waited for where nothing asks for one, nor where the queue does not", async () => {
    const pull = await shared();
    expect(await standing([pull])).toMatchObject({ kind: "fit" });
    rule({ by: "classic", approvals: 2 });
    expect(await standing([pull], [])).toMatchObject({ kind: "fit" });
  });

  it("of a stack follows the rule of the branch that it lands on, and not of the branch that it is based on", async () => {
    rule({ by: "classic", approvals: 1 });
    const low = await world.pull();
    const top = await world.pull({ base: low.headBranch });
    review(low, "APPROVED");
    const waiting = await standing([low, top]);
    expect(told(waiting)).toMatch(`#${top.number} is not approved yet`);
    review(top, "APPROVED");
    expect(await standing([low, top])).toMatchObject({ kind: "fit" });
    rule({ by: "classic", approvals: 1, codeOwners: ["bob"] });
    expect(told(await standing([low, top]))).toMatch(`GitHub says once its base is main`);
  });

  it("can't be had by a branch without a pull request", async () => {
    const branch = ChangeUri.parse(`git://github.com/${REPOSITORY}/refs%2Fheads%2Fquick/${"a".repeat(40)}`);
    const of = () => reviews().standing(queue(), [branch]);
    expect(await of()).toMatchObject({ kind: "fit" });
    rule({ by: "classic", approvals: 1 });
    expect(told(await of())).toMatch(/main asks for reviews, and quick is no pull request/);
    rule({ by: "ruleset", approvals: 1 });
    expect(await of()).toMatchObject({ kind: "refused" });
  });

  it("is read by REST where GraphQL is out of reach; then what GitHub would not merge waits", async () => {
    rule({ by: "classic", approvals: 1, codeOwners: ["cleo"] });
    world.github.hasGraphql = false;
    const pull = await shared();
    review(pull, "APPROVED", "bob");
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "review" });
    review(pull, "APPROVED", "cleo");
    expect(await standing([pull])).toMatchObject({ kind: "fit" });
    const other = await shared();
    const asked = review(other, "CHANGES_REQUESTED", "bob");
    expect(await standing([other])).toMatchObject({ kind: "refused", reason: { code: "change.changes_requested" } });
    dismissReview(world.github, world.repository, other, asked, "cleo");
    expect(await standing([other])).toMatchObject({ kind: "waits", for: "review" });
  });
});

describe("a pull request", () => {
  it.each<[string, (pull: PullRequest) => Promise<void> | void, RegExp]>([
    ["a draft", (pull) => world.change(pull, { draft: true }), /^change.draft: #\d+ is a draft/],
    ["closed", (pull) => world.change(pull, { state: "closed" }), /^change.closed: #\d+ is closed: reopen it/],
    [
      "based on another branch",
      (pull) => world.change(pull, { base: "other" }),
      /^change.wrong_base: .* based on other/,
    ],
    [
      "in conflict",
      (pull) => void Object.assign(pull, { mergeable: false }),
      /^merge.conflict: #\d+ conflicts with main/,
    ],
    [
      "merged",
      (pull) => {
        pull.state = "closed";
        pull.mergedAt = 1;
      },
      /^change.closed: #\d+ is merged already/,
    ],
  ])("that is %s is refused", async (_, change, message) => {
    const pull = await shared();
    await change(pull);
    expect(told(await standing([pull]))).toMatch(message);
  });

  it("that was pushed to is refused, and so is one that is not there", async () => {
    const pull = await world.pull();
    const before = uriOf(pull);
    await world.push(pull.headBranch, "more");
    expect(told(await reviews().standing(queue(), [before]))).toMatch(/^change.stale: #\d+ was pushed to/);
    const unknown = ChangeUri.parse(`github://github.com/${REPOSITORY}/pull/4711/${pull.head}`);
    expect(told(await reviews().standing(queue(), [unknown]))).toMatch(/^change.not_found: GitHub has no pull request/);
  });

  it("of a number that GitHub can't have is not there, and keeps no other from being read", async () => {
    const pull = await shared();
    const beyond = ChangeUri.parse(`github://github.com/${REPOSITORY}/pull/99999999999/${pull.head}`);
    const one = await reviews().standing(queue(), [uriOf(pull), beyond]);
    expect(told(one)).toMatch(/^change.not_found: GitHub has no pull request #99999999999/);
  });

  it("of another repository is refused without a call", async () => {
    const foreign = ChangeUri.parse(`github://github.com/acme/other/pull/1/${"a".repeat(40)}`);
    expect(told(await reviews().standing(queue(), [foreign]))).toMatch(/^change.unsupported: .* another repository/);
    expect(world.github.calls).toEqual([]);
  });

  it("of which GitHub does not know yet whether it merges is looked at again", async () => {
    const pull = await shared();
    pull.mergeable = null;
    pull.looksUntilMergeable = 2;
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "mergeable" });
    expect(await standing([pull])).toMatchObject({ kind: "waits", for: "mergeable" });
    expect(await standing([pull])).toMatchObject({ kind: "fit" });
  });

  it("waits for the checks that the branch requires, where the queue is told to; for its own check it does not", async () => {
    world.repository.ruleset.set("main", [{ context: "unit" }, { context: "Submitqueue", appId: 4711 }]);
    const pull = await shared();
    const check = (name: string, conclusion?: string, appId = 15_368) =>
      createCheckRun(world.github, world.repository, {
        sha: pull.head,
        appId,
        words: { name, ...(conclusion === undefined ? { status: "in_progress" } : { conclusion }) },
      });
    expect(told(await standing([pull], ["checks"]))).toMatch(/Waiting for checks of #\d+: unit\./);
    check("unit");
    check("lint", "failure");
    expect(await standing([pull], ["review", "checks"])).toMatchObject({ kind: "waits", for: "checks" });
    check("unit", "failure");
    expect(told(await standing([pull], ["checks"]))).toMatch(/^change.checks_failed: unit failed on/);
    expect(await standing([pull], ["review"])).toMatchObject({ kind: "fit" });
    check("unit", "success");
    expect(await standing([pull], ["checks"])).toMatchObject({ kind: "fit" });
    world.repository.ruleset.clear();
    expect(told(await standing([pull], ["checks"]))).toMatch(/lint failed/);
  });
});

it("what a branch requires is read once for all pull requests of a request", async () => {
  world.repository.ruleset.set("main", [{ context: "unit" }]);
  const low = await world.pull();
  const top = await world.pull({ base: low.headBranch });
  const check = (sha: string, conclusion: string) =>
    createCheckRun(world.github, world.repository, { sha, appId: 15_368, words: { name: "unit", conclusion } });
  check(low.head, "success");
  check(top.head, "failure");
  world.github.calls.length = 0;
  expect(told(await standing([low, top], ["checks"]))).toMatch(new RegExp(`unit failed on #${top.number}:`));
  expect(world.github.calls.filter((call) => call.endsWith("/branches/{branch}")).sort()).toEqual([
    "get /repos/{owner}/{repo}/branches/{branch}",
    // That of the reviews, and that of the checks.
    ...Array(2).fill("get /repos/{owner}/{repo}/rules/branches/{branch}"),
  ]);
});

describe("what GitHub answers beside", () => {
  it.each([
    [new Refusal(502, "Bad Gateway"), "github.unavailable"],
    [
      new Refusal(403, "You have exceeded a secondary rate limit", { headers: { "retry-after": "30" } }),
      "github.limited",
    ],
  ])("an answer %s is told as such", async (refusal, code) => {
    const pull = await shared();
    world.github.refuseNext(refusal, "post /graphql");
    const error = await standing([pull]).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    if (code === "github.limited") expect(retryAtOf(error)).toBe(world.clock.at + 30_000);
  });

  it("an App that may not read pull requests, or is not installed any more, is the configuration's fault", async () => {
    const pull = await shared();
    const { granted } = world.github.identities;
    const { pull_requests: _taken, ...rest } = granted;
    world.github.identities.granted = rest;
    await expect(standing([pull])).rejects.toMatchObject({ code: "config.invalid" });
    world.github.identities.granted = granted;
    world.github.identities.installation = "uninstalled";
    await expect(standing([pull])).rejects.toMatchObject({ code: "config.invalid" });
    world.github.identities.installation = "installed";
    expect(await standing([pull])).toMatchObject({ kind: "fit" });
  });
});

describe("with a token", () => {
  const secrets = {
    send: async () => ({ SecretString: world.github.identities.userToken("ann") }),
  } as unknown as SecretsManagerClient;
  const byToken = (of: QueueConfig, pull: PullRequest) =>
    reviewedQueues({ secrets, now: () => epochMs(world.clock.at) }).standing(of, [uriOf(pull)]);

  it.each(["Submitqueue", "Merge queue"])(
    "a pull request does not wait for the queue's own check %s",
    async (check) => {
      const pull = await world.pull();
      for (const [name, conclusion] of [
        ["unit", "success"],
        [check, undefined],
      ] as const)
        createCheckRun(world.github, world.repository, {
          sha: pull.head,
          appId: 4_711,
          words: { name, ...(conclusion === undefined ? { status: "in_progress" } : { conclusion }) },
        });
      expect(await byToken({ ...queue(["checks"]), ownCheck: check }, pull)).toMatchObject({ kind: "fit" });
    },
  );

  it("a repository that GitHub does not show is the configuration's fault, and no pull request's", async () => {
    const pull = await shared();
    const { changeProvider, ...rest } = queue();
    if (changeProvider?.type !== "github") throw new Error("the queue lands no pull requests");
    const hidden = { ...changeProvider, repository: "acme/hidden" };
    const uri = ChangeUri.parse(uriOf(pull).replace(REPOSITORY, "acme/hidden"));
    const asked = reviewedQueues({ secrets, now: () => epochMs(world.clock.at) });
    await expect(asked.standing({ ...rest, changeProvider: hidden }, [uri])).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("GitHub has no repository acme/hidden, or the credentials may not see it"),
    });
  });
});

describe("right before the push", () => {
  it("an approval that was withdrawn, changes that were asked for, a draft and a push are obstacles; a merge is none", async () => {
    rule({ by: "classic", approvals: 1 });
    const pulls = await Promise.all(Array.from({ length: 5 }, () => shared()));
    const [good, dismissed, disliked, draft, merged] = pulls as [
      PullRequest,
      PullRequest,
      PullRequest,
      PullRequest,
      PullRequest,
    ];
    for (const pull of pulls) review(pull, "APPROVED");
    const all = new Map(pulls.map((pull) => [pull.number, [uriOf(pull)]]));
    expect(await reviews().obstacles(queue(), all)).toEqual(new Map());
    dismissReview(world.github, world.repository, dismissed, dismissed.reviews[0] as never, "cleo");
    review(disliked, "CHANGES_REQUESTED", "cleo");
    changePull(world.github, world.repository, draft, { draft: true }, "ann");
    merged.state = "closed";
    merged.mergedAt = 1;
    good.mergeable = null;
    world.github.calls.length = 0;
    const found = await reviews().obstacles(queue(), all);
    expect([...found].map(([number, { code }]) => [number, code])).toEqual([
      [dismissed.number, "change.not_reviewed"],
      [disliked.number, "change.changes_requested"],
      [draft.number, "change.draft"],
    ]);
    expect(found.get(dismissed.number)?.message).toMatch(
      /^The review was withdrawn while the request was in the queue/,
    );
    expect(world.github.calls.filter((call) => !call.includes("installation"))).toEqual(["post /graphql"]);
  });
});

describe("the message of a squash", () => {
  const messages = (pulls: readonly PullRequest[], squashMessage: "commits" | "pull-request") =>
    reviews().messages({ ...queue(), squashMessage }, pulls.map(uriOf));

  it("is that of each pull request, in the order of the changes", async () => {
    const [one, other] = [await world.pull(), await world.pull()];
    Object.assign(one, { title: "Count the tries", body: "They were not counted.\r\n" });
    expect(await messages([other, one], "pull-request")).toEqual([
      `${other.title} (#${other.number})\n`,
      `Count the tries (#${one.number})\n\nThey were not counted.\n`,
    ]);
  });

  it("is left to the commits where the queue says so, without a call", async () => {
    const pull = await world.pull();
    world.github.calls.length = 0;
    expect(await messages([pull], "commits")).toBeUndefined();
    expect(world.github.calls).toEqual([]);
  });
});
