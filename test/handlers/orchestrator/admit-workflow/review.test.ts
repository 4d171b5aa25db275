import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ChangeUri } from "../../../../functions/contracts/change-uri.ts";
import { ENV } from "../../../../functions/contracts/environment.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import type { ReviewResult } from "../../../../functions/contracts/workflows.ts";
import { wire as ready } from "../../../../functions/handlers/orchestrator/admit-workflow/ready.lambda.ts";
import { wire as review } from "../../../../functions/handlers/orchestrator/admit-workflow/review.lambda.ts";
import { wire as start } from "../../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as answer } from "../../../../functions/handlers/orchestrator/ask-workflow/answer.lambda.ts";
import { wire as intake } from "../../../../functions/handlers/orchestrator/intake.lambda.ts";
import type { PullRequest } from "../../../../localstack/fakes/github/records.ts";
import { Refusal } from "../../../../localstack/fakes/github/refusal.ts";
import { addReview } from "../../../../localstack/fakes/github/reviews.ts";
import { REPOSITORY } from "../../github/world.ts";
import { world } from "../each-world.ts";
import { aCancel, aLand, QUEUE, START, sqid } from "../world.ts";
import { hub, withHub } from "./each-hub.ts";

withHub();
let pull: PullRequest;
beforeAll(() => {
  hub.repository.collaborators.set("bob", "write");
  hub.repository.reviewRules.set("main", { by: "classic", approvals: 1 });
});
beforeEach(async () => {
  configure();
  pull = await hub.pull();
  await begun();
});

const configure = (more: object = {}) =>
  world.configure({
    changeProvider: {
      type: "github",
      repository: REPOSITORY,
      api: hub.github.url,
      credentialsSecret: "app",
      waitSeconds: 3_600,
      ...more,
    },
  });

const land = () =>
  aLand(1, { changes: [ChangeUri.parse(`github://github.com/acme/shop/pull/${pull.number}/${pull.head}`)] });

/** The request as validation leaves it. */
async function begun(): Promise<void> {
  await world.call(start, land());
  const found = await world.requests.get(sqid(1));
  if (found === undefined) throw new Error("there is no request");
  await world.requests.replace({ ...found, state: "validated", version: found.version + 1 });
}

const look = (before?: ReviewResult, more: object = {}) =>
  world.call(review, {
    ...land(),
    ...(before === undefined ? {} : { review: before }),
    ...more,
  }) as Promise<ReviewResult>;
const approve = () => addReview(hub.github, hub.repository, pull, "APPROVED", "bob");
const told = () =>
  world.log.flatMap((entry) =>
    entry.kind === "event" && entry.event === "blocked"
      ? [`${entry.metadata["blocker"]}: ${entry.reason?.message}`]
      : [],
  );
const secondsOf = (answer: ReviewResult): number => (answer.kind === "waiting" ? answer.seconds : 0);

/** Looks, and lets the time pass, until something else is answered. */
async function waitedOut() {
  let answer = await look();
  for (let looks = 1; ; looks++) {
    if (answer.kind !== "waiting") return { looks, seconds: (world.now - START) / 1_000, last: answer };
    world.now += answer.seconds * 1_000;
    answer = await look(answer);
  }
}

describe("a request whose pull request is not approved", () => {
  it("waits, says for what once, and is fit once the approval is there", async () => {
    const first = await look();
    expect(first).toMatchObject({ kind: "waiting", seconds: 5, since: START });
    world.now += 600_000;
    const second = await look(first);
    expect(second).toMatchObject({ kind: "waiting", seconds: 60, since: START });
    expect(told()).toEqual([`review: Waiting for a review: #${pull.number} is not approved yet.`]);
    approve();
    expect(await look(second)).toMatchObject({ kind: "fit" });
  });

  it("is told anew when it waits for something else", async () => {
    configure({ waitFor: ["review", "checks"] });
    hub.repository.ruleset.set("main", [{ context: "unit" }]);
    const first = await look();
    approve();
    world.now += 5_000;
    expect(await look(first)).toMatchObject({ kind: "waiting" });
    hub.repository.ruleset.clear();
    expect(told()).toEqual([
      `review: Waiting for a review: #${pull.number} is not approved yet.`,
      `checks: Waiting for checks of #${pull.number}: unit.`,
    ]);
  });

  it("ends when the time is over, with a reason that names the missing review and what to do", async () => {
    const { seconds, looks, last } = await waitedOut();
    expect(seconds).toBe(3_600);
    expect(looks).toBeLessThan(70);
    expect(last).toMatchObject({ kind: "refused", reason: { code: "change.not_reviewed" } });
    expect(JSON.stringify(last)).toMatch(/is not approved yet\. It did not come in time: land it again/);
  });

  it("stops waiting when it was cancelled meanwhile, or when another execution has admitted it", async () => {
    const first = await look();
    await world.deliver(intake, aCancel(1));
    expect(await look(first)).toEqual({ kind: "ended" });
    expect(world.logOf(1).at(-1)).toBe("cancelled");
  });

  it("is shown with its author once it may enter the queue", async () => {
    approve();
    const answer = await look();
    expect(answer).toEqual({ kind: "fit", author: "ann" });
    await world.call(ready, { ...land(), review: answer });
    expect(await world.requests.get(sqid(1))).toMatchObject({ state: "ready", author: "ann" });
  });

  it("waits on while its queue is not configured: the sweep ends it, unless the queue is put back", async () => {
    const first = await look();
    world.configure({}, "other");
    world.now += 86_400_000;
    expect(await look(first)).toMatchObject({ kind: "waiting", seconds: 60, since: START });
    expect(await look(undefined, { woken: true })).toEqual({ kind: "ended" });
  });

  it("is refused at once for what no waiting mends", async () => {
    hub.change(pull, { draft: true });
    expect(await look()).toMatchObject({ kind: "refused", reason: { code: "change.draft" } });
  });
});

