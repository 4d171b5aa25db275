import { describe, it } from "vitest";
import type { Draft } from "../../../functions/domain/planner/draft.ts";
import { baseOf, cannotBeComposed, needsNoBuild, willFail } from "../../../functions/domain/speculation/proposals.ts";
import { speculationOn } from "../../../functions/domain/speculation/speculation.ts";
import { type Drawn, holdsInAnyQueue, idOf, same } from "../any-queue.ts";
import type { EvidenceRules } from "../evidence-rules.ts";
import { seed } from "../planner/stories.ts";
import { ProposalRules } from "./proposal-rules.ts";

/** What a run over the queue knows, and the rules with the same beliefs. */
function speculating({ index }: Draft, rules: EvidenceRules) {
  const speculation = speculationOn(index, (i) => ({ success: 0.2 + 0.15 * i }), 0.01);
  const { belief } = speculation;
  const nameOf = (i: number) => index.batch(i).id;
  const beliefs = {
    landProbability: (id: ReturnType<typeof nameOf>) => belief.landProbability(index.indexOf(id) ?? -1),
    failures: belief.failures.map(({ build, causes }) => ({
      path: build.path,
      causes: new Set([...causes].map(nameOf)),
    })),
  };
  return { speculation, nameOf, expected: new ProposalRules(index.batches, rules, beliefs) };
}

/** Proposals of each head alone, and of each head with the next one: none, all, or some of the batches ahead are assumed to land. */
function proposalsIn({ trunk }: Drawn, { index, heads }: ReturnType<typeof speculating>["speculation"]) {
  const drawn = new Set(trunk.flatMap((n) => index.indexOf(idOf(n)) ?? []));
  return heads.flatMap((head, at) => {
    const groups = [[head], heads.slice(at, at + 2)];
    return groups.flatMap((group) => {
      const inside = new Set(group.map((one) => one.index));
      const ahead = [...new Set(group.flatMap((one) => one.undecided.map((other) => other.index)))];
      const outside = ahead.filter((i) => !inside.has(i));
      return [[], outside, outside.filter((i) => drawn.has(i))].map((assumedLanded) => ({
        heads: [...inside],
        assumedLanded,
        logProbability: 0,
      }));
    });
  });
}

describe(`in any queue, the rules about what is built say (SEED=${seed})`, () => {
  it("which batches are under the batches that a path assumes to land", () => {
    holdsInAnyQueue((drawn, _, rules, draft) => {
      const { speculation, nameOf, expected } = speculating(draft, rules);
      let added = 0;
      for (const proposal of proposalsIn(drawn, speculation)) {
        const base = baseOf(speculation, proposal).map(nameOf);
        const wanted = expected.baseOf(proposal.heads.map(nameOf), proposal.assumedLanded.map(nameOf));
        same(base.toSorted(), [...wanted].sort());
        added += base.length - proposal.assumedLanded.length;
      }
      return added;
    });
  });

  it("which trees cannot be composed, or will fail", () => {
    holdsInAnyQueue((drawn, _, rules, draft) => {
      const { speculation, nameOf, expected } = speculating(draft, rules);
      let refused = 0;
      for (const proposal of proposalsIn(drawn, speculation)) {
        const [heads, assumed] = [proposal.heads.map(nameOf), proposal.assumedLanded.map(nameOf)];
        same(cannotBeComposed(speculation, proposal), expected.cannotBeComposed(heads, assumed));
        same(willFail(speculation, proposal), expected.willFail(heads, assumed));
        refused += expected.cannotBeComposed(heads, assumed) || expected.willFail(heads, assumed) ? 1 : 0;
      }
      return refused;
    });
  });

  it("which paths need no build", () => {
    holdsInAnyQueue((drawn, _, rules, draft) => {
      const { speculation, nameOf, expected } = speculating(draft, rules);
      let needless = 0;
      for (const proposal of proposalsIn(drawn, speculation)) {
        const [head] = proposal.heads;
        if (head === undefined || proposal.heads.length > 1) continue;
        const wanted = expected.needsNoBuild(nameOf(head), proposal.assumedLanded.map(nameOf));
        same(needsNoBuild(speculation, proposal), wanted);
        needless += wanted ? 1 : 0;
      }
      return needless;
    });
  });

  it("which heads a bundle under way covers", () => {
    holdsInAnyQueue((_drawn, _, rules, draft) => {
      const { speculation, nameOf, expected } = speculating(draft, rules);
      const covered = [...speculation.inBundles].map(nameOf);
      same(covered.sort(), [...expected.headsInBundles()].sort());
      return covered.length;
    });
  });
});
