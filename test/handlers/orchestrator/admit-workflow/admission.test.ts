import { describe, expect, it } from "vitest";
import type { Land } from "../../../../functions/contracts/messages/request-messages.ts";
import { epochMs } from "../../../../functions/contracts/time.ts";
import { MAX_PATHS, type RequestState } from "../../../../functions/domain/request.ts";
import { wire as ready } from "../../../../functions/handlers/orchestrator/admit-workflow/ready.lambda.ts";
import { wire as reject } from "../../../../functions/handlers/orchestrator/admit-workflow/reject.lambda.ts";
import { wire as start } from "../../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as validate } from "../../../../functions/handlers/orchestrator/admit-workflow/validate.lambda.ts";
import { wire as intake } from "../../../../functions/handlers/orchestrator/intake.lambda.ts";
import { withWorld, world } from "../each-world.ts";
import { aCancel, aLand, change, START, sqid } from "../world.ts";

withWorld();

const VALIDATED = { kind: "validated", touches: { files: expect.any(Number) } };
const stateOf = async (n: number) => (await world.requests.get(sqid(n)))?.state;
const startAndValidate = async (land: Land) => {
  await world.call(start, land);
  return world.inspectAndValidate(land);
};
/** As a request that came before, in that state, holding the change. */
const owner = async (n: number, state: RequestState, uri = change("contested")) => {
  const { v: _v, kind: _kind, ...request } = aLand(n, { changes: [uri] });
  await world.requests.create({ ...request, state, version: 3 });
  await world.claims.claim(request.queue, { owner: sqid(n), uri }, epochMs(START));
};

describe("start", () => {
  it("persists the request and answers when; a repeat changes nothing", async () => {
    expect(await world.call(start, aLand(1))).toEqual({ kind: "started", at: START });
    expect(await world.call(start, aLand(1))).toEqual({ kind: "started", at: START });
    expect(await world.requests.get(sqid(1))).toMatchObject({
      state: "started",
      version: 1,
      changes: aLand(1).changes,
    });
    await world.inspectAndValidate(aLand(1));
    expect(world.log).toMatchObject([{ status: "started", version: 1 }, { status: "validating" }]);
  });
});

describe("a priority", () => {
  it("is kept from Land to the request that the planner reads", async () => {
    const land = aLand(1, { priority: 3 });
    await world.call(start, land);
    await world.makeReady(land);
    expect(await world.requests.get(sqid(1))).toMatchObject({ state: "ready", priority: 3 });
    await world.call(start, aLand(2));
    expect(await world.requests.get(sqid(2))).not.toHaveProperty("priority");
  });
});

