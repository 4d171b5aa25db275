import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BuildRunnerConfig, type QueueConfig, SpeculationConfig } from "../../../functions/contracts/queues.ts";
import { goesAhead } from "../../../functions/domain/batch.ts";
import { aQueue, type Fate, passes, World } from "./world.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const runs = Number(process.env["RUNS"] ?? 300);

interface Story {
  readonly analyzer: QueueConfig["conflictAnalyzer"];
  readonly budget: number;
  readonly speculation: unknown;
  readonly maxSize: number;
  readonly speaksFor: "tree" | "heads";
  readonly changes: readonly {
    readonly paths: readonly string[];
    readonly bad: boolean;
    readonly lines: number;
    readonly priority: number;
  }[];
  readonly clashes: readonly (readonly [number, number])[];
  readonly steps: readonly { readonly what: string; readonly which: number }[];
}

const analyzers: QueueConfig["conflictAnalyzer"][] = [{ type: "all" }, { type: "paths", by: "file" }, { type: "none" }];

const aStory: fc.Arbitrary<Story> = fc.record({
  analyzer: fc.constantFrom(...analyzers),
  budget: fc.integer({ min: 1, max: 5 }),
  maxSize: fc.constantFrom(1, 1, 2, 4),
  speaksFor: fc.constantFrom("tree", "tree", "heads"),
  speculation: fc.record({
    order: fc.constantFrom("arrival", "likely-first"),
    allocator: fc.constantFrom("sticky", "preempting"),
    bypass: fc.boolean(),
    minProbability: fc.constantFrom(0.01, 0.1),
    scorer: fc.constantFrom(
      { type: "history" },
      { type: "flat", success: 0.6 },
      {
        type: "heuristic",
        buckets: [
          { upTo: 10, success: 0.9 },
          { upTo: 1000, success: 0.2 },
        ],
      },
    ),
  }),
  changes: fc.array(
    fc.record({
      paths: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 2 }),
      bad: fc.boolean(),
      lines: fc.constantFrom(1, 100),
      priority: fc.constantFrom(0, 0, 0, 1),
    }),
    { minLength: 1, maxLength: 7 },
  ),
  clashes: fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })), { maxLength: 3 }),
  steps: fc.array(
    fc.record({
      what: fc.constantFrom(
        "arrive",
        "arrive",
        "run",
        "run",
        "one",
        "crash",
        "build",
        "build",
        "land",
        "cancel",
        "repeat",
        "again",
        "tick",
      ),
      which: fc.nat(30),
    }),
    { maxLength: 60 },
  ),
});

const conflicts = (story: Story, a: number, b: number): boolean => {
  if (a === b || story.analyzer.type === "none") return false;
  if (story.analyzer.type === "all") return true;
  const paths = (n: number) => story.changes[n - 1]?.paths ?? [];
  return paths(a).some((path) => paths(b).includes(path));
};

interface Told {
  readonly world: World;
  readonly cancelled: ReadonlySet<number>;
  readonly joined: readonly number[];
}

function tell(story: Story): Told {
  const fate: Fate = {
    bad: new Set(story.changes.flatMap((change, index) => (change.bad ? [index + 1] : []))),
    // Changes that the analyzer calls independent do not fail together: that is what independent means.
    clashes: story.clashes.filter(([a, b]) => conflicts(story, a, b)),
  };
  const config = aQueue({
    conflictAnalyzer: story.analyzer,
    budget: story.budget,
    buildRunner: BuildRunnerConfig.parse({ type: "fake", speaksFor: story.speaksFor }),
    speculation: SpeculationConfig.parse(story.speculation),
    batch: { maxSize: story.maxSize, maxWaitSeconds: 0 },
  });
  const world = new World(config, fate);
  const cancelled = new Set<number>();
  const joined: number[] = [];
  const arrive = () => {
    const n = joined.length + 1;
    const change = story.changes[n - 1];
    if (!change) return;
    joined.push(n);
    const touches = {
      paths: change.paths,
      files: 1,
      additions: change.lines,
      deletions: 0,
      authors: [`${change.lines}@example.com`],
    };
    world.ready(n, change.paths, { touches, priority: change.priority });
  };
  for (const { what, which } of story.steps) {
    if (what === "arrive") arrive();
    if (what === "run") world.run();
    if (what === "one") world.run(1);
    if (what === "crash") world.run(10, which);
    if (what === "tick") world.tick();
    if (what === "land") world.land(which % 4 === 0);
    if (what === "build") {
      const running = world.running();
      const build = running[which % Math.max(1, running.length)];
      if (build) world.finish(build);
    }
    if (what === "cancel") {
      const n = 1 + (which % Math.max(1, story.changes.length));
      if (n <= joined.length) {
        cancelled.add(n);
        world.cancel(n);
      }
    }
    const signal = world.inbox[which % Math.max(1, world.inbox.length)];
    if (what === "repeat" && signal) world.inbox.push(signal);
  }
  while (joined.length < story.changes.length) arrive();
  world.drain();
  return { world, cancelled, joined };
}

