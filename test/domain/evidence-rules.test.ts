import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BuildRunnerConfig } from "../../functions/contracts/build-runner-config.ts";
import type { BatchId, BuildKey } from "../../functions/contracts/ids.ts";
import type { QueueConfig } from "../../functions/contracts/queues.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import type { Batch, Path } from "../../functions/domain/batch.ts";
import {
  bundleThatMayLand,
  evidenceFor,
  isUseless,
  MOST_BYPASSED,
  othersAreCleared,
  rejectingBuild,
} from "../../functions/domain/evidence.ts";
import { archivable } from "../../functions/domain/planner/archive.ts";
import { Draft } from "../../functions/domain/planner/draft.ts";
import { selectLandable } from "../../functions/domain/planner/start-landing.ts";
import type { QueueIndex } from "../../functions/domain/queue-index.ts";
import { aBatchRequest } from "../support/batch-request.ts";
import { EvidenceRules } from "./evidence-rules.ts";
import { seed } from "./planner/stories.ts";
import { aQueue, QUEUE } from "./planner/world.ts";

const RUNS = Number(process.env["RUNS"] ?? 2_000);

const id = (n: number): BatchId => `q/batch/${n}` as BatchId;
const MOST = 5;

/**
 * What a queue may look like, whether or not a run of the planner would leave it so. Numbers are batches by arrival, from 1. Times are small, so
 * that they are often equal.
 */
interface Drawn {
  readonly batches: readonly {
    readonly conflicts: readonly number[] | "every";
    readonly state: Batch["state"];
    readonly onProbation: boolean;
    readonly position: number;
    readonly nextPosition: number;
    readonly priority: number;
    readonly endedAt: number;
    /** Batches with the same number land in one push, and in one bundle when it is 0. */
    readonly push: number;
    readonly bypassed: readonly number[];
    readonly concluded: boolean;
  }[];
  readonly builds: readonly {
    readonly base: readonly number[];
    readonly heads: readonly number[];
    readonly state: Path["state"];
    readonly startedAt: number;
    readonly how: "failed" | "infrastructure" | "unappliable" | "set aside";
    readonly refused: number;
  }[];
  readonly archived: readonly number[];
  readonly options: {
    readonly since: number;
    readonly tests: "everything" | "affected";
    readonly retries: number;
    /** True under conflict analyzer `all`. */
    readonly exact: boolean;
    readonly most: number;
    readonly commitPoints: "every" | "pushes";
  };
  readonly trunk: readonly number[];
}

const some = (max = MOST, maxLength = 3) => fc.uniqueArray(fc.integer({ min: 1, max }), { maxLength });

const anyQueue: fc.Arbitrary<Drawn> = fc.record({
  batches: fc.array(
    fc.record({
      conflicts: fc.oneof(some(MOST, MOST), fc.constant("every" as const)),
      state: fc.constantFrom(
        "speculating",
        "speculating",
        "speculating",
        "speculating",
        "speculating",
        "landing",
        "landed",
        "landed",
        "failed",
        "cancelled",
        "cancelling",
      ),
      onProbation: fc.boolean(),
      position: fc.integer({ min: 1, max: 9 }),
      nextPosition: fc.integer({ min: 1, max: 9 }),
      priority: fc.constantFrom(0, 0, 1),
      endedAt: fc.integer({ min: 1, max: 5 }),
      push: fc.nat(3),
      bypassed: some(MOST, 2),
      concluded: fc.constantFrom(true, true, true, false),
    }),
    { minLength: 2, maxLength: MOST, size: "max" },
  ) as fc.Arbitrary<Drawn["batches"]>,
  builds: fc.array(
    fc.record({
      base: some(),
      heads: fc.uniqueArray(fc.integer({ min: 1, max: MOST }), { minLength: 1, maxLength: 2, size: "-1" }),
      state: fc.constantFrom(
        "passed",
        "passed",
        "passed",
        "failed",
        "failed",
        "failed",
        "building",
        "cancelling",
        "cancelled",
      ),
      startedAt: fc.integer({ min: 0, max: 6 }),
      how: fc.constantFrom("failed", "failed", "failed", "infrastructure", "unappliable", "set aside"),
      refused: fc.nat(5),
    }),
    { minLength: 3, maxLength: 9, size: "max" },
  ) as fc.Arbitrary<Drawn["builds"]>,
  archived: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some(MOST, 1) }),
  options: fc.record({
    since: fc.constantFrom(0, 0, 2),
    tests: fc.constantFrom("everything", "affected"),
    retries: fc.constantFrom(0, 0, 1, 2),
    exact: fc.boolean(),
    most: fc.constantFrom(0, 1, 3),
    commitPoints: fc.constantFrom("every", "pushes"),
  }),
  trunk: some(MOST, 2),
});