describe("validate", () => {
  it("claims each change and answers what the request touches, for ready to store", async () => {
    const land = aLand(1, { changes: [change("one", "sq-files=src/a,src/b"), change("two", "sq-files=src/b")] });
    const touched = { touches: { paths: ["src/a", "src/b"] } };
    expect(await startAndValidate(land)).toMatchObject({ kind: "validated", ...touched });
    expect(await world.requests.get(sqid(1))).toMatchObject({ state: "started", version: 1 });
    await world.makeReady(land);
    expect(await world.requests.get(sqid(1))).toMatchObject({ state: "ready", version: 2, ...touched });
    for (const uri of land.changes) expect(await world.claims.holder(land.queue, uri)).toEqual({ owner: sqid(1), uri });
    expect(world.logOf(1)).toEqual(["started", "validating"]);
  });

  it.each<RequestState>(["started", "validated", "ready"])(
    "refuses a change that a %s request holds, and names that request",
    async (state) => {
      await owner(7, state);
      const answer = await startAndValidate(aLand(8, { changes: [change("contested")] }));
      expect(answer).toMatchObject({ kind: "refused", reason: { code: "change.duplicate" } });
      expect(JSON.stringify(answer)).toContain("main/7");
    },
  );

  it("refuses another commit of a change in flight, and says that it is another", async () => {
    await owner(7, "ready", change("contested", "", "a"));
    const answer = await startAndValidate(aLand(8, { changes: [change("contested", "", "b")] }));
    expect(answer).toMatchObject({
      reason: { message: expect.stringMatching(/^Another commit of this change.*main\/7/) },
    });
  });

  it.each<RequestState>(["landed", "error", "cancelled"])("takes a change over from a %s request", async (state) => {
    await owner(7, state);
    expect(await startAndValidate(aLand(8, { changes: [change("contested")] }))).toMatchObject(VALIDATED);
    expect((await world.claims.holder(aLand(8).queue, change("contested")))?.owner).toBe(sqid(8));
  });

  it("takes a change over from a request that is not there", async () => {
    const uri = change("contested");
    await world.claims.claim(aLand(7).queue, { owner: sqid(7), uri }, epochMs(START));
    expect(await startAndValidate(aLand(8, { changes: [uri] }))).toMatchObject(VALIDATED);
  });

  it("is not stopped by its own claims, and a repeat changes nothing", async () => {
    await world.call(start, aLand(1));
    const answer = await world.inspectAndValidate(aLand(1));
    expect(answer).toMatchObject(VALIDATED);
    expect(await world.inspectAndValidate(aLand(1))).toEqual(answer);
    expect((await world.requests.get(sqid(1)))?.version).toBe(1);
  });

  it("lets exactly one of two requests that name the same changes through, in every order of their steps", async () => {
    const changes = [change("left"), change("right")];
    const lands = [aLand(1, { changes }), aLand(2, { changes: changes.toReversed() })];
    for (const land of lands) await world.call(start, land);
    const answers = await Promise.all(lands.map((land) => world.inspectAndValidate(land)));
    expect(answers.map((answer) => (answer as { kind: string }).kind).toSorted()).toEqual(["refused", "validated"]);
  });

  it("passes on why the change provider refuses a change", async () => {
    const answer = await startAndValidate(aLand(1, { changes: [change("gone", "sq-fake=not-found")] }));
    expect(answer).toMatchObject({ kind: "refused", reason: { code: "change.not_found" } });
  });

  it("asks to be retried while the change provider can't be reached", async () => {
    const land = aLand(1, { changes: [change("far", "sq-fake=provider-error")] });
    await expect(startAndValidate(land)).rejects.toMatchObject({ name: "repository.unavailable" });
    expect(await stateOf(1)).toBe("started");
  });

  it("says that a change touches everything when its paths are too many to keep", async () => {
    // A URI holds 255 characters, so the many come from many changes.
    const changes = Array.from({ length: 40 }, (_, n) =>
      change(`many-${n}`, `sq-files=${Array.from({ length: 26 }, (_, m) => `${n}/${m}`).join(",")}`),
    );
    const land = aLand(1, { changes });
    expect(await startAndValidate(land)).toMatchObject({ touches: { paths: "everything" } });
    expect(40 * 26).toBeGreaterThan(MAX_PATHS);
    await world.makeReady(land);
    expect((await world.requests.get(sqid(1)))?.touches?.paths).toBe("everything");
  });

  it.each([
    ["validate, where a review is asked for,", { type: "github", repository: "acme/shop", credentialsSecret: "app" }],
    ["ready", { type: "fake" }],
  ])("has %s stop, and release the claims, when the request is cancelled meanwhile", async (_, changeProvider) => {
    world.configure({ changeProvider });
    await world.call(start, aLand(1));
    await world.deliver(intake, aCancel(1));
    const touches = { paths: ["a"], files: 1, additions: 1, deletions: 0, authors: [] };
    const task = { ...aLand(1), started: { at: START }, step: { kind: "inspected", touches } };
    const isReviewed = changeProvider.type === "github";
    const step = await world.call(validate, task);
    expect(step).toMatchObject({ kind: isReviewed ? "ended" : "validated" });
    if (!isReviewed) expect(await world.call(ready, { ...aLand(1), step })).toEqual({ kind: "ended" });
    expect(await world.claims.holder(aLand(1).queue, change("change-1"))).toBeUndefined();
    expect([await stateOf(1), world.signals]).toEqual(["cancelled", []]);
  });

  it("refuses a queue that is no longer configured, for good", async () => {
    world.configure({}, "another");
    await expect(startAndValidate(aLand(1))).rejects.toMatchObject({ name: "queue.unknown" });
  });
});

