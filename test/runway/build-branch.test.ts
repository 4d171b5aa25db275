import { afterEach, describe, expect, it } from "vitest";
import { branchRef } from "../../functions/contracts/build-refs.ts";
import { BuildRunnerConfig } from "../../functions/contracts/build-runner-config.ts";
import { BuildKey, type GitSha, QueueName } from "../../functions/contracts/ids.ts";
import { Committer } from "../../functions/contracts/queues.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { composedRecord, readComposed } from "../../functions/runway/landing-records.ts";
import { tidy } from "../../functions/runway/tidy.ts";
import { buildKey, landing, NOW, Sandbox, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "./runway.ts";

const DAY_MS = 86_400_000;
const codebuild = (more: object = {}) => BuildRunnerConfig.parse({ type: "codebuild", project: "shop", ...more });

let sandbox: Sandbox | undefined;
afterEach(() => sandbox?.remove());

async function queueBuiltBy(buildRunner: BuildRunnerConfig, name = "q") {
  const made = new Sandbox({ buildRunner, name: QueueName.parse(name) });
  sandbox = made;
  const runway = await Runway.on(made);
  const one = unit(1, [made.branch("one", [{ files: { a: "1\n" }, message: "one" }])]);
  const refs = (prefix: string) => made.refs(prefix).map((line) => line.split(" ")[0]);
  return { made, runway, one, branches: () => refs("refs/heads/submitqueue"), ours: () => refs("refs/submitqueue") };
}

describe("a composed commit", () => {
  it("is pushed as a branch where the runner builds branches, beside its record", async () => {
    const { made, runway, one, branches, ours } = await queueBuiltBy(codebuild());
    const ref = `refs/heads/submitqueue/q/${buildKey(5)}`;
    const result = await runway.compose(one, { key: buildKey(5) });
    expect(result).toMatchObject({ kind: "composed", ref, composed: { commit: made.at(ref) } });
    expect(branches()).toEqual([ref]);
    expect(ours()).toEqual([`refs/submitqueue/composed/q/batch/1/${buildKey(5)}`]);
  });

  it.each([
    ["a CodeBuild project without a source", codebuild({ source: "none" })],
    ["a runner that checks out by itself", BuildRunnerConfig.parse({ type: "fake" })],
  ])("is pushed as no branch for %s", async (_, runner) => {
    const { runway, one, branches, ours } = await queueBuiltBy(runner);
    const ref = `refs/submitqueue/paths/${buildKey(5)}`;
    expect(await runway.compose(one, { key: buildKey(5) })).toMatchObject({ kind: "composed", ref });
    expect(branches()).toEqual([]);
    expect(ours()).toContain(ref);
  });

  it.each(["a", "a.b", "a..b", "a.lock", "a.", "a-_9"])(
    "gets a branch that git takes in the queue %s",
    async (name) => {
      const { runway, one, branches } = await queueBuiltBy(codebuild(), name);
      expect(await runway.compose(one)).toMatchObject({ kind: "composed" });
      expect(branches()).toHaveLength(1);
    },
  );

  it("moves its branch when it is composed again on a trunk that has moved", async () => {
    const { made, runway, one, branches } = await queueBuiltBy(codebuild());
    await runway.compose(one, { key: buildKey(5) });
    made.intrude();
    const again = await runway.compose(one, { key: buildKey(5) });
    expect(branches()).toHaveLength(1);
    expect(again).toMatchObject({ composed: { commit: made.at(`refs/heads/submitqueue/q/${buildKey(5)}`) } });
  });
});

describe("the branch of a build", () => {
  it("is deleted when its batch has landed, with the branches of other attempts", async () => {
    const { runway, one, branches, ours } = await queueBuiltBy(codebuild());
    await runway.tested(one);
    const tested = await runway.tested(one);
    expect(branches()).toHaveLength(2);
    const answer = await runway.answer(landing("l", [{ unit: one, tested }]));
    expect(await tidy(runway.repository, answer.kind === "answered" ? answer.spent : [], NOW)).toEqual([]);
    expect(branches()).toEqual([]);
    expect(ours()).toEqual([expect.stringMatching(/^refs\/submitqueue\/records\//)]);
  });

  it("goes with the path refs of earlier builds when the queue changed its runner between two attempts", async () => {
    const { made, runway, one, branches, ours } = await queueBuiltBy(BuildRunnerConfig.parse({ type: "fake" }));
    await runway.tested(one);
    const later = new Runway(made, runway.repository);
    Object.assign(later, { config: { ...runway.config, buildRunner: codebuild() } });
    await later.compose(one, { key: buildKey(9) });
    expect([branches().length, ours().length]).toEqual([1, 3]);
    expect(await tidy(runway.repository, [], epochMs(NOW + DAY_MS))).toEqual([]);
    expect([branches(), ours()]).toEqual([[], []]);
  });

  it("goes once no build can need it any more, and not while one may run", async () => {
    const { made, runway, one, branches } = await queueBuiltBy(codebuild());
    await runway.tested(one);
    await tidy(runway.repository, [], epochMs(NOW + 3_600_000));
    expect(branches()).toHaveLength(1);
    await tidy(await made.open(`${made.directory}/other`), [], epochMs(NOW + DAY_MS));
    expect(branches()).toEqual([]);
  });

  it("is named by the queue that its record names: no record can have another branch deleted", () => {
    const key = BuildKey.parse("1".repeat(32));
    const commit = "a".repeat(40) as GitSha;
    const content = {
      buildKey: key,
      branchOf: QueueName.parse("q"),
      commit,
      base: commit,
      until: epochMs(1),
      idle: [],
    };
    const stamp = { committer: Committer.parse({ name: "Q", email: "q@example.test" }), now: NOW };
    const text = composedRecord(content, stamp).body.toString("utf8").split("\n\n")[1]?.trim() ?? "";
    expect(readComposed(text)).toMatchObject({ branchOf: "q" });
    for (const other of ["../main", "main/../../x", "", "q/x"])
      expect(readComposed(text.replace('"branchOf":"q"', `"branchOf":"${other}"`))).toBeUndefined();
    expect(branchRef(QueueName.parse("main"), key)).toBe(`refs/heads/submitqueue/main/${key}`);
  });
});

it("a branch that is named submitqueue is in the way, and the error says so", async () => {
  const { made, runway, one } = await queueBuiltBy(codebuild());
  made.point("refs/heads/submitqueue", made.base);
  await expect(runway.compose(one)).rejects.toMatchObject({
    code: "repository.unavailable",
    message: expect.stringContaining("'refs/heads/submitqueue' exists"),
  });
});
