import { describe, expect } from "vitest";
import { goesAhead } from "../../../functions/domain/batch.ts";
import { type Claim, conflicts, keeps, seed } from "./stories.ts";
import { applies, type Fate, passes, type Run } from "./world.ts";

const wouldLand = (fate: Fate, n: number, trunk: ReadonlySet<number>): boolean =>
  applies(fate, n, trunk) && passes(fate, new Set([...trunk, n]));

const versionsIn = ({ signals }: Run): number[] =>
  signals.flatMap((signal) => (signal.kind === "queue-control" ? [signal.version] : []));

const departuresOf = ({ result }: Run) =>
  result.writes.flatMap(({ before, next }) =>
    next.state === "landing" && before?.state !== "landing" ? [next.id] : [],
  );

const PROMISES: Readonly<Record<string, Claim>> = {
  "every request ends, and the live partition empties": (_story, { world, joined }) => {
    for (const n of joined) expect(["landed", "error", "cancelled"]).toContain(world.stateOf(n));
    expect(world.live.size).toBe(0);
  },

  "every request's log ends with the status its request has": (_story, { world, joined }) => {
    for (const n of joined) {
      const ends = world.trailOf(n).filter((entry) => ["landed", "error", "cancelled"].includes(entry));
      expect(ends).toEqual([world.stateOf(n)]);
    }
  },

  "every landed commit point was built and passed, up to changes that the analyzer calls independent": (
    story,
    { world },
  ) => {
    if (story.tests === "affected") return;
    for (const { group, trunk, passed } of world.landings) {
      const agrees = (tree: ReadonlySet<number>, n: number) => {
        const relevant = (members: Iterable<number>) =>
          [...members].filter((m) => m === n || conflicts(story, m, n)).sort();
        return tree.has(n) && String(relevant(tree)) === String(relevant(trunk));
      };
      const proof = passed.find((tree) => group.every((n) => agrees(tree, n)));
      expect(proof, `${group} on ${trunk}`).toBeDefined();
    }
  },

  "the trunk is sound at every commit point": (_story, { world }) => {
    for (const { trunk } of world.landings) expect(passes(world.fate, new Set(trunk)), `${trunk}`).toBe(true);
  },

  "under analyzer all, every landed commit point is a tested tree, exactly": (story, { world }) => {
    if (story.analyzer.type !== "all" || story.tests === "affected") return;
    for (const { trunk, passed } of world.landings) {
      const same = passed.some((tree) => String([...tree].sort()) === String([...trunk].sort()));
      expect(same, `${trunk}`).toBe(true);
    }
  },

  "nothing lands twice, and conflicting changes land in their order unless the evidence covers a bypass": (
    story,
    { world },
  ) => {
    expect(new Set(world.trunk).size).toBe(world.trunk.length);
    const batchOf = new Map(
      [...world.archived.values()].map((batch) => [Number(batch.id.slice(batch.id.lastIndexOf("/") + 1)), batch]),
    );
    for (const { group, trunk, passed, bypassed } of world.landings)
      for (const n of group)
        for (const m of world.trunk.slice(trunk.length)) {
          const [first, second] = [batchOf.get(n), batchOf.get(m)];
          if (!first || !second || !conflicts(story, n, m) || goesAhead(first, second)) continue;
          // Which was ahead when the landing was decided is not known of a change whose priority was changed.
          if (world.prioritized.includes(n) || world.prioritized.includes(m)) continue;
          // What joined the order, or was raised, after the landing was decided could not be waited for.
          const isLate = (second.createdAt ?? 0) >= (first.endedAt ?? 0) - 2 || second.priority > first.priority;
          const isBypassed =
            world.config.speculation.bypass &&
            group.length === 1 &&
            bypassed.includes(m) &&
            passed.some((tree) => tree.has(n) && tree.has(m));
          expect(isBypassed || (isLate && !bypassed.includes(m)), `${n} before ${m}`).toBe(true);
        }
  },

  "never are more builds under way than the budget": (story, { world }) => {
    expect(world.mostBuilds).toBeLessThanOrEqual(story.budget);
  },

  "a change is rejected only when it would not land on the trunk of that moment": (_story, { world }) => {
    for (const { n, trunk, reason } of world.rejections)
      expect(wouldLand(world.fate, n, trunk), `${n} after ${[...trunk]}: ${reason?.message}`).toBe(false);
  },

  "a change is rejected with the words of its own failure": (_story, { world }) => {
    for (const { n, trunk, reason } of world.rejections)
      if (applies(world.fate, n, trunk) || reason?.code === "build.failed") expect(reason?.message).toBe("it failed");
      else expect(reason?.message).toBe(`${n} conflicts`);
  },

  "under analyzer all, what is tested is what would land, so that nothing is tested again": (story, { world }) => {
    if (story.analyzer.type === "all" && world.rejections.every(({ reason }) => reason?.code === "build.failed"))
      expect(world.stale).toBe(0);
  },

  "a change that is sound and was not cancelled lands": (story, { world, cancelled, joined }) => {
    const faulty = (n: number) =>
      world.fate.bad.has(n) ||
      [world.fate.clashes, world.fate.jams, world.fate.needs, world.fate.stacked].some((pairs) =>
        pairs?.some((pair) => pair.includes(n)),
      );
    for (const n of joined)
      if (!faulty(n) && !cancelled.has(n)) expect(world.stateOf(n), `${n} of ${story.changes.length}`).toBe("landed");
  },

  "while the newest control signal is a pause, no change starts landing": (_story, { world }) => {
    let seen = 0;
    for (const run of world.runs) {
      const newest = Math.max(seen, run.queue.control ?? 0, ...versionsIn(run));
      if (!run.crashed) seen = newest;
      if (world.modes[newest - 1] === "paused") expect(departuresOf(run)).toEqual([]);
    }
  },

  "the same snapshot and signals give the same plan": (_story, { world }) => {
    expect(world.plan([])).toEqual(world.plan([]));
  },
};

describe(`crashes, repeats and reordered messages (SEED=${seed})`, () => {
  keeps(PROMISES);
});