function pathsOf({ batches, builds }: Drawn): ReadonlyMap<number, Path[]> {
  const byHead = new Map<number, Path[]>();
  for (const [i, build] of builds.entries()) {
    const heads = build.heads.filter((n) => n <= batches.length);
    const base = build.base.filter((n) => n <= batches.length && !heads.includes(n));
    const [first] = heads;
    if (first === undefined) continue;
    const composed = [...base, ...heads];
    const refused = composed[build.refused % composed.length] ?? first;
    const reason = { code: "build.failed", message: "it failed" } as const;
    const ended: Partial<Path> =
      build.state !== "failed"
        ? {}
        : build.how === "infrastructure"
          ? { reason: { ...reason, code: "build.infrastructure" } }
          : build.how === "unappliable"
            ? { reason: { ...reason, code: "merge.conflict" }, unappliable: id(refused) }
            : build.how === "set aside"
              ? { reason, setAside: "unproven" }
              : { reason };
    const path: Path = {
      buildKey: String(i).padStart(32, "0") as BuildKey,
      attempt: 1,
      heads: heads.map(id),
      base: base.map(id),
      without: [],
      state: build.state,
      dispatched: true,
      startedAt: epochMs(build.startedAt),
      ...ended,
    };
    byHead.set(first, [...(byHead.get(first) ?? []), path]);
  }
  return byHead;
}

/** The batches of a queue, in any order, without those that have been archived. */
function batchesOf(drawn: Drawn): Batch[] {
  const paths = pathsOf(drawn);
  const pushOf = (n: number) => {
    const one = drawn.batches[n - 1];
    return one && (one.state === "landed" || one.state === "landing") ? `${one.state} ${one.push}` : undefined;
  };
  const all = drawn.batches.map((one, i): Batch => {
    const n = i + 1;
    const push = pushOf(n);
    const together = drawn.batches.flatMap((_, j) => (push !== undefined && pushOf(j + 1) === push ? [id(j + 1)] : []));
    // Positions are all different.
    const position = one.position * 10 + n;
    return {
      queue: QUEUE,
      id: id(n),
      arrival: n,
      nextPosition: one.nextPosition * 10,
      ...(one.onProbation && push === undefined ? {} : { position }),
      priority: one.priority,
      request: aBatchRequest(QUEUE, n),
      conflicts: one.conflicts === "every" ? "every" : one.conflicts.filter((m) => m < n).map(id),
      state: one.state,
      paths: paths.get(n) ?? [],
      buildCount: 0,
      outbox: [],
      concluded: one.concluded,
      createdAt: epochMs(n),
      ...(["landed", "failed", "cancelled"].includes(one.state) ? { endedAt: epochMs(one.endedAt) } : {}),
      ...(push === undefined
        ? {}
        : {
            landing: {
              landId: push,
              landedTogether: one.push % 2 === 0 ? together : together.toReversed(),
              buildKey: "0".repeat(32) as BuildKey,
              tested: { commit: "" as never, tree: "" as never, trunk: "" as never },
              ...(one.push === 0 ? { bundle: together } : {}),
              bypassed: one.bypassed.map(id),
            },
          }),
      version: 1,
    };
  });
  return all.filter((_, i) => !drawn.archived.includes(i + 1)).toReversed();
}

/** Compares the answers of the product with those of the rules. Returns how many answers are not the usual ones. */
type Check = (drawn: Drawn, index: QueueIndex, rules: EvidenceRules, draft: Draft) => number;

/** Drawn once: to draw a queue takes longer than to ask about it. */
const queues = fc.sample(anyQueue, { seed, numRuns: RUNS });

const config = aQueue();
const RUNNERS = {
  everything: BuildRunnerConfig.parse({ type: "fake", tests: "everything" }),
  affected: BuildRunnerConfig.parse({ type: "fake", tests: "affected" }),
};
const ANALYZERS = { exact: { type: "all" }, other: { type: "none" } } as const;

/** A run of the planner over the queue. */
function runOver(batches: readonly Batch[], { options }: Drawn): Draft {
  const { tests, exact, retries, since, commitPoints, most } = options;
  const asked: QueueConfig = {
    ...config,
    buildRunner: RUNNERS[tests],
    conflictAnalyzer: exact ? ANALYZERS.exact : ANALYZERS.other,
    retries,
    commitPoints,
    speculation: { ...config.speculation, bypass: most > 0 },
  };
  const queue = { queue: QUEUE, installation: "here", nextArrival: 9, nextPosition: 9, version: 1 };
  const evidenceSince = since === 0 ? {} : { evidenceSince: epochMs(since) };
  return new Draft(asked, { queue: { ...queue, ...evidenceSince }, batches, requests: new Map() }, epochMs(100));
}

const ask = (check: Check, drawn: Drawn): number => {
  const batches = batchesOf(drawn);
  const draft = runOver(batches, drawn);
  return check(drawn, draft.index, new EvidenceRules(batches, drawn.options), draft);
};

