import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hasEnded } from "../../../functions/contracts/log-event.ts";
import { type Dynalite, startDynalite } from "../../support/dynalite.ts";
import { Runtime } from "./runtime.ts";
import { aCancel, aLand, change, type Death, sqid, World } from "./world.ts";

// The tests do not wait for retries.
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof import("node:timers/promises")>()),
  setTimeout: async () => undefined,
}));

let dynalite: Dynalite;
beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite.stop());

interface Asked {
  readonly folder: string;
  readonly fails: boolean;
  /** After so many rounds of deliveries, if at all. */
  readonly cancelAfter?: number | undefined;
}

const ROUNDS = 8;

/** Lands and cancels, dying where told, and sweeps until everything has ended. */
async function live(asked: readonly Asked[], deaths: readonly Death[], config: Record<string, unknown>) {
  const world = await World.open(dynalite);
  try {
    world.configure({ conflictAnalyzer: { type: "paths" }, ...config });
    const runtime = new Runtime(world);
    const [first, ...later] = deaths;
    if (first) world.dieAt(first);
    asked.forEach(({ folder, fails }, index) => {
      const query = `sq-files=${folder}${fails ? "&sq-fake=build-fail" : ""}`;
      runtime.send(aLand(index + 1, { changes: [change(`change-${index + 1}`, query)] }));
    });
    for (let round = 0; round < ROUNDS; round++) {
      asked.forEach(({ cancelAfter }, index) => {
        if (cancelAfter === round) runtime.send(aCancel(index + 1));
      });
      await runtime.settle(1);
    }
    await runtime.settle();
    for (const death of later) {
      world.dieAt(death);
      await runtime.minute();
    }
    world.revive();
    let minutes = 0;
    while ((await runtime.unfinished(asked.length)).length > 0 && minutes < 20) {
      await runtime.minute();
      minutes += 1;
    }
    const requests = await Promise.all(asked.map((_, index) => world.requests.get(sqid(index + 1))));
    return { runtime, world, requests, unfinished: await runtime.unfinished(asked.length) };
  } finally {
    world.close();
  }
}

describe("the pipeline", () => {
  it("takes one request from Land to landed, through every status in order", async () => {
    const { world, runtime, requests } = await live([{ folder: "a", fails: false }], [], {});
    expect(requests[0]?.state).toBe("landed");
    expect(runtime.trunk).toEqual([sqid(1)]);
    const statuses = world.log.flatMap((event) => (event.kind === "status" ? [event.status] : []));
    expect(statuses).toEqual([
      ...["started", "validating", "validated", "batching", "batched"],
      ...["speculating", "speculated", "landing", "landed"],
    ]);
    expect(world.logOf(1)).toEqual(expect.arrayContaining(["building", "built"]));
  });

  it("fails what does not build with the build's reason, and lands what conflicts with it after all", async () => {
    const asked = [true, false].map((fails) => ({ folder: "a", fails }));
    const { requests, runtime } = await live(asked, [], {});
    expect(requests[0]).toMatchObject({ state: "error", reason: { code: "build.failed" } });
    expect(requests[1]?.state).toBe("landed");
    expect(runtime.trunk).toEqual([sqid(2)]);
  });

  const anyRequest = fc.record({
    folder: fc.constantFrom("a", "b"),
    fails: fc.boolean(),
    cancelAfter: fc.option(fc.integer({ min: 0, max: ROUNDS - 1 }), { nil: undefined, freq: 2 }),
  });
  const anyDeath = fc.record({ at: fc.integer({ min: 1, max: 150 }), moment: fc.constantFrom("before", "after") });

  it("ends every request once, with one outcome everywhere, whenever its functions die (promise 2)", async () => {
    const history = fc.record({
      asked: fc.array(anyRequest, { minLength: 1, maxLength: 3 }),
      deaths: fc.array(anyDeath, { maxLength: 4 }),
      analyzer: fc.constantFrom("all", "paths"),
      budget: fc.constantFrom(1, 4),
      maxSize: fc.constantFrom(1, 3),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ asked, deaths, analyzer, budget, maxSize }) => {
        const { world, runtime, requests, unfinished } = await live(asked, deaths, {
          conflictAnalyzer: { type: analyzer },
          budget,
          bundle: { maxSize },
        });
        expect(unfinished).toEqual([]);
        expect(world.dead_letters).toEqual([]);
        requests.forEach((request, index) => {
          const { fails, cancelAfter } = asked[index] ?? {};
          const ends = world.log.filter(
            (event) => event.sqid === sqid(index + 1) && event.kind === "status" && hasEnded(event.status),
          );
          expect(ends).toMatchObject([{ status: request?.state, version: request?.version }]);
          if (request?.state !== "landed") expect(request?.reason).toBeDefined();
          if (fails) expect(request?.state).not.toBe("landed");
          if (!fails && cancelAfter === undefined) expect(request?.state).toBe("landed");
          expect(runtime.trunk.filter((landed) => landed === sqid(index + 1))).toHaveLength(
            request?.state === "landed" ? 1 : 0,
          );
        });
      }),
      { seed: Number(process.env["SIM_SEED"] ?? 20_261_123), numRuns: Number(process.env["SIM_RUNS"] ?? 30) },
    );
  });
});
