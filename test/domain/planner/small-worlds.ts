import { BuildRunnerConfig } from "../../../functions/contracts/build-runner-config.ts";
import { SpeculationConfig } from "../../../functions/contracts/planning-config.ts";
import type { QueueConfig } from "../../../functions/contracts/queues.ts";
import { emptyHistory } from "../../../functions/domain/speculation/history.ts";
import { aQueue, type BuildRecord, type Fate, World } from "./world.ts";

/**
 * What two changes are to each other. `apart`: they are independent; `needs`: the later one fails without the earlier; `jams`: the
 * second to come does not apply; `stacked`: the later one does not apply without the earlier.
 */
type Relation = "apart" | "near" | "clash" | "needs" | "jams" | "stacked";

/** Changes 1 … size, their conflicts and their outcomes. */
export interface SmallWorld {
  readonly size: number;
  readonly bad: ReadonlySet<number>;
  readonly relations: ReadonlyMap<string, Relation>;
}

const pairsOf = (size: number): [number, number][] =>
  Array.from({ length: size }, (_, a) =>
    Array.from({ length: size - a - 1 }, (_, i) => [a + 1, a + i + 2] as [number, number]),
  ).flat();

const relationOf = ({ relations }: SmallWorld, a: number, b: number): Relation =>
  relations.get(a < b ? `${a}-${b}` : `${b}-${a}`) ?? "apart";

export const conflict = (world: SmallWorld, a: number, b: number): boolean =>
  a !== b && relationOf(world, a, b) !== "apart";

/**
 * Every conflict graph on `size` changes (numbered by arrival, so no two are the same) with every outcome: each change passes or
 * fails on its own, each pair that conflicts gets on or not. What a change that always fails does with others shows nowhere.
 */
export function* smallWorlds(size: number, between: readonly Relation[]): Generator<SmallWorld, void, void> {
  const pairs = pairsOf(size);
  for (let mask = 0; mask < 1 << size; mask++) {
    const bad = new Set(Array.from({ length: size }, (_, i) => i + 1).filter((n) => mask & (1 << (n - 1))));
    const choices = pairs.map(([a, b]) => (bad.has(a) || bad.has(b) ? between.slice(0, 2) : between));
    const total = choices.reduce((product, { length }) => product * length, 1);
    for (let number = 0; number < total; number++) {
      const digits = digitsOf(
        number,
        choices.map(({ length }) => length),
      );
      const relations = pairs.map(([a, b], i) => [`${a}-${b}`, choices[i]?.[digits[i] ?? 0] ?? "apart"] as const);
      yield { size, bad, relations: new Map(relations) };
    }
  }
}

/** The number in mixed radix, the first digit changing fastest. */
function digitsOf(number: number, radices: readonly number[]): number[] {
  let rest = number;
  return radices.map((radix) => {
    const digit = rest % radix;
    rest = Math.floor(rest / radix);
    return digit;
  });
}

export const fateOf = (world: SmallWorld): Fate => {
  const those = (relation: Relation) => pairsOf(world.size).filter(([a, b]) => relationOf(world, a, b) === relation);
  const laterFirst = (relation: Relation) => those(relation).map(([a, b]) => [b, a] as const);
  return {
    bad: world.bad,
    clashes: those("clash"),
    needs: laterFirst("needs"),
    jams: those("jams"),
    stacked: laterFirst("stacked"),
  };
};

/** How the queue is configured, and in what order things happen to it. */
export interface Circumstances {
  readonly bypass: boolean;
  readonly order: "arrival" | "likely-first";
  readonly maxSize: 1 | 4;
  readonly tests: "everything" | "affected";
  /** Changes in the order in which their builds finish. */
  readonly finishing: readonly number[];
  /** Runway lands only when nothing is left to build. */
  readonly slowRunway: boolean;
  /** One change arrives, then one build finishes, and so on; else all are there at the start. */
  readonly trickling: boolean;
  readonly tight: boolean;
  /** Which changes are expected to fail. */
  readonly expectedToFail: "none" | "bad" | "good" | "odd";
}