function holdsInAnyQueue(check: Check): void {
  let seen = 0;
  try {
    for (const drawn of queues) seen += ask(check, drawn);
  } catch (error) {
    // Finds the smallest queue that shows the difference.
    fc.assert(
      fc.property(anyQueue, (drawn) => void ask(check, drawn)),
      { seed, numRuns: RUNS },
    );
    throw error;
  }
  expect(seen, "too few of the queues show anything").toBeGreaterThan(RUNS / 50);
}

/** The trunk with some batches more on it: as numbers, and as ids. */
function trunkOf({ trunk }: Drawn, index: QueueIndex, rules: EvidenceRules) {
  const selected = trunk.flatMap((n) => index.indexOf(id(n)) ?? []);
  const ids: ReadonlySet<BatchId> = new Set([...rules.landed(), ...selected.map((i) => index.batch(i).id)]);
  return { bits: index.landedWith(selected), ids };
}

const keyOf = (path: Path | undefined): string | undefined => path?.buildKey;

describe(`in any queue, the rules of doc/rfc/evidence.md say (SEED=${seed})`, () => {
  it("which batches a batch waits for", () => {
    holdsInAnyQueue((_, index, rules) => {
      let seen = 0;
      index.batches.forEach((batch, i) => {
        const ahead = index.undecidedAhead(i).map((other) => index.batch(other).id);
        expect(ahead).toEqual(rules.undecidedAhead(batch.id).sort());
        seen += ahead.length;
      });
      return seen;
    });
  });

  it("which passed build allows a batch to land, on any trunk", () => {
    holdsInAnyQueue((drawn, index, rules) => {
      let seen = 0;
      const { most } = drawn.options;
      const trunk = trunkOf(drawn, index, rules);
      index.batches.forEach((batch, i) => {
        if (trunk.bits.has(i)) return;
        const expected = rules.evidenceFor(batch.id, trunk.ids, most);
        expect(keyOf(evidenceFor(index, i, trunk.bits, most)?.path), batch.id).toBe(keyOf(expected));
        seen += expected ? 1 : 0;
      });
      return seen;
    });
  });

  it("which bundles may land, on any trunk", () => {
    holdsInAnyQueue((drawn, index, rules) => {
      let seen = 0;
      const trunk = trunkOf(drawn, index, rules);
      const builds = new Set(index.batches.flatMap((_, i) => index.evidenceOf(i).filter(({ passed }) => passed)));
      for (const build of builds)
        for (const together of [build.path.heads, [...build.path.base, ...build.path.heads]]) {
          const expected = rules.bundleThatMayLand(build.path, together, trunk.ids);
          const bundle = bundleThatMayLand(index, build, together, trunk.bits)?.map((i) => index.batch(i).id);
          expect(bundle?.sort()).toEqual(expected?.sort());
          seen += expected ? 1 : 0;
        }
      return seen;
    });
  });

  it("which failed builds can be blamed on one batch alone, on any trunk", () => {
    holdsInAnyQueue((drawn, index, rules) => {
      let seen = 0;
      const trunk = trunkOf(drawn, index, rules);
      index.batches.forEach((batch, i) => {
        for (const build of index.evidenceOf(i).filter(({ passed }) => !passed)) {
          const expected = rules.othersAreCleared(batch.id, build.path, trunk.ids);
          expect(othersAreCleared(index, i, build, trunk.bits), build.path.buildKey).toBe(expected);
          seen += expected ? 1 : 0;
        }
      });
      return seen;
    });
  });

  it("which failed build rejects a batch", () => {
    holdsInAnyQueue((_, index, rules) => {
      let seen = 0;
      index.batches.forEach((batch, i) => {
        const expected = rules.rejectingBuild(batch.id);
        expect(keyOf(rejectingBuild(index, i)?.path), batch.id).toBe(keyOf(expected));
        seen += expected ? 1 : 0;
      });
      return seen;
    });
  });

  it("which builds are of no more use", () => {
    holdsInAnyQueue((_, index, rules) => {
      const paths = index.batches.flatMap((batch) => batch.paths.filter(({ state }) => state === "building"));
      for (const path of paths) expect(isUseless(index, path), path.buildKey).toBe(rules.isUseless(path));
      return paths.filter((path) => !isUseless(index, path)).length;
    });
  });

  it("what lands in one run, in which order, and by which builds", () => {
    holdsInAnyQueue(({ options }, index, rules, draft) => {
      const withBase = options.commitPoints === "pushes" && options.tests === "everything";
      const expected = rules.landable(options.most > 0 ? MOST_BYPASSED : 0, withBase);
      const selected = selectLandable(draft).map(({ index: i, evidence, bundle }) => ({
        id: index.batch(i).id,
        build: evidence.path,
        ...(bundle ? { bundle: bundle.map((one) => index.batch(one).id) } : {}),
      }));
      expect(selected).toEqual(expected);
      return selected.length;
    });
  });

  it("which batches may be archived", () => {
    holdsInAnyQueue((_, index, rules) => {
      const archived = archivable(index).map((batch) => batch.id);
      expect(archived.sort()).toEqual(rules.archivable().sort());
      return archived.length;
    });
  });
});
