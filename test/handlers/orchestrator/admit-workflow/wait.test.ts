import { beforeEach, describe, expect, it } from "vitest";
import type { RemoteStep, WaitResult } from "../../../../functions/contracts/workflows.ts";
import { wire as start } from "../../../../functions/handlers/orchestrator/admit-workflow/start.lambda.ts";
import { wire as wait } from "../../../../functions/handlers/orchestrator/admit-workflow/wait.lambda.ts";
import { wire as intake } from "../../../../functions/handlers/orchestrator/intake.lambda.ts";
import { withWorld, world } from "../each-world.ts";
import { aCancel, aLand, START, sqid } from "../world.ts";

withWorld();
beforeEach(async () => {
  await world.call(start, aLand(1));
});

const cause = JSON.stringify({ errorMessage: "git.example could not be fetched: Connection refused" });
const waits = (since: number, { step = "inspect" as RemoteStep, code = "repository.unavailable" } = {}) =>
  world.call(wait, {
    land: { ...aLand(1), started: { at: START } },
    step,
    since,
    error: { Error: code, Cause: cause },
  }) as Promise<WaitResult>;

/** Waits, and lets the time pass, until something else is answered. */
async function waitedOut(): Promise<{ readonly tries: number; readonly seconds: number; readonly last: WaitResult }> {
  let answer = await waits(0);
  for (let tries = 1; ; tries++) {
    if (answer.kind !== "waiting") return { tries, seconds: (world.now - START) / 1_000, last: answer };
    world.now += answer.seconds * 1_000;
    answer = await waits(answer.since);
  }
}

describe("a request whose repository does not answer", () => {
  it("is tried again soon, and says why it waits, once", async () => {
    expect(await waits(0)).toEqual({ kind: "waiting", since: START, seconds: 5 });
    world.now += 35_000;
    expect(await waits(START)).toEqual({ kind: "waiting", since: START, seconds: 5 });
    expect(world.log.slice(1)).toMatchObject([
      {
        event: "blocked",
        metadata: { blocker: "repository" },
        reason: { code: "repository.unavailable", message: expect.stringContaining("Connection refused") },
      },
    ]);
    expect(world.log[1]?.reason?.message).toMatch(/goes on by itself.*ends if it has not within 60 minutes/);
  });

  it("waits for an hour, and then ends with what the repository said and what to do", async () => {
    const { seconds, last } = await waitedOut();
    expect(seconds).toBe(3_600);
    expect(last).toMatchObject({ kind: "refused", reason: { code: "repository.unavailable" } });
    expect(JSON.stringify(last)).toMatch(/did not answer for 60 minutes.*Connection refused.*land the request again/);
  });

  it.each([
    [0, 0],
    [90, 90],
    [86_400, 86_400],
  ])("waits for as long as queues.yaml says: %i seconds", async (repositoryTimeoutSeconds, waited) => {
    world.configure({ repositoryTimeoutSeconds });
    const { seconds, tries } = await waitedOut();
    expect(seconds).toBe(waited);
    expect(tries).toBeLessThan(350);
  });

  it("stops when it was cancelled meanwhile, and says nothing more", async () => {
    await waits(0);
    await world.deliver(intake, aCancel(1));
    expect((await world.requests.get(sqid(1)))?.state).toBe("cancelled");
    expect(await waits(START, { step: "check" })).toEqual({ kind: "ended" });
    expect(world.logOf(1)).toEqual(["started", "blocked", "cancelled"]);
  });

  it("tells of each of two outages", async () => {
    await waits(0);
    world.now += 600_000;
    await waits(0, { step: "check" });
    const ids = world.log.flatMap((entry) => (entry.kind === "event" ? [entry.id] : []));
    expect(new Set(ids).size).toBe(2);
  });
});

describe("a request whose queue is not configured", () => {
  it.each(["inspect", "check"] as const)("waits at %s, for as long as that is so", async (step) => {
    world.configure({}, "another");
    world.now += 86_400_000;
    expect(await waits(START, { step, code: "queue.unknown" })).toMatchObject({ kind: "waiting", seconds: 60 });
  });

  it("waits also when only runway does not know the queue yet", async () => {
    world.now += 7_200_000;
    expect(await waits(START, { code: "queue.unknown" })).toMatchObject({ kind: "waiting" });
  });
});
