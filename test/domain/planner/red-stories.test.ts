import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aStory, conflicts, type Story, seed, type Told, tell } from "./stories.ts";
import { applies, passes, sqid } from "./world.ts";

const runs = Number(process.env["RUNS"] ?? 60);

/** What befalls the trunk before the step of that number: a push that breaks it, one that does nothing to it, or one that mends it. */
interface Push {
  readonly step: number;
  readonly what: "breaks" | "harmless" | "mends";
}

interface RedStory {
  readonly story: Story;
  readonly pushes: readonly Push[];
  readonly repairs: readonly number[];
  /** False: the trunk is mended only by a change, if by any; then what is left waits. */
  readonly isMended: boolean;
}

const aRedStory: fc.Arbitrary<RedStory> = fc.record({
  story: aStory,
  pushes: fc.array(
    fc.record({
      step: fc.nat(50),
      what: fc.constantFrom("breaks", "breaks", "harmless", "mends"),
    }) as fc.Arbitrary<Push>,
    { minLength: 1, maxLength: 4 },
  ),
  repairs: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 2 }),
  isMended: fc.constant(true),
});

function told({ story, pushes, repairs, isMended }: RedStory): Told {
  return tell(
    story,
    {},
    {
      repairs: new Set(repairs),
      before: (world, step) => {
        for (const push of pushes)
          if (push.step === step) world.pushPast(push.what === "breaks" || (push.what === "harmless" && world.broken));
        if (step === "end" && isMended && world.broken) world.pushPast(false);
      },
    },
  );
}

const holds = (check: (red: RedStory, told: Told) => void): void =>
  fc.assert(
    fc.property(aRedStory, (red) => check(red, told(red))),
    { seed, numRuns: runs },
  );

describe(`pushes past the queue (SEED=${seed})`, () => {
  it("every request ends, the budget holds, and no change is rejected that would land on a sound trunk", () => {
    holds(({ story }, { world, joined }) => {
      for (const n of joined) expect(["landed", "error", "cancelled"]).toContain(world.stateOf(n));
      expect(world.live.size).toBe(0);
      expect(world.mostBuilds).toBeLessThanOrEqual(story.budget);
      for (const { n, trunk, reason } of world.rejections) {
        const wouldLand = applies(world.fate, n, trunk) && passes(world.fate, new Set([...trunk, n]));
        expect(wouldLand, `${n} after ${[...trunk]}: ${reason?.message}`).toBe(false);
      }
    });
  });

  it("every change that is sound lands, and every commit point is sound up to what was pushed past the queue", () => {
    holds((_red, { world, cancelled, joined }) => {
      const { bad, clashes, jams = [], needs = [], stacked = [] } = world.fate;
      const isFaulty = (n: number) =>
        bad.has(n) || [clashes, jams, needs, stacked].some((pairs) => pairs.some((pair) => pair.includes(n)));
      for (const n of joined) if (!isFaulty(n) && !cancelled.has(n)) expect(world.stateOf(n), String(n)).toBe("landed");
      for (const { trunk } of world.landings) expect(passes(world.fate, new Set(trunk)), `${trunk}`).toBe(true);
    });
  });

  it("no commit of the trunk is built more often than the intervals and rows of three rejections allow, and without a failure none is built", () => {
    holds(({ story }, { world }) => {
      const minutes = (world.time - 1_000) / 60_000;
      const doubts = Math.floor(world.rejections.length / 3);
      for (const count of world.trunkBuilds.values()) expect(count).toBeLessThanOrEqual(1 + minutes + doubts);
      const hasFailed = [...world.builds.values()].some(
        ({ state, refused }) => state === "failed" && refused === undefined,
      );
      if (!hasFailed) expect([...world.trunkBuilds]).toEqual([]);
      expect(story.budget).toBeGreaterThan(0);
    });
  });

  it("while the trunk is red, nothing lands but what passed on it or on a newer commit", () => {
    holds((_red, { world }) => {
      for (const { result, batches, queue } of world.runs) {
        const { red } = (result.queue ?? queue).trunk ?? {};
        if (red === undefined) continue;
        const was = new Map(batches.map((batch) => [batch.id, batch.state]));
        const begun = result.writes.filter(({ next }) => next.state === "landing" && was.get(next.id) !== "landing");
        expect(begun.length).toBeLessThanOrEqual(1);
        for (const { next } of begun) expect(next.landing?.repair).toBe(true);
      }
    });
  });
});

describe("the order of conflicting changes", () => {
  it("is kept by all that do not land as repairs of the trunk", () => {
    holds(({ story }, { world }) => {
      // A change that passes on a trunk which a commit past the queue has repaired unseen lands as the repair that it seems to be.
      const landings = world.runs.flatMap(({ result }) => result.writes.map(({ next }) => next));
      const repairs = new Set(landings.flatMap(({ landing, request }) => (landing?.repair ? [request.sqid] : [])));
      const order = world.trunk.filter((n) => !repairs.has(sqid(n)));
      if (story.speculation.bypass || story.speculation.order !== "arrival" || world.prioritized.length > 0) return;
      if (story.changes.some(({ priority }) => priority > 0)) return;
      for (const [place, n] of order.entries())
        for (const later of order.slice(place + 1)) if (conflicts(story, n, later)) expect(n).toBeLessThan(later);
    });
  });
});