const holds = (check: (story: Story, told: Told) => void) => {
  fc.assert(
    fc.property(aStory, (story) => check(story, tell(story))),
    { seed, numRuns: runs },
  );
};

describe(`whatever crashes, repeats and reorders (SEED=${seed})`, () => {
  it("every request ends, and the live partition empties", () => {
    holds((_story, { world, joined }) => {
      for (const n of joined) expect(["landed", "error", "cancelled"]).toContain(world.stateOf(n));
      expect(world.live.size).toBe(0);
    });
  });

  it("every request's log ends with the status its request has", () => {
    holds((_story, { world, joined }) => {
      for (const n of joined) {
        const ends = world.trailOf(n).filter((entry) => ["landed", "error", "cancelled"].includes(entry));
        expect(ends).toEqual([world.stateOf(n)]);
      }
    });
  });

  it("every landed commit point was built and passed, up to changes that the analyzer calls independent", () => {
    holds((story, { world }) => {
      if (story.speaksFor === "heads") return;
      for (const { group, trunk, passed } of world.landings) {
        const agrees = (tree: ReadonlySet<number>, n: number) => {
          const relevant = (members: Iterable<number>) =>
            [...members].filter((m) => m === n || conflicts(story, m, n)).sort();
          return tree.has(n) && String(relevant(tree)) === String(relevant(trunk));
        };
        const proof = passed.find((tree) => group.every((n) => agrees(tree, n)));
        expect(proof, `${group} on ${trunk}`).toBeDefined();
      }
    });
  });

  it("the trunk is sound at every commit point", () => {
    holds((_story, { world }) => {
      for (const { trunk } of world.landings) expect(passes(world.fate, new Set(trunk)), `${trunk}`).toBe(true);
    });
  });

  it("under analyzer all, every landed commit point is a tested tree, exactly", () => {
    holds((story, { world }) => {
      if (story.analyzer.type !== "all" || story.speaksFor === "heads") return;
      for (const { trunk, passed } of world.landings) {
        const same = passed.some((tree) => String([...tree].sort()) === String([...trunk].sort()));
        expect(same, `${trunk}`).toBe(true);
      }
    });
  });

  it("nothing lands twice, and conflicting changes land in their order unless the evidence covers a bypass", () => {
    holds((story, { world }) => {
      expect(new Set(world.trunk).size).toBe(world.trunk.length);
      const batchOf = new Map(
        [...world.archived.values()].map((batch) => [Number(batch.id.slice(batch.id.lastIndexOf("/") + 1)), batch]),
      );
      for (const { group, trunk, passed, bypassed } of world.landings) {
        const n = group[0] ?? 0;
        for (const m of world.trunk.slice(trunk.length)) {
          const [first, second] = [batchOf.get(n), batchOf.get(m)];
          if (!first || !second || !conflicts(story, n, m) || goesAhead(first, second)) continue;
          // What joined the order, or was raised, after the landing was decided could not be waited for.
          if (bypassed.includes(m))
            expect(
              passed.some((tree) => tree.has(n) && tree.has(m)),
              `${n} before ${m}`,
            ).toBe(true);
          else
            expect(
              (second.createdAt ?? 0) >= (first.endedAt ?? 0) - 2 || second.priority > first.priority,
              `${n} before ${m}`,
            ).toBe(true);
        }
      }
    });
  });

  it("never are more builds under way than the budget", () => {
    holds((story, { world }) => {
      expect(world.mostBuilds).toBeLessThanOrEqual(story.budget);
    });
  });

  it("a change fails only when it fails on what has really landed", () => {
    holds((_story, { world, joined }) => {
      for (const n of joined) {
        if (world.stateOf(n) !== "error") continue;
        const before = world.trunk;
        const guilty =
          world.fate.bad.has(n) ||
          world.fate.clashes.some(
            ([a, b]) => (a === n && before.includes(b)) || (b === n && before.includes(a)) || (a === n && b === n),
          );
        expect(guilty, `${n} after ${before}`).toBe(true);
      }
    });
  });

  it("a change that nobody cancelled and that has no fault lands", () => {
    holds((story, { world, cancelled, joined }) => {
      const faulty = (n: number) => world.fate.bad.has(n) || world.fate.clashes.some((pair) => pair.includes(n));
      for (const n of joined)
        if (!faulty(n) && !cancelled.has(n)) expect(world.stateOf(n), `${n} of ${story.changes.length}`).toBe("landed");
    });
  });

  it("the same snapshot and signals give the same plan", () => {
    holds((_story, { world }) => {
      expect(world.plan([])).toEqual(world.plan([]));
    });
  });
});