describe("a recheck", () => {
  const recheck = (at: number) => ({ v: 1, kind: "recheck", queue: QUEUE, sqid: sqid(1), at });
  const executions = () =>
    [...world.executions.values()].filter(({ workflow }) => workflow === world.env[ENV.admitWorkflow]);

  it("starts an execution that looks once beside the waiting execution; its repeat starts none", async () => {
    await world.deliver(intake, recheck(START), recheck(START));
    expect(executions().map(({ input }) => input)).toMatchObject([{ sqid: sqid(1), woken: true }]);
    expect(await world.call(review, executions()[0]?.input)).toEqual({ kind: "ended" });
    expect(told()).toEqual([]);
    approve();
    expect(await world.call(review, executions()[0]?.input)).toMatchObject({ kind: "fit" });
    await world.deliver(intake, recheck(START + 1));
    expect(executions()).toHaveLength(2);
  });

  it("of a request that waits for nothing starts none", async () => {
    world.configure({});
    await world.deliver(intake, recheck(START));
    configure();
    await world.deliver(intake, aCancel(1), recheck(START + 1), { ...recheck(START), sqid: sqid(9) });
    expect(executions()).toEqual([]);
  });
});

describe("GitHub, when it does not answer,", () => {
  const away = (refusal: Refusal) => hub.github.refuseNext(refusal, "post /graphql");

  it("keeps the request waiting, and says so", async () => {
    away(new Refusal(502, "Bad Gateway"));
    const first = await look();
    expect(first).toMatchObject({ kind: "waiting", failingSince: START });
    expect(told()).toEqual([
      expect.stringMatching(/^repository: Whether the pull request may land can't be asked: GitHub did/),
    ]);
    approve();
    expect(await look(first)).toMatchObject({ kind: "fit" });
  });

  it("because of a limit, is asked again when the limit ends", async () => {
    hub.clock.at = world.now;
    away(new Refusal(403, "You have exceeded a secondary rate limit", { headers: { "retry-after": "90" } }));
    expect(secondsOf(await look())).toBe(90);
  });

  it("for as long as the queue waits for its repository, ends the request: what could not be asked has not passed", async () => {
    hub.github.identities.installation = "uninstalled";
    const { seconds, last } = await waitedOut();
    hub.github.identities.installation = "installed";
    expect(seconds).toBe(3_600);
    expect(last).toMatchObject({ kind: "refused", reason: { code: "repository.unavailable" } });
    expect(JSON.stringify(last)).toMatch(/not installed on acme\/shop/);
  });

  it("and answers in between, begins to count anew", async () => {
    away(new Refusal(502, "Bad Gateway"));
    const first = await look();
    world.now += 3_000_000;
    const second = await look(first);
    expect(second).not.toHaveProperty("failingSince");
    expect(second).toMatchObject({ since: epochMs(START) });
  });
});

describe("a trial of a pull request", () => {
  const trunk = "f".repeat(40);
  const touches = { paths: ["a.txt"], files: 1, additions: 1, deletions: 0, authors: [] };
  const trial = async () => {
    const step = { sqid: sqid(1), changes: land().changes, strategy: "REBASE" };
    const asked = { v: 1, kind: "trial", queue: QUEUE, id: "a".repeat(32), step };
    await world.call(answer, {
      ...asked,
      inspected: { kind: "inspected", touches },
      checked: { kind: "ok", trunk },
    });
    return JSON.parse(world.sent.get("log")?.at(-1)?.body ?? "").answer;
  };
  beforeEach(async () => {
    await world.deliver(intake, aCancel(1));
  });

  it("is refused for a draft, and not for a review that may still come, which it names", async () => {
    expect(await trial()).toMatchObject({ kind: "mergeable", waits: expect.stringMatching(/review|approv/i) });
    await approve();
    expect(await trial()).not.toHaveProperty("waits");
    hub.change(pull, { draft: true });
    expect(await trial()).toMatchObject({ kind: "refused", reason: { code: "change.draft" } });
  });

  it("can't tell while GitHub does not answer", async () => {
    hub.github.refuseNext(new Refusal(502, "Bad Gateway"), "post /graphql");
    expect(await trial()).toMatchObject({ kind: "failed", sentence: expect.stringContaining("GitHub did not answer") });
  });
});
