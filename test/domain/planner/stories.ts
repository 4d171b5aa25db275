import fc from "fast-check";
import { beforeAll, it } from "vitest";
import type * as z from "zod";
import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { aQueue, type Fate, World } from "./world.ts";

export const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
export const runs = Number(process.env["RUNS"] ?? 300);

export interface Story {
  readonly analyzer: QueueConfig["conflictAnalyzer"];
  readonly budget: number;
  readonly speculation: z.input<typeof SpeculationConfig>;
  readonly maxSize: number;
  readonly tests: "everything" | "affected";
  readonly changes: readonly {
    readonly paths: readonly string[];
    readonly bad: boolean;
    readonly lines: number;
    readonly priority: number;
  }[];
  readonly clashes: readonly (readonly [number, number])[];
  readonly jams: readonly (readonly [number, number])[];
  /** The later of the two fails, or does not apply, without the earlier. */
  readonly needs: readonly (readonly [number, number])[];
  readonly stacked: readonly (readonly [number, number])[];
  readonly retries: number;
  readonly steps: readonly { readonly what: string; readonly which: number }[];
}

const analyzers: QueueConfig["conflictAnalyzer"][] = [{ type: "all" }, { type: "paths", by: "file" }, { type: "none" }];

const pairs = (maxLength: number) =>
  fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })), { maxLength, size: "max" });

export const aStory: fc.Arbitrary<Story> = fc.record({
  analyzer: fc.constantFrom(...analyzers),
  budget: fc.integer({ min: 1, max: 5 }),
  maxSize: fc.constantFrom(1, 1, 2, 4),
  tests: fc.constantFrom("everything", "everything", "affected"),
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
      bad: fc.constantFrom(false, false, false, true),
      lines: fc.constantFrom(1, 100),
      priority: fc.constantFrom(0, 0, 0, 1),
    }),
    { minLength: 1, maxLength: 7, size: "max" },
  ),
  clashes: pairs(3),
  jams: pairs(2),
  needs: pairs(3),
  stacked: pairs(1),
  retries: fc.constantFrom(0, 0, 1, 2),
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
        "flake",
        "breakdown",
        "land",
        "cancel",
        "repeat",
        "again",
        "tick",
        "pause",
        "resume",
        "prioritize",
      ),
      which: fc.nat(30),
    }),
    { minLength: 10, maxLength: 60, size: "max" },
  ),
});

export const conflicts = (story: Story, a: number, b: number): boolean => {
  if (a === b || story.analyzer.type === "none") return false;
  if (story.analyzer.type === "all") return true;
  const paths = (n: number) => story.changes[n - 1]?.paths ?? [];
  return paths(a).some((path) => paths(b).includes(path));
};

/**
 * Changes that the analyzer calls independent neither fail together nor need each other: that is what independent means. They may still
 * touch the same lines, where the analyzer does not look.
 */
export const fateOf = (story: Story): Fate => {
  const later = ([a, b]: readonly [number, number]) => [Math.max(a, b), Math.min(a, b)] as const;
  const dependent = ([a, b]: readonly [number, number]) => conflicts(story, a, b);
  return {
    bad: new Set(story.changes.flatMap((change, index) => (change.bad ? [index + 1] : []))),
    clashes: story.clashes.filter(dependent),
    jams: story.jams.filter(([a, b]) => a !== b),
    needs: story.needs.filter(dependent).map(later),
    stacked: story.stacked.filter(dependent).map(later),
  };
};

export interface Told {
  readonly world: World;
  readonly cancelled: ReadonlySet<number>;
  readonly joined: readonly number[];
}

/** What happens to the trunk beside a story: the changes that repair it, and what befalls it before each step and at the end. */
export interface Meddling {
  readonly repairs: ReadonlySet<number>;
  readonly before: (world: World, step: number | "end") => void;
}

const NOTHING: Meddling = { repairs: new Set(), before: () => {} };

/** `more`: what of the queue's configuration no story chooses. */
export function tell(story: Story, more: Partial<QueueConfig> = {}, { repairs, before }: Meddling = NOTHING): Told {
  const fate = { ...fateOf(story), repairs };
  const config = aQueue({
    conflictAnalyzer: story.analyzer,
    budget: story.budget,
    buildRunner: BuildRunnerConfig.parse({ type: "fake", tests: story.tests }),
    speculation: SpeculationConfig.parse(story.speculation),
    bundle: { maxSize: story.maxSize, maxWaitSeconds: 0 },
    retries: story.retries,
    ...more,
  });
  const { infrastructureRetries } = config.buildRunner;
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
  for (const [step, { what, which }] of story.steps.entries()) {
    before(world, step);
    if (what === "arrive") arrive();
    if (what === "run") world.run();
    if (what === "one") world.run(1);
    if (what === "crash") world.run(10, which);
    if (what === "tick") world.tick();
    if (what === "land") world.land(which % 4 === 0);
    const running = world.running();
    const build = running[which % Math.max(1, running.length)];
    if (build && what === "build") world.finish(build);
    if (build && what === "flake" && world.mostOf(world.flakes, build) < story.retries) world.finish(build, "flakes");
    if (build && what === "breakdown" && world.mostOf(world.breakdowns, build) < infrastructureRetries)
      world.finish(build, "breakdowns");
    if (what === "cancel") {
      const n = 1 + (which % Math.max(1, story.changes.length));
      if (n <= joined.length) {
        cancelled.add(n);
        world.cancel(n);
      }
    }
    if (what === "prioritize" && joined.length > 0) world.prioritize(1 + (which % joined.length), which % 3);
    if (what === "pause") world.control("paused");
    if (what === "resume") world.control(which % 4 === 0 ? "draining" : "open");
    const signal = world.inbox[which % Math.max(1, world.inbox.length)];
    if (what === "repeat" && signal) world.inbox.push(signal);
  }
  while (joined.length < story.changes.length) arrive();
  if (world.modes.at(-1) === "paused") world.control("open");
  before(world, "end");
  world.drain();
  return { world, cancelled, joined };
}

/** Throws when a story breaks it. It only looks at the world that the story left. */
export type Claim = (story: Story, told: Told) => void;

/** `check` holds of every story; or of all that `stories` make. */
export const holds = (check: Claim, stories: fc.Arbitrary<Story> = aStory, more: Partial<QueueConfig> = {}) => {
  fc.assert(
    fc.property(stories, (story) => check(story, tell(story, more))),
    { seed, numRuns: runs },
  );
};

/**
 * A test for each claim, by its title. Every story is told once, and all claims look at the world that it left: to tell the same stories
 * for each claim took most of the time. A claim that does not hold is searched for by itself, for the smallest story that breaks it.
 */
export function keeps(
  claims: Readonly<Record<string, Claim>>,
  stories: fc.Arbitrary<Story> = aStory,
  more: Partial<QueueConfig> = {},
): void {
  const broken = new Map<string, unknown>();
  beforeAll(() => {
    const look = (story: Story) => {
      const told = tell(story, more);
      for (const [title, claim] of Object.entries(claims)) {
        try {
          claim(story, told);
        } catch (error) {
          if (!broken.has(title)) broken.set(title, error);
        }
      }
    };
    fc.assert(fc.property(stories, look), { seed, numRuns: runs });
  }, 3_600_000);

  it.each(Object.entries(claims))("%s", (title, claim) => {
    if (!broken.has(title)) return;
    holds(claim, stories, more);
    throw broken.get(title);
  });
}