const RADICES = [2, 2, 2, 2, 24, 2, 2, 2, 4] as const;
export const CIRCUMSTANCES = RADICES.reduce((product, radix) => product * radix, 1);

export function circumstances(number: number, size: number): Circumstances {
  const [bypass, order, maxSize, tests, finishing, slowRunway, trickling, tight, expectedToFail] = digitsOf(
    number % CIRCUMSTANCES,
    RADICES,
  );
  return {
    bypass: bypass === 1,
    order: order === 1 ? "likely-first" : "arrival",
    maxSize: maxSize === 1 ? 4 : 1,
    tests: tests === 1 ? "affected" : "everything",
    finishing: permutation(finishing ?? 0, size),
    slowRunway: slowRunway === 1,
    trickling: trickling === 1,
    tight: tight === 1,
    expectedToFail: (["none", "bad", "good", "odd"] as const)[expectedToFail ?? 0] ?? "none",
  };
}

function permutation(number: number, size: number): number[] {
  const left = Array.from({ length: size }, (_, i) => i + 1);
  return digitsOf(
    number,
    left.map((n) => n),
  )
    .toReversed()
    .flatMap((digit) => left.splice(digit % left.length, 1));
}

const scorer = {
  type: "heuristic",
  buckets: [
    { upTo: 10, success: 0.9 },
    { upTo: 1_000, success: 0.3 },
  ],
};

function configOf({ bypass, order, maxSize, tests, tight }: Circumstances): QueueConfig {
  const budget = maxSize > 1 ? [2, 1] : [12, 3];
  return aQueue({
    budget: budget[tight ? 1 : 0] ?? 1,
    buildRunner: BuildRunnerConfig.parse({ type: "fake", tests }),
    speculation: SpeculationConfig.parse({ bypass, order, scorer, minProbability: 0.01 }),
    bundle: { maxSize, maxWaitSeconds: 0 },
  });
}

function isExpectedToFail({ bad }: SmallWorld, n: number, { expectedToFail }: Circumstances): boolean {
  if (expectedToFail === "odd") return n % 2 === 1;
  return expectedToFail !== "none" && bad.has(n) === (expectedToFail === "bad");
}

/** Lets everything come to its end. Throws when it does not. */
export function live(small: SmallWorld, how: Circumstances): World {
  const world = new World(configOf(how), fateOf(small), (batch) => batch);
  // Any build that is not the next to finish is slow enough for a bypass.
  world.queueState = { ...world.queueState, history: { ...emptyHistory(), buildMs: [1, 1, 1] } };
  let arrived = 0;
  for (let step = 0; step < 300; step++) {
    do if (arrived < small.size) arrive(world, small, ++arrived, how);
    while (!how.trickling && arrived < small.size);
    while (world.inbox.length > 0) world.run();
    const build = nextToFinish(world, how);
    if (world.merges.length > 0 && !(how.slowRunway && build)) world.land();
    else if (build) world.finish(build);
    else if (world.live.size > 0) world.tick();
    else if (arrived === small.size) return world;
  }
  throw new Error("it does not come to rest");
}

function arrive(world: World, small: SmallWorld, n: number, how: Circumstances): void {
  const others = Array.from({ length: small.size }, (_, i) => i + 1).filter((m) => conflict(small, n, m));
  const paths = [`${n}`, ...others.map((m) => `${Math.min(n, m)}-${Math.max(n, m)}`)];
  const additions = isExpectedToFail(small, n, how) ? 100 : 1;
  world.ready(n, paths, { touches: { paths, files: paths.length, additions, deletions: 0, authors: [] } });
}

function nextToFinish(world: World, { finishing }: Circumstances): BuildRecord | undefined {
  const rank = ({ head }: BuildRecord) => finishing.indexOf(head[0] ?? 0);
  return world.running().sort((a, b) => rank(a) - rank(b))[0];
}
