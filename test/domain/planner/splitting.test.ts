import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import { runs, type Story, seed } from "./stories.ts";
import { aQueue, World } from "./world.ts";

/**
 * Worlds in which the signals alone say how each request ends, in every order of arrival. Either no two changes fail together, so that the
 * order in which they land decides nothing; or some do, but they land in the order of arrival: no bypass, no probation, no priority.
 * A cancel comes with the bundle that its request is in, before any build of it can end: later it may come too late to count.
 */
interface Bundled {
  readonly budget: number;
  readonly maxSize: number;
  readonly tests: "everything" | "affected";
  readonly speculation: Story["speculation"];
  readonly changes: readonly {
    readonly paths: readonly string[];
    readonly bad: boolean;
    readonly lines: number;
    readonly priority: number;
    readonly cancelled: boolean;
  }[];
  readonly clashes: readonly (readonly [number, number])[];
  readonly steps: readonly { readonly what: "arrive" | "build" | "land" | "tick" | "wake"; readonly which: number }[];
}

const speculation = {
  allocator: fc.constantFrom("sticky", "preempting"),
  minProbability: fc.constantFrom(0.01, 0.1),
  scorer: fc.constantFrom<NonNullable<Story["speculation"]["scorer"]>>(
    { type: "history" },
    {
      type: "heuristic",
      buckets: [
        { upTo: 10, success: 0.9 },
        { upTo: 1_000, success: 0.2 },
      ],
    },
  ),
} as const;

const change = (priority: fc.Arbitrary<number>) =>
  fc.record({
    paths: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 2 }),
    bad: fc.constantFrom(false, false, true),
    lines: fc.constantFrom(1, 100),
    priority,
    cancelled: fc.constantFrom(false, false, false, true),
  });

const common = {
  budget: fc.integer({ min: 1, max: 6 }),
  maxSize: fc.constantFrom(1, 3),
  tests: fc.constantFrom("everything", "affected"),
  steps: fc.array(
    fc.record({
      what: fc.constantFrom("arrive", "arrive", "build", "build", "build", "land", "tick", "wake"),
      which: fc.nat(20),
    }),
    { maxLength: 40, size: "max" },
  ),
} as const;

const changes = (priority: fc.Arbitrary<number>) =>
  fc.array(change(priority), { minLength: 2, maxLength: 6, size: "max" });

const withoutClashes: fc.Arbitrary<Bundled> = fc.record({
  ...common,
  changes: changes(fc.constantFrom(0, 0, 1)),
  clashes: fc.constant([]),
  speculation: fc.record({
    ...speculation,
    order: fc.constantFrom("arrival", "likely-first"),
    bypass: fc.boolean(),
  }),
});

const number = fc.integer({ min: 1, max: 6 });
const inOrderOfArrival: fc.Arbitrary<Bundled> = fc.record({
  ...common,
  changes: changes(fc.constant(0)),
  clashes: fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 4, size: "max" }),
  speculation: fc.record({ ...speculation, order: fc.constant("arrival"), bypass: fc.constant(false) }),
});

/** How many signals the planner is given at once, at most. */
type HandOver = "together" | "two by two" | "one by one";
const AT_ONCE: Readonly<Record<HandOver, number>> = { together: 1_000, "two by two": 2, "one by one": 1 };

/** All that has come in, at one moment, in one run of the planner or in several. */
function wake(world: World, handOver: HandOver): void {
  const now = world.time;
  do {
    world.time = now;
    world.run(AT_ONCE[handOver]);
  } while (world.inbox.length > 0);
}

function live(story: Bundled, handOver: HandOver): World {
  const meet = (a: number, b: number) =>
    a !== b && story.changes[a - 1]?.paths.some((path) => story.changes[b - 1]?.paths.includes(path)) === true;
  const fate = {
    bad: new Set(story.changes.flatMap(({ bad }, index) => (bad ? [index + 1] : []))),
    clashes: story.clashes.filter(([a, b]) => meet(a, b)),
  };
  const config = aQueue({
    budget: story.budget,
    buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: story.tests }),
    speculation: SpeculationConfig.parse(story.speculation),
    bundle: { maxSize: story.maxSize, maxWaitSeconds: 0 },
  });
  const world = new World(config, fate);
  const waiting = story.changes.map((_, index) => index + 1);
  const arrive = () => {
    const n = waiting.shift();
    const arriving = story.changes[(n ?? 0) - 1];
    if (n === undefined || arriving === undefined) return;
    const { paths, lines, priority, cancelled } = arriving;
    world.ready(n, paths, { touches: { paths, files: 1, additions: lines, deletions: 0, authors: [] }, priority });
    if (cancelled) world.cancel(n);
  };
  for (const { what, which } of story.steps) {
    if (what === "arrive") arrive();
    if (what === "tick") world.tick();
    if (what === "land") world.land();
    const build = world.running()[which % Math.max(1, world.running().length)];
    if (what === "build" && build) world.finish(build);
    if (what === "wake") wake(world, handOver);
  }
  while (waiting.length > 0) arrive();
  for (let round = 0; round < 300; round++) {
    wake(world, handOver);
    if (world.live.size === 0 && world.quiet()) return world;
    for (const build of world.running()) world.finish(build);
    while (world.merges.length > 0) world.land();
    if (world.inbox.length === 0) world.tick();
  }
  throw new Error("it does not come to rest");
}

const ends = (story: Bundled, handOver: HandOver): (string | undefined)[] => {
  const world = live(story, handOver);
  return story.changes.map((_, index) => world.stateOf(index + 1));
};

const sameEnds = (stories: fc.Arbitrary<Bundled>) =>
  fc.assert(
    fc.property(stories, (story) => {
      const together = ends(story, "together");
      for (const handOver of ["two by two", "one by one"] as const)
        expect(ends(story, handOver), handOver).toEqual(together);
    }),
    { seed, numRuns: Math.ceil(runs / 3) },
  );

describe(`signals at one moment, in one run of the planner or in several (SEED=${seed})`, () => {
  it("end each request the same way where no two changes fail together", () => {
    sameEnds(withoutClashes);
  });

  it("end each request the same way where changes that fail together land in the order of arrival", () => {
    sameEnds(inOrderOfArrival);
  });
});
