import { beforeEach, describe, expect, it } from "vitest";
import { ChangeUri } from "../../../../functions/contracts/change-uri.ts";
import type { Land } from "../../../../functions/contracts/messages/request-messages.ts";
import { wire as ready } from "../../../../functions/handlers/orchestrator/admit-workflow/ready.lambda.ts";
import { wire as review } from "../../../../functions/handlers/orchestrator/admit-workflow/review.lambda.ts";
import { wire as start } from "../../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { createCheckRun } from "../../../../localstack/fakes/github/checks.ts";
import type { PullRequest } from "../../../../localstack/fakes/github/records.ts";
import { Refusal } from "../../../../localstack/fakes/github/refusal.ts";
import { REPOSITORY } from "../../github/world.ts";
import { world } from "../each-world.ts";
import { aLand, change, sqid } from "../world.ts";
import { hub, withHub } from "./each-hub.ts";

withHub();
beforeEach(() => configure({ type: "targets", labels: "target:(.+)" }));

const configure = (conflictAnalyzer: object, more: object = {}) => {
  const provider = { type: "github", repository: REPOSITORY, api: hub.github.url, credentialsSecret: "app" };
  world.configure({ conflictAnalyzer, changeProvider: provider, ...more });
};

const uriOf = ({ number, head }: PullRequest) =>
  ChangeUri.parse(`github://github.com/${REPOSITORY}/pull/${number}/${head}`);

async function labelled(...labels: string[]): Promise<PullRequest> {
  const pull = await hub.pull();
  for (const label of labels) hub.label(pull, "labeled", label);
  return pull;
}

/** Takes a request from where validation left it to the planner. Answers the targets that the planner will see. */
async function admitted(
  changes: readonly ChangeUri[],
  more: Partial<Land> = {},
): Promise<readonly string[] | undefined> {
  const land = aLand(1, { changes: [...changes], ...more });
  await world.call(start, land);
  const found = await world.requests.get(sqid(1));
  if (found === undefined) throw new Error("there is no request");
  const touches = {
    paths: ["a"],
    files: 1,
    additions: 1,
    deletions: 0,
    authors: [],
    ...("targets" in more ? { targets: more.targets } : {}),
  };
  await world.requests.replace({ ...found, touches, state: "validated", version: found.version + 1 });
  const reviewed = await world.call(review, land);
  expect(reviewed).toMatchObject({ kind: "fit" });
  expect(await world.call(ready, { ...land, review: reviewed })).toEqual({ kind: "ready" });
  return (await world.requests.get(sqid(1)))?.touches?.targets;
}

describe("a request whose pull requests are labelled with targets", () => {
  it("affects the targets of all its pull requests", async () => {
    const pulls = [await labelled("bug", "target:cart"), await labelled("target:till", "target:cart")];
    expect(await admitted(pulls.map(uriOf))).toEqual(["cart", "till"]);
  });

  it("affects everything when one of them is not labelled", async () => {
    expect(await admitted([uriOf(await labelled("target:cart")), uriOf(await labelled("bug"))])).toBeUndefined();
  });

  it("affects everything when one of its changes is no pull request", async () => {
    expect(await admitted([uriOf(await labelled("target:cart")), change("one")])).toBeUndefined();
  });

  it("affects what the Land call names, where the call names something", async () => {
    hub.github.calls.length = 0;
    expect(await admitted([uriOf(await labelled("target:cart"))], { targets: ["till"] })).toEqual(["till"]);
    expect(hub.github.calls.filter((call) => call === "post /graphql")).toHaveLength(1);
  });

  it("affects everything, and is held up by nothing, when GitHub does not answer for the labels", async () => {
    const uri = uriOf(await labelled("target:cart"));
    // Two calls for a token, and two for the review.
    hub.github.cut({ at: 5, moment: "before" });
    expect(await admitted([uri])).toBeUndefined();
    hub.github.cut(undefined);
  });

  it("is asked about by no queue that reads no labels", async () => {
    configure({ type: "targets" });
    hub.github.calls.length = 0;
    expect(await admitted([uriOf(await labelled("target:cart"))])).toBeUndefined();
    expect(hub.github.calls.filter((call) => call === "post /graphql")).toHaveLength(1);
  });
});