describe("ready", () => {
  it("hands the request to the planner, once in effect; a repeat tells it again", async () => {
    await world.call(start, aLand(1));
    for (let repeat = 0; repeat < 2; repeat++) expect(await world.makeReady(aLand(1))).toEqual({ kind: "ready" });
    expect(await world.requests.get(sqid(1))).toMatchObject({ state: "ready", version: 2 });
    expect(world.logOf(1)).toEqual(["started", "validating"]);
    expect(world.signals).toMatchObject([{ kind: "request-ready", sqid: sqid(1) }]);
  });

  const touches = { paths: ["src/a"], files: 1, additions: 1, deletions: 0, authors: [] };
  it.each([
    ["validate of the release before stored what is touched", "validated", undefined, ["src/a"]],
    [
      "the workflow of the release before has overwritten the answer of validate",
      "started",
      { kind: "ok" },
      "everything",
    ],
    [
      "the workflow of the release before kept the answer of inspect",
      "started",
      { kind: "inspected", touches },
      ["src/a"],
    ],
    ["validate ran in both releases", "validated", { kind: "validated", touches }, ["src/a"]],
    ["an answer of another release can't be read", "started", { kind: "validated", touches: "?" }, "everything"],
  ] as const)("carries on between two deployments: %s", async (_, state, step, paths) => {
    await world.call(start, aLand(1));
    if (state === "validated") await world.requests.change(sqid(1), ["started"], { state, touches });
    expect(await world.call(ready, { ...aLand(1), ...(step && { step }) })).toEqual({ kind: "ready" });
    expect(await world.requests.get(sqid(1))).toMatchObject({ state: "ready", touches: { paths } });
    expect(world.signals).toMatchObject([{ kind: "request-ready", sqid: sqid(1) }]);
  });

  it.each<RequestState>(["cancelled", "error", "landed"])(
    "drops the late check result of a request that ended as %s",
    async (state) => {
      await owner(1, state);
      expect(await world.call(ready, aLand(1))).toEqual({ kind: "ended" });
      expect([world.log, world.signals, await stateOf(1)]).toEqual([[], [], state]);
    },
  );
});

describe("reject", () => {
  const reason = { code: "merge.conflict", message: "It does not merge: rebase it and land again." } as const;

  it("tells the log that the request was started, when no step before has", async () => {
    await world.call(start, aLand(1));
    await world.call(reject, { land: { ...aLand(1), started: { at: START } }, reason });
    expect(world.log).toMatchObject([{ status: "started", at: START }, { status: "error" }]);
  });

  it("ends the request as error with the reason, says so and frees its changes", async () => {
    await startAndValidate(aLand(1));
    expect(await world.call(reject, { land: aLand(1), reason })).toEqual({ kind: "ended" });
    expect(await world.requests.get(sqid(1))).toMatchObject({ state: "error", version: 2, reason });
    expect(world.log.at(-1)).toMatchObject({ status: "error", version: 2, reason });
    expect(await world.claims.holder(aLand(1).queue, change("change-1"))).toBeUndefined();
  });

  it("announces the same end again when it is repeated, with the first reason", async () => {
    await startAndValidate(aLand(1));
    world.dieAt({ at: 1, moment: "after" });
    await expect(world.call(reject, { land: aLand(1), reason })).rejects.toThrow();
    world.revive();
    expect(world.logOf(1)).not.toContain("error");
    const error = { Error: "internal", Cause: "another story" };
    expect(await world.call(reject, { land: aLand(1), error })).toEqual({ kind: "already" });
    expect(world.log.at(-1)).toMatchObject({ status: "error", version: 2, reason });
  });

  it("announces the end when an execution runs again from its start, after it died before the log was told", async () => {
    await startAndValidate(aLand(1));
    world.dieAt({ at: 1, moment: "after" });
    await expect(world.call(reject, { land: aLand(1), reason })).rejects.toThrow();
    world.revive();
    const started = await world.call(start, aLand(1));
    expect(started).toEqual({ kind: "ended" });
    expect(await world.call(reject, { land: { ...aLand(1), started } })).toEqual({ kind: "already" });
    expect(world.log.at(-1)).toMatchObject({ status: "error", reason });
  });

  it.each<RequestState>(["cancelled", "landed"])("leaves a request that ended as %s alone", async (state) => {
    await owner(1, state);
    expect(await world.call(reject, { land: aLand(1), reason })).toEqual({ kind: "diverged" });
    expect([world.log, await stateOf(1)]).toEqual([[], state]);
  });

  it("leaves a request alone that the planner owns by now", async () => {
    await owner(1, "ready");
    expect(await world.call(reject, { land: aLand(1), reason })).toEqual({ kind: "elsewhere" });
    expect([world.log, await stateOf(1)]).toEqual([[], "ready"]);
    expect(await world.claims.holder(aLand(1).queue, change("contested"))).toBeDefined();
  });

  it("ends a request that was never written, too", async () => {
    const Cause = JSON.stringify({ errorType: "store.unavailable", errorMessage: "the table did not answer" });
    await world.call(reject, { land: aLand(1), error: { Error: "store.unavailable", Cause } });
    expect(await world.requests.get(sqid(1))).toEqual({
      queue: aLand(1).queue,
      sqid: sqid(1),
      changes: aLand(1).changes,
      strategy: "REBASE",
      receivedAt: START,
      state: "error",
      version: 1,
      endedAt: START,
      reason: { code: "internal", message: expect.stringContaining("the table did not answer") },
    });
    expect(world.log).toMatchObject([
      { status: "error", reason: { message: expect.stringContaining("land it again") } },
    ]);
  });
});
