import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LandBatch } from "../../../functions/contracts/messages/landing-messages.ts";
import type { MergeUnit } from "../../../functions/contracts/messages/merge-unit.ts";
import { ComposeResult } from "../../../functions/contracts/messages/runway-tasks.ts";
import { Signal } from "../../../functions/contracts/messages/signals.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import type { Wire } from "../../../functions/handlers/on-lambda.ts";
import { wire as wireCompose } from "../../../functions/handlers/runway/compose.lambda.ts";
import { wire as wireLand } from "../../../functions/handlers/runway/land.lambda.ts";
import { type FakeGitHub, startFakeGitHub } from "../../../localstack/fakes/github/index.ts";
import { openPull } from "../../../localstack/fakes/github/pull-requests.ts";
import type { PullRequest } from "../../../localstack/fakes/github/records.ts";
import { Refusal } from "../../../localstack/fakes/github/refusal.ts";
import { addReview, dismissReview } from "../../../localstack/fakes/github/reviews.ts";
import { buildKey, INSTALLATION, landing, pullUri, unit } from "../../adapters/git/sandbox.ts";
import { withoutTimeLimits } from "../../support/without-time-limits.ts";
import { delivery, invoke, sandbox, sqs, withSandbox } from "./each-sandbox.ts";

const REPOSITORY = "acme/shop";
withSandbox();
let github: FakeGitHub;
let markMerged: QueueConfig["markMerged"];
const logged: object[] = [];
let limitAgain: () => void;
beforeEach(async () => {
  limitAgain = withoutTimeLimits();
  github = await startFakeGitHub({ directory: sandbox.directory, repositories: { [REPOSITORY]: sandbox.remote } });
  repository().collaborators.set("bob", "write").set("ann", "write");
  markMerged = "close";
  logged.length = 0;
  repository().reviewRules.set("main", { by: "classic", approvals: 1 });
});
afterEach(async () => {
  limitAgain();
  await github.stop();
});

const repository = () => github.repository(REPOSITORY);
const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });

function call(wire: Wire, event: unknown): Promise<unknown> {
  const { changeProvider: _none, ...config } = sandbox.config;
  const app = { api: github.url, repositories: { [REPOSITORY]: [config.name] } };
  const { id: appId, privateKey } = github.identities.app;
  const send = async () => ({ SecretString: JSON.stringify({ appId, privateKey }) });
  const appSecret = { send } as unknown as SecretsManagerClient;
  return invoke(wire, event, { github: app, queues: [{ ...config, markMerged }] }, { secrets: appSecret, log });
}

const land = (message: LandBatch) => call(wireLand, delivery(message));
const results = () =>
  sqs
    .commandCalls(SendMessageCommand)
    .map(({ args: [{ input }] }) => Signal.parse(JSON.parse(input.MessageBody ?? "")))
    .flatMap((signal) => (signal.kind === "land-finished" ? signal.results : []));

/** An approved pull request, as a unit that is to land. */
async function approved(n: number): Promise<{ readonly pull: PullRequest; readonly unit: MergeUnit }> {
  sandbox.branch(`change-${n}`, [{ files: { [`f${n}`]: "1\n" }, message: `change ${n}` }]);
  const wanted = { title: `Change ${n}`, head: `change-${n}`, base: "main", by: "ann" };
  const pull = await openPull(github, repository(), wanted);
  addReview(github, repository(), pull, "APPROVED", "bob");
  return { pull, unit: unit(n, [pullUri(pull.number, pull.head)]) };
}

async function landingOf(...units: readonly MergeUnit[]): Promise<LandBatch> {
  const tested = [];
  for (const [index, head] of units.entries()) {
    const sqids = head.steps.map(({ sqid }) => sqid);
    const base = units.slice(0, index);
    const task = { queue: "q", installation: INSTALLATION, buildKey: buildKey(index + 1), base, head, sqids };
    const result = ComposeResult.parse(await call(wireCompose, task));
    if (result.kind !== "composed") throw new Error(JSON.stringify(result));
    tested.push({ unit: head, tested: result.composed });
  }
  return landing("land-1", tested);
}

describe("a batch that has passed, and lost its review in the queue", () => {
  it("does not land; what is ahead of it does, and one call of GitHub asks for both", async () => {
    const [one, two] = [await approved(1), await approved(2)];
    const message = await landingOf(one.unit, two.unit);
    dismissReview(github, repository(), two.pull, two.pull.reviews[0] as never, "bob");
    github.calls.length = 0;
    await land(message);
    expect(sandbox.log()).toEqual(["change 1"]);
    expect(results()).toMatchObject([
      { outcome: { kind: "landed" } },
      { outcome: { kind: "refused", reason: { code: "change.not_reviewed" } } },
    ]);
    expect(github.calls.filter((made) => made === "post /graphql")).toHaveLength(1);
  });

  it("does not land when a reviewer asked for changes meanwhile, or when it was pushed to", async () => {
    const { pull, unit: head } = await approved(1);
    const message = await landingOf(head);
    addReview(github, repository(), pull, "CHANGES_REQUESTED", "bob");
    await land(message);
    expect(results()).toMatchObject([{ outcome: { kind: "refused", reason: { code: "change.changes_requested" } } }]);
    const other = await approved(2);
    const moved = { ...(await landingOf(other.unit)), id: "land-2" };
    other.pull.head = pull.head;
    await land(moved);
    expect(results().at(-1)).toMatchObject({ outcome: { kind: "refused", reason: { code: "change.stale" } } });
    expect(sandbox.log()).toEqual([]);
  });
});