describe("a request whose squashes say what the pull requests say", () => {
  const message = async (strategy: Land["strategy"], squashMessage: string) => {
    configure({ type: "all" }, { squashMessage });
    const pull = await hub.pull();
    Object.assign(pull, { title: "Count the tries", body: "They were not counted." });
    await admitted([uriOf(pull)], { strategy });
    const messages = (await world.requests.get(sqid(1)))?.touches?.messages;
    return messages?.map((text) => text.replace(String(pull.number), "N"));
  };

  it("keeps title and body from the review to the planner", async () => {
    expect(await message("SQUASH_REBASE", "pull-request")).toEqual([
      "Count the tries (#N)\n\nThey were not counted.\n",
    ]);
  });

  it.each([
    ["nothing is squashed", "REBASE", "pull-request"],
    ["the commits say it", "SQUASH_REBASE", "commits"],
  ] as const)("keeps neither where %s", async (_what, strategy, squashMessage) => {
    expect(await message(strategy, squashMessage)).toBeUndefined();
  });

  async function validated(pull: PullRequest): Promise<Land> {
    configure({ type: "all" }, { squashMessage: "pull-request" });
    const land = aLand(1, { changes: [uriOf(pull)], strategy: "SQUASH_REBASE" });
    await world.call(start, land);
    const found = await world.requests.get(sqid(1));
    if (found === undefined) throw new Error("there is no request");
    await world.requests.replace({ ...found, state: "validated", version: found.version + 1 });
    return land;
  }

  it("keeps them, and the author, when GitHub has not worked out in time whether the pull request merges", async () => {
    const pull = await hub.pull();
    Object.assign(pull, { mergeable: null, looksUntilMergeable: 9 });
    const land = await validated(pull);
    const waiting = await world.call(review, land);
    expect(waiting).toMatchObject({ kind: "waiting" });
    world.now += 60_000;
    expect(await world.call(review, { ...land, review: waiting })).toMatchObject({
      kind: "fit",
      author: pull.author,
      messages: [expect.any(String)],
    });
  });

  it("waits for GitHub, and does not say something else instead", async () => {
    const land = await validated(await hub.pull());
    hub.github.refuseNext(new Refusal(502, "Bad Gateway"), "get /repos/{owner}/{repo}/pulls/{pull_number}");
    const waiting = await world.call(review, land);
    expect(waiting).toMatchObject({ kind: "waiting" });
    expect(await world.call(review, { ...land, review: waiting })).toMatchObject({
      kind: "fit",
      messages: [expect.any(String)],
    });
  });
});

describe("a request whose commits a check names targets for", () => {
  beforeEach(() => configure({ type: "targets", check: { name: "targets", app: 15_368 } }));

  async function checked(text: string | undefined, more: object = {}, appId = 15_368): Promise<PullRequest> {
    const pull = await hub.pull();
    const output = { title: "Targets", summary: "What the change affects", ...(text === undefined ? {} : { text }) };
    const words = { name: "targets", conclusion: "success", output, ...more };
    createCheckRun(hub.github, hub.repository, { sha: pull.head, appId, words });
    return pull;
  }

  it("affects the targets of all its commits", async () => {
    const pulls = [await checked("till\n"), await checked("cart\ntill\n")];
    expect(await admitted(pulls.map(uriOf))).toEqual(["cart", "till"]);
  });

  it.each([403, 502])("affects everything when GitHub answers %i in the place of the check", async (status) => {
    const pull = await checked("cart\n");
    hub.github.refuseNext(new Refusal(status, "no"), "get /repos/{owner}/{repo}/commits/{ref}/check-runs");
    expect(await admitted([uriOf(pull)])).toBeUndefined();
  });

  it.each<[string, () => Promise<PullRequest>]>([
    ["failed", () => checked("cart\n", { conclusion: "failure" })],
    ["has not ended", () => checked("cart\n", { conclusion: undefined, status: "in_progress" })],
    ["named none", () => checked(undefined)],
    ["is of another App", () => checked("cart\n", {}, 4_711)],
    ["has another name", () => checked("cart\n", { name: "unit" })],
  ])("affects everything when the check %s", async (_, pull) => {
    expect(await admitted([uriOf(await checked("till\n")), uriOf(await pull())])).toBeUndefined();
  });
});
