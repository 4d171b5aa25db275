import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Head, type PathCandidate, pathCandidates } from "../../../functions/domain/speculation/candidates.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

interface Named extends Head {
  readonly name: string;
}

const head = (
  name: string,
  landingOrder: number,
  undecided: readonly (readonly [index: number, landProbability: number])[],
): Named => ({
  name,
  landingOrder,
  undecided: undecided.map(([index, landProbability]) => ({ index, landProbability })),
});

const shown = ({ head: { name, undecided }, assumedLanded, logProbability }: PathCandidate<Named>) =>
  `${name}[${undecided.map(({ index }) => (assumedLanded.includes(index) ? "+" : "-") + index).join("")}] ${Math.exp(logProbability).toFixed(2)}`;

const take = <T>(items: Iterable<T>, most: number): T[] => Iterator.from(items).take(most).toArray();

describe(`paths, likeliest first (SEED=${seed})`, () => {
  it("come in the order of the worked example: A .9, B .8; B behind A, C behind A and B, D alone", () => {
    const [A, B] = [1, 2];
    const heads = [
      head("A", 1, []),
      head("B", 2, [[A, 0.9]]),
      head("C", 3, [
        [A, 0.9],
        [B, 0.8],
      ]),
      head("D", 4, []),
    ];
    expect([...pathCandidates(heads)].map(shown)).toEqual([
      "A[] 1.00",
      "B[+1] 0.90",
      "C[+1+2] 0.72",
      "D[] 1.00",
      "C[+1-2] 0.18",
      "B[-1] 0.10",
      "C[-1+2] 0.08",
      "C[-1-2] 0.02",
    ]);
  });

  it("assume landing where both sides are equally likely, and come in landing order and then by the cheapest flips where paths are equally likely", () => {
    const even = [
      [1, 0.5],
      [2, 0.5],
    ] as const;
    expect([...pathCandidates([head("late", 2, even), head("early", 1, even)])].map(shown)).toEqual([
      "early[+1+2] 0.25",
      "late[+1+2] 0.25",
      "early[-1+2] 0.25",
      "early[+1-2] 0.25",
      "late[-1+2] 0.25",
      "late[+1-2] 0.25",
      "early[-1-2] 0.25",
      "late[-1-2] 0.25",
    ]);
  });

  it("are left out exactly when they are less likely than the minimum", () => {
    const odds = fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), { maxLength: 6 });
    fc.assert(
      fc.property(odds, fc.double({ min: 0.001, max: 1, noNaN: true }), (open, least) => {
        const heads = [
          head(
            "H",
            1,
            open.map((lands, slot) => [slot, lands] as const),
          ),
        ];
        const worth = [...pathCandidates(heads)].filter(({ logProbability }) => logProbability >= Math.log(least));
        expect([...pathCandidates(heads, Math.log(least))].map(shown)).toEqual(worth.map(shown));
      }),
      { seed },
    );
  });

  it("come last when they are impossible, and are all there", () => {
    const paths = [...pathCandidates([head("H", 1, [[1, 1]]), head("I", 2, [[1, 0]])])];
    expect(paths.map(shown)).toEqual(["H[+1] 1.00", "I[-1] 1.00", "H[-1] 0.00", "I[+1] 0.00"]);
  });

  it("cover each combination of outcomes once, and never come after one that is less likely by a factor of e²", () => {
    const anyHead = fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(anyHead, { maxLength: 4 }), (worlds) => {
        const heads = worlds.map((open, rank) =>
          head(
            `h${rank}`,
            rank,
            open.map((lands, slot) => [slot, lands] as const),
          ),
        );
        const all = [...pathCandidates(heads)];
        expect(all).toHaveLength(worlds.reduce((sum, open) => sum + 2 ** open.length, 0));
        expect(new Set(all.map((path) => `${path.head.name}/${path.assumedLanded}`)).size).toBe(all.length);
        all.slice(1).forEach((path, i) => {
          expect(path.logProbability).toBeLessThanOrEqual((all[i]?.logProbability ?? 0) + 2 + 1e-9);
        });
        for (const {
          head: { undecided: open },
          assumedLanded: landing,
          logProbability,
        } of all) {
          const product = open.reduce(
            (p, { index: slot, landProbability: lands }) => p * (landing.includes(slot) ? lands : 1 - lands),
            1,
          );
          expect(Math.exp(logProbability)).toBeCloseTo(product, 9);
        }
      }),
      { seed },
    );
  });

  it("are made as they are asked for: the first of 2^200 costs next to nothing", () => {
    const open = Array.from({ length: 200 }, (_, slot) => [slot, 0.9] as const);
    expect(take(pathCandidates([head("H", 1, open)]), 3).map(({ unlikelyAssumptions }) => unlikelyAssumptions)).toEqual(
      [0, 1, 1],
    );
  });
});
