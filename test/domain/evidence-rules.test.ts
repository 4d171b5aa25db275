import { describe, expect, it } from "vitest";
import type { BatchId } from "../../functions/contracts/ids.ts";
import type { Path } from "../../functions/domain/batch.ts";
import {
  bundleThatMayLand,
  evidenceFor,
  isUseless,
  MOST_BYPASSED,
  othersAreCleared,
  rejectingBuild,
} from "../../functions/domain/evidence.ts";
import { archivable } from "../../functions/domain/planner/archive.ts";
import { selectLandable } from "../../functions/domain/planner/start-landing.ts";
import type { QueueIndex } from "../../functions/domain/queue-index.ts";
import { type Drawn, holdsInAnyQueue, idOf, same } from "./any-queue.ts";
import type { EvidenceRules } from "./evidence-rules.ts";
import { seed } from "./planner/stories.ts";

/** The trunk with some batches more on it: as numbers, and as ids. */
function trunkOf({ trunk }: Drawn, index: QueueIndex, rules: EvidenceRules) {
  const selected = trunk.flatMap((n) => index.indexOf(idOf(n)) ?? []);
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
        same(ahead, rules.undecidedAhead(batch.id).sort());
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
        same(keyOf(evidenceFor(index, i, trunk.bits, most)?.path), keyOf(expected));
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
          same(bundle?.sort(), expected?.sort());
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
          same(othersAreCleared(index, i, build, trunk.bits), expected);
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
        same(keyOf(rejectingBuild(index, i)?.path), keyOf(expected));
        seen += expected ? 1 : 0;
      });
      return seen;
    });
  });

  it("which builds are of no more use", () => {
    holdsInAnyQueue((_, index, rules) => {
      const paths = index.batches.flatMap((batch) => batch.paths.filter(({ state }) => state === "building"));
      for (const path of paths) same(isUseless(index, path), rules.isUseless(path));
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
      same(archived.sort(), rules.archivable().sort());
      return archived.length;
    });
  });
});
