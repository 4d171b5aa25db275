import fc from "fast-check";
import { expect, it } from "vitest";
import type { LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { landing, Sandbox, type Sketch, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "./runway.ts";

const seed = Number(process.env["SIM_SEED"] ?? 20_261_125);
const numRuns = Number(process.env["SIM_RUNS"] ?? 8);

const FILES = ["a", "dir/b"];
const LINES = 3;
const contents = (lines: readonly string[]) => `${lines.join("\n\n\n\n")}\n`;

const anEdit = fc.record({ file: fc.constantFrom(...FILES), line: fc.nat(LINES - 1), text: fc.nat(2) });
const edits = (most: number) => fc.array(anEdit, { minLength: most > 1 ? 1 : 0, maxLength: most });
/** Often none, so that git's own rules about dates are not all that is met. */
const aDate = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom(1, 1_000_000_000, 1_600_000_000, 1_900_000_000) },
);
/** What a merge adds of its own; `drops`: it is made with `-s ours`. */
const aMerge = { own: edits(1), drops: fc.boolean(), date: aDate };
const aStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("commit" as const), edits: edits(3), date: aDate }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("trunk" as const), edits: edits(3), date: aDate }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("merge trunk" as const), ...aMerge }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("merge side" as const), side: edits(2), ...aMerge }) },
);
type Edits = readonly { file: string; line: number; text: number }[];

/** The files of a commit, or of a tree, with edits. */
function edited(sandbox: Sandbox, at: string, changes: Edits): Record<string, string> {
  const lines = new Map(FILES.map((file) => [file, sandbox.show(file, at).split("\n\n\n\n")]));
  for (const { file, line, text } of changes) lines.set(file, (lines.get(file) ?? []).with(line, `${line}: ${text}`));
  return Object.fromEntries([...lines].map(([file, now]) => [file, contents(now)]));
}

/** What git makes of two commits: a tree, or undefined for a conflict. The oracle of this test. */
function merged(sandbox: Sandbox, ours: string, theirs: string): string | undefined {
  try {
    return sandbox.git("merge-tree", "--write-tree", ours, theirs);
  } catch {
    return undefined;
  }
}

const dated = (committedAt: number | undefined): Pick<Sketch, "committedAt"> =>
  committedAt === undefined ? {} : { committedAt };

type Step = typeof aStep extends fc.Arbitrary<infer T> ? T : never;

/** Makes the branch `feature`, while the trunk moves on. Says whether it has merges. */
function laidOut(sandbox: Sandbox, steps: readonly Step[]): boolean {
  const first = Array.from({ length: LINES }, (_, line) => `${line}: -`);
  const fork = sandbox.intrude(Object.fromEntries(FILES.map((file) => [file, contents(first)])));
  let at: string = fork;
  let merges = false;
  const merge = (other: string, { own, drops, date }: { own: Edits; drops: boolean; date: number | undefined }) => {
    const automatic = drops ? undefined : merged(sandbox, at, other);
    const files = edited(sandbox, automatic ?? at, own);
    merges = true;
    at = sandbox.commit("refs/heads/feature", { files, merges: other, ...dated(date) }, at);
  };
  for (const step of steps) {
    if (step.kind === "trunk")
      sandbox.commit("refs/heads/main", { files: edited(sandbox, "main", step.edits), ...dated(step.date) });
    else if (step.kind === "commit")
      at = sandbox.commit("refs/heads/feature", { files: edited(sandbox, at, step.edits), ...dated(step.date) }, at);
    else if (step.kind === "merge trunk") merge(sandbox.trunk, step);
    else merge(sandbox.commit("refs/heads/side", { files: edited(sandbox, fork, step.side) }, fork), step);
  }
  return merges;
}

const STRATEGIES: readonly MergeStrategy[] = ["REBASE", "SQUASH_REBASE", "MERGE"];
const isInOrder = (dates: readonly number[]) => dates.every((date, n) => n === 0 || date >= (dates[n - 1] ?? 0));

it(`what lands is what git merges, or a refusal (SIM_SEED=${seed})`, async () => {
  const met = { landed: 0, refused: 0, nothing: 0, merges: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { minLength: 2, maxLength: 5 }), edits(1), edits(2), async (steps, last, news) => {
      const sandbox = new Sandbox();
      try {
        const hasMerges = laidOut(sandbox, steps);
        const tip = sandbox.at("refs/heads/feature") ?? sandbox.trunk;
        const uri = sandbox.branch("change", [{ files: edited(sandbox, tip, last) }], tip);
        sandbox.intrude(edited(sandbox, "main", news));
        const { trunk } = sandbox;
        const expected = merged(sandbox, trunk, uri.slice(-40));
        const runway = await Runway.on(sandbox);
        for (const [n, strategy] of STRATEGIES.entries()) {
          sandbox.point("refs/heads/main", trunk);
          const one = unit(n + 1, [uri], strategy);
          const composed = await runway.compose(one);
          if (composed.kind !== "composed") {
            met.refused += 1;
            // Only REBASE, which promises each commit by itself, may refuse what git merges.
            if (strategy !== "REBASE") expect(expected).toBeUndefined();
            expect(composed).toMatchObject({ reason: { code: expect.stringMatching(/^merge\.(conflict|invalid)$/) } });
            continue;
          }
          const message = landing(strategy, [{ unit: one, tested: composed.composed }]);
          const [outcome] = (await runway.land(message)) as [LandOutcome];
          if (outcome.kind !== "landed") throw new Error(JSON.stringify(outcome));
          met.landed += 1;
          met.merges += hasMerges ? 1 : 0;
          met.nothing += outcome.commits.length === 0 ? 1 : 0;
          // Where git has a conflict, commits that are picked one by one may still tell what to do; a merge of the whole may not.
          if (expected !== undefined || strategy !== "REBASE") expect(sandbox.tree("main")).toBe(expected);
          expect(outcome.note !== undefined).toBe(outcome.commits.length === 0);
          const gained = sandbox.git("rev-list", "--first-parent", "--reverse", `${trunk}..main`);
          expect(outcome.commits).toEqual(gained.split("\n").filter(Boolean));
          const dates = sandbox.git("log", "--reverse", "--first-parent", "--format=%ct", `${trunk}^..main`);
          expect(isInOrder(dates.split("\n").map(Number))).toBe(true);
        }
      } finally {
        sandbox.remove();
      }
    }),
    { seed, numRuns, endOnFailure: true },
  );
  // A property that held because nothing was ever met would be none.
  expect(Math.min(met.landed, met.refused, met.merges)).toBeGreaterThan(0);
});
