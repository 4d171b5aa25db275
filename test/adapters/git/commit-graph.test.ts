import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphAbove } from "../../../functions/adapters/git/commit-graph.ts";
import { gitProcessesStarted } from "../../../functions/adapters/git/process.ts";
import type { Repository } from "../../../functions/adapters/git/repository.ts";
import type { GitSha } from "../../../functions/contracts/ids.ts";
import { GitFiles } from "../../support/git-files.ts";
import { Sandbox } from "./sandbox.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const COMMITS = 9;

/** Commits by number: each but the first has parents among those before it, and a date that says nothing about their order. */
const aHistory = fc.record({
  parents: fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 2 }), { minLength: COMMITS, maxLength: COMMITS }),
  dates: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: COMMITS + 1, maxLength: COMMITS + 1 }),
  tips: fc.array(fc.nat(COMMITS), { minLength: 1, maxLength: 2 }),
  trunks: fc.array(fc.nat(COMMITS), { minLength: 4, maxLength: 7 }),
});

/** The commit and all that it descends from. */
function reachedFrom(parents: readonly (readonly number[])[], tip: number): ReadonlySet<number> {
  const reached = new Set([tip]);
  for (const commit of reached) for (const parent of parents[commit] ?? []) reached.add(parent);
  return reached;
}

describe("the commits above a trunk", () => {
  const sandbox = new Sandbox();
  let repository: Repository;
  let files: GitFiles;
  let made = 0;
  beforeAll(async () => {
    repository = await sandbox.open();
    files = new GitFiles(repository.directory);
  });
  afterAll(() => sandbox.remove());

  const commit = (parents: readonly GitSha[], at = made) => {
    made += 1;
    return files.commit(
      { by: "Ada <ada@example.test>", at: 1_700_000_000 + at, message: `${made}`, files: {} },
      parents,
    );
  };

  it(`are those that the tips have and the trunk has not, however the trunk moves (SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(aHistory, async ({ parents: drawn, dates, tips, trunks }) => {
        const parents = [[], ...drawn.map((some, i) => [...new Set(some.map((parent) => parent % (i + 1)))])];
        const shas: GitSha[] = [];
        for (const [i, of] of parents.entries())
          shas.push(
            commit(
              of.map((parent) => shas[parent] as GitSha),
              dates[i],
            ),
          );
        const named = (numbers: readonly number[]) => numbers.map((n) => shas[n] as GitSha);
        for (const trunk of trunks) {
          const onTrunk = reachedFrom(parents, trunk);
          const above = new Set(tips.flatMap((tip) => [...reachedFrom(parents, tip)]).filter((n) => !onTrunk.has(n)));
          const graph = await graphAbove(repository, named([trunk])[0] as GitSha, named(tips));
          expect(new Map(graph)).toEqual(new Map([...above].map((n) => [shas[n], named(parents[n] ?? [])])));
        }
      }),
      { seed, numRuns: 15 },
    );
  });

  it("are read once for all tips when the trunk has moved forward", async () => {
    const trunk = commit([]);
    const tips = [1, 2, 3].map(() => commit([trunk]));
    for (const tip of tips) await graphAbove(repository, trunk, [tip]);
    const moved = commit([trunk, tips[0] as GitSha]);
    const before = gitProcessesStarted();
    const graphs: number[] = [];
    for (const tip of tips) graphs.push((await graphAbove(repository, moved, [tip])).size);
    expect(graphs).toEqual([0, 1, 1]);
    expect(gitProcessesStarted() - before).toBe(1);
  });
});