describe("a head branch that is moved to what lands (markMerged: moveHead)", () => {
  const hook = () => join(sandbox.remote, "hooks", "pre-receive");
  beforeEach(() => {
    markMerged = "moveHead";
    repository().reviewRules.set("main", { by: "classic", approvals: 1, dismissesStale: true });
  });

  it("has GitHub mark the pull request as merged by itself, though the push dismisses its review", async () => {
    const { pull, unit: head } = await approved(1);
    sandbox.intrude();
    const message = await landingOf(head);
    await land(message);
    await github.sync(REPOSITORY, "submitqueue[bot]");
    expect(results()).toMatchObject([{ outcome: { kind: "landed", commit: sandbox.trunk } }]);
    expect([pull.state, pull.mergedAt === null, pull.head]).toEqual(["closed", false, sandbox.trunk]);
    expect(sandbox.refs("refs/submitqueue/moved/")).toEqual([]);
  });

  it("lands by the repeat after a crash between the pushes, unless a reviewer asked for changes", async () => {
    for (const isWanted of [true, false]) {
      const { pull, unit: head } = await approved(isWanted ? 1 : 2);
      sandbox.intrude();
      const message = { ...(await landingOf(head)), id: `land-${pull.number}` };
      const before = pull.head;
      // The host breaks down: no rule of it has refused the push.
      writeFileSync(hook(), "#!/bin/sh\ngrep -q refs/heads/main && kill -9 $PPID\nexit 0\n", { mode: 0o755 });
      expect(await land(message)).toEqual({ batchItemFailures: [{ itemIdentifier: "m0" }] });
      rmSync(hook());
      await github.sync(REPOSITORY, "submitqueue[bot]");
      expect([pull.head === before, pull.reviews.map(({ state }) => state)]).toEqual([false, ["DISMISSED"]]);
      if (!isWanted) addReview(github, repository(), pull, "CHANGES_REQUESTED", "bob");
      await land(message);
      await github.sync(REPOSITORY, "submitqueue[bot]");
      expect(results().at(-1)?.outcome.kind).toBe(isWanted ? "landed" : "refused");
      expect([pull.mergedAt === null, pull.head === before]).toEqual(isWanted ? [false, false] : [true, true]);
    }
  });

  it.each<[string, (pull: PullRequest) => void, RegExp]>([
    ["an author who may not write", () => repository().collaborators.set("ann", "read"), /ann, may not write/],
    ["a protected branch", ({ headBranch }) => repository().protection.set(headBranch, []), /change-1 is protected/],
    [
      "the default branch",
      ({ headBranch }) => (repository().defaultBranch = headBranch),
      /change-1 is a branch that lives/,
    ],
    [
      "a GitHub that does not say",
      () => github.refuseNext(new Refusal(502, "Bad Gateway"), "get /repos/{owner}/{repo}"),
      /GitHub did not say whether its branch may be moved/,
    ],
  ])("stays for %s; the change lands, and the log says why", async (_what, make, why) => {
    const { pull, unit: head } = await approved(1);
    sandbox.intrude();
    const message = await landingOf(head);
    const before = pull.head;
    make(pull);
    await land(message);
    await github.sync(REPOSITORY, "submitqueue[bot]");
    expect(results()).toMatchObject([{ outcome: { kind: "landed" } }]);
    expect([pull.head, pull.state]).toEqual([before, "open"]);
    expect(logged).toContainEqual(expect.objectContaining({ why: expect.stringMatching(why) }));
  });

  it("of a stack is moved, and its pull request based on the trunk, so that both are merged", async () => {
    const low = await approved(1);
    sandbox.branch("change-2", [{ files: { f2: "1\n" }, message: "change 2" }], low.pull.head);
    const wanted = { title: "Change 2", head: "change-2", base: "change-1", by: "ann" };
    const top = await openPull(github, repository(), wanted);
    addReview(github, repository(), top, "APPROVED", "bob");
    sandbox.intrude();
    const uris = [low.pull, top].map(({ number, head }) => pullUri(number, head));
    await land(await landingOf(unit(1, uris)));
    await github.sync(REPOSITORY, "submitqueue[bot]");
    expect([low.pull, top].map(({ mergedAt, base }) => [mergedAt === null, base])).toEqual([
      [false, "main"],
      [false, "main"],
    ]);
    expect([low.pull.head, top.head]).toEqual(sandbox.log("%H").slice(1));
  });
});

describe("GitHub, when it does not answer right before the push,", () => {
  it("keeps the landing back, and not what has landed from being told again", async () => {
    const { unit: head } = await approved(1);
    const message = await landingOf(head);
    const away = () => {
      for (let n = 0; n < 3; n++) github.refuseNext(new Refusal(502, "Bad Gateway"), "post /graphql");
    };
    away();
    expect(await land(message)).toEqual({ batchItemFailures: [{ itemIdentifier: "m0" }] });
    expect([sandbox.log(), results()]).toEqual([[], []]);
    await land(message);
    expect(sandbox.log()).toEqual(["change 1"]);
    away();
    expect(await land(message)).toEqual({ batchItemFailures: [] });
    expect(results()).toMatchObject([{ outcome: { kind: "landed" } }, { outcome: { kind: "landed" } }]);
  });

  it("that no longer knows the App has the landing held, and no change is at fault", async () => {
    const { unit: head } = await approved(1);
    const message = await landingOf(head);
    github.identities.installation = "uninstalled";
    await land(message);
    const [signal] = sqs
      .commandCalls(SendMessageCommand)
      .map(({ args: [{ input }] }) => JSON.parse(input.MessageBody ?? ""))
      .filter(({ kind }) => kind === "land-held");
    expect(signal).toMatchObject({ held: ["q/batch/1"], reason: { code: "repository.refused" } });
  });
});
