import { beforeAll, describe, expect, it } from "vitest";
import {
  CIRCUMSTANCES,
  type Circumstances,
  circumstances,
  conflict,
  fateOf,
  live,
  type SmallWorld,
  smallWorlds,
} from "./small-worlds.ts";
import { runs, seed } from "./stories.ts";
import { applies, type Fate, passes, type World } from "./world.ts";

/**
 * In how many circumstances each world of up to three changes is lived through. What single steps decide is compared with their rules elsewhere
 * (`evidence-rules.test.ts`), so these worlds are for what only many steps show: what has landed in the end, and that there is an end.
 */
const each = 2 * Math.ceil(runs / 300);
/** Of the worlds of four changes, one in this many is lived through, in one set of circumstances. */
const ONE_IN = Math.max(1, Math.floor(3_600 / runs));
/** Prime to the number of circumstances: worlds that follow each other differ in every option. */
const STRIDE = 7_919;

interface Life {
  readonly small: SmallWorld;
  readonly how: Circumstances;
  readonly fate: Fate;
  readonly world: World;
}

const numbers = (size: number): number[] => Array.from({ length: size }, (_, index) => index + 1);

/** What lands when each change is tried alone, in this order. */
function triedAlone(fate: Fate, order: readonly number[]): number[] {
  const landed = new Set<number>();
  for (const n of order) if (applies(fate, n, landed) && passes(fate, new Set([...landed, n]))) landed.add(n);
  return [...landed].sort();
}

/** The changes by position. Changes that never got one come last. */
function byPosition({ small, world }: Life): number[] {
  const positions = new Map(
    [...world.log.values()].flatMap(({ sqid, metadata }) =>
      typeof metadata["position"] === "number" ? [[sqid, metadata["position"]] as const] : [],
    ),
  );
  const positionOf = (n: number) => positions.get(`q/${n}` as never) ?? Number.POSITIVE_INFINITY;
  return numbers(small.size).sort((a, b) => positionOf(a) - positionOf(b) || a - b);
}

const landedSet = ({ world }: Life) => [...world.trunk].sort();

const hasFault = (fate: Fate, n: number) =>
  fate.bad.has(n) ||
  [...fate.clashes, ...(fate.jams ?? [])].some((pair) => pair.includes(n)) ||
  [...(fate.needs ?? []), ...(fate.stacked ?? [])].some(([m]) => m === n);

const PROMISES: Readonly<Record<string, (life: Life) => boolean>> = {
  "every request ends": ({ small, world }) =>
    numbers(small.size).every((n) => ["landed", "error"].includes(world.stateOf(n) ?? "")) && world.live.size === 0,

  "nothing lands twice, and what has landed is what is said to have": ({ small, world }) =>
    String(numbers(small.size).filter((n) => world.stateOf(n) === "landed")) === String([...world.trunk].sort()),

  "every commit point that lands is sound": ({ world, fate }) =>
    world.landings.every(({ trunk }) => passes(fate, new Set(trunk))),

  "every commit point that lands has been built and has passed, up to changes independent of what is new": ({
    small,
    how,
    world,
  }) =>
    how.tests === "affected" ||
    world.landings.every(({ group, trunk, passed }) => {
      const agrees = (tree: ReadonlySet<number>, n: number) =>
        tree.has(n) && numbers(small.size).every((m) => !conflict(small, n, m) || tree.has(m) === trunk.includes(m));
      return passed.some((tree) => group.every((n) => agrees(tree, n)));
    }),

  "with order arrival, that lands which lands when each is tried alone in the order of arrival": (life) =>
    life.how.order !== "arrival" || String(landedSet(life)) === String(triedAlone(life.fate, numbers(life.small.size))),

  "that lands which lands when each is tried alone in the order in which they joined": (life) =>
    String(landedSet(life)) === String(triedAlone(life.fate, byPosition(life))),

  "a change that passes alone and gets on with all others lands": ({ small, fate, world }) =>
    numbers(small.size).every((n) => hasFault(fate, n) || world.stateOf(n) === "landed"),

  "conflicting changes land in the order in which they joined, unless bypassing is allowed": (life) => {
    const positions = byPosition(life);
    const at = (n: number) => life.world.landings.findIndex(({ group }) => group.includes(n));
    return (
      life.how.bypass ||
      life.world.trunk.every((n) =>
        life.world.trunk.every(
          (m) => !conflict(life.small, n, m) || positions.indexOf(n) > positions.indexOf(m) || at(n) <= at(m),
        ),
      )
    );
  },
};

const found = new Map<string, string[]>();
const seen = { lives: 0, bypasses: 0, bundles: 0, probations: 0, rejections: 0 };

function report(promise: string, small: SmallWorld, how: Circumstances, what = ""): void {
  const { bad, relations } = small;
  const shown = JSON.stringify({ bad: [...bad], relations: Object.fromEntries(relations), how });
  found.set(promise, [...(found.get(promise) ?? []), `${shown} ${what}`]);
}

function lead(small: SmallWorld, how: Circumstances): void {
  let world: World;
  try {
    world = live(small, how);
  } catch (error) {
    report("every request ends", small, how, String(error));
    return;
  }
  const life = { small, how, world, fate: fateOf(small) };
  for (const [promise, isKept] of Object.entries(PROMISES))
    if (!isKept(life)) report(promise, small, how, `landed ${world.landings.map(({ group }) => group.join("+"))}`);
  seen.lives += 1;
  seen.bypasses += world.landings.filter(({ bypassed }) => bypassed.length > 0).length;
  seen.bundles += world.landings.filter(({ group }) => group.length > 1).length;
  seen.probations += [...world.log.values()].filter(
    (event) => event.kind === "event" && event.event === "joined",
  ).length;
  seen.rejections += small.size - world.trunk.length;
}

/**
 * A change that needs another lands behind that change only if that change has a position. On probation it has none, so the order of arrival is
 * asked for.
 */
const suits = (small: SmallWorld, { order }: Circumstances): boolean =>
  order === "arrival" || [fateOf(small).needs, fateOf(small).stacked].every((pairs) => pairs?.length === 0);

/** Of the worlds of `size` one in `oneIn`, in `count` circumstances each. */
function leadAll(size: number, between: Parameters<typeof smallWorlds>[1], count: number, oneIn = 1): void {
  let number = seed;
  let skipped = seed % oneIn;
  for (const small of smallWorlds(size, between)) {
    skipped = (skipped + 1) % oneIn;
    if (skipped > 0) continue;
    for (let i = 0; i < Math.min(count, CIRCUMSTANCES); i++) {
      const how = circumstances(number, size);
      if (suits(small, how)) lead(small, how);
      number += STRIDE;
    }
  }
}

describe(`in every world of up to three changes, and in many of four (SEED=${seed})`, () => {
  beforeAll(() => {
    for (const size of [1, 2, 3]) leadAll(size, ["apart", "near", "clash", "needs", "jams", "stacked"], each);
    leadAll(4, ["apart", "near", "clash", "needs"], 1, ONE_IN);
  }, 3_600_000);

  it.each(Object.keys(PROMISES))("%s", (promise) => {
    expect((found.get(promise) ?? []).slice(0, 3)).toEqual([]);
  });

  it("the worlds contain bypasses, bundles, probations and rejections", () => {
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(5);
  });
});
