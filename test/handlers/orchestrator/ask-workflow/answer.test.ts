import { describe, expect, it } from "vitest";
import { GitSha } from "../../../../functions/contracts/ids.ts";
import { LogMessage } from "../../../../functions/contracts/messages/log-messages.ts";
import type { Trial } from "../../../../functions/contracts/messages/request-messages.ts";
import { namedPaths } from "../../../../functions/contracts/questions.ts";
import { asciiJson, bytesOf } from "../../../../functions/contracts/text.ts";
import { wire as answer } from "../../../../functions/handlers/orchestrator/ask-workflow/answer.lambda.ts";
import { withWorld, world } from "../each-world.ts";
import { aLand, change, QUEUE, sqid } from "../world.ts";

withWorld();

const id = "a".repeat(32);
const trunk = GitSha.parse("f".repeat(40));
const touches = { paths: ["a.txt"], files: 1, additions: 2, deletions: 0, authors: ["a@example.invalid"] };
const touched = { paths: ["a.txt"], files: 1, additions: 2, deletions: 0 };
const step: Trial["step"] = { sqid: sqid(1), changes: [change("one")], strategy: "REBASE" };
const trial = { v: 1, kind: "trial", queue: QUEUE, id, step };
const merged = { ...trial, inspected: { kind: "inspected", touches }, checked: { kind: "ok", trunk } };
const reason = { code: "merge.conflict", message: "It does not apply." };

const told = async (task: object) => {
  await world.call(answer, task);
  return world.messages("log", LogMessage).at(-1);
};
const answered = (expected: object) => ({ v: 1, kind: "answer", queue: QUEUE, id, answer: expected });

describe("the answer to a trial", () => {
  it("is that the changes merge, with what they touch; nothing is claimed or written", async () => {
    expect(await told(merged)).toEqual(answered({ kind: "mergeable", trunk, touches: touched }));
    expect(world.trace).toEqual(["GetCommand", "SendMessageCommand"]);
    expect(await world.claims.holder(QUEUE, change("one"))).toBeUndefined();
  });

  it("is the refusal of the step that refused", async () => {
    const inspected = { kind: "refused", reason: { code: "change.not_found", message: "It is not there." } };
    expect(await told({ ...trial, inspected })).toEqual(answered(inspected));
    const checked = { kind: "refused", reason, conflicts: ["a.txt"] };
    expect(await told({ ...merged, checked })).toEqual(answered({ ...checked, touches: touched }));
  });

  it.each([
    ["the same commit", change("one")],
    ["another commit of the change", change("one", "", "b")],
  ])("is the request that holds %s, as long as it is in flight", async (_, held) => {
    await world.claims.claim(QUEUE, { owner: sqid(4), uri: held }, aLand(4).receivedAt);
    expect(await told(merged)).toMatchObject(answered({ kind: "mergeable" }));
    const { v: _v, kind: _kind, ...land } = aLand(4);
    await world.requests.create({ ...land, state: "validated", version: 1 });
    const found = await told(merged);
    expect(found).toMatchObject(answered({ kind: "refused", reason: { code: "change.duplicate" } }));
    expect(JSON.stringify(found)).toContain(sqid(4));
  });

  it("says what failed, and that the queue is gone", async () => {
    const error = { Error: "repository.unavailable", Cause: JSON.stringify({ errorMessage: "no route" }) };
    expect(await told({ ...trial, error })).toMatchObject(
      answered({ kind: "failed", sentence: expect.stringContaining("repository.unavailable: no route") }),
    );
    world.configure({}, "another");
    expect(await told(merged)).toMatchObject(
      answered({ kind: "failed", sentence: expect.stringContaining("not configured") }),
    );
  });

  it("names no paths when there are too many to read, and always fits into a message", async () => {
    const inspected = (paths: unknown) => ({ kind: "inspected", touches: { ...touches, paths, files: 9_000 } });
    expect(await told({ ...merged, inspected: inspected("everything") })).toMatchObject(
      answered({ kind: "mergeable", touches: { files: 9_000, additions: 2, deletions: 0 } }),
    );
    const long = Array.from({ length: 1_000 }, (_, n) => `${n}/${"\u4e2d".repeat(900)}`);
    const checked = { kind: "refused", reason, conflicts: namedPaths(long) };
    expect(bytesOf(asciiJson(await told({ ...merged, inspected: inspected(long), checked })))).toBeLessThan(250_000);
  });
});

it("the answer to a preflight of a queue whose builds alone tell has no findings", async () => {
  expect(await told({ v: 1, kind: "preflight", queue: QUEUE, id })).toEqual(
    answered({ kind: "examined", findings: [] }),
  );
});
