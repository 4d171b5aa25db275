import fc from "fast-check";
import { expect, it } from "vitest";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import type { Composed, MergeUnit } from "../../functions/contracts/messages/merge-unit.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { landing, Sandbox, type Sketch, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "./runway.ts";

const seed = Number(process.env["SIM_SEED"] ?? 20_261_123);
const numRuns = Number(process.env["SIM_RUNS"] ?? 6);

/** An edit of one line of one file. Few of both, so that some changes conflict and some touch. */
const anEdit = fc.record({ file: fc.constantFrom("a", "b", "dir/c"), line: fc.nat(5), text: fc.nat(99) });
/** Dates that are out of order, among them some that are older than the trunk's root. */
const aDate = fc.constantFrom(undefined, undefined, 1_000_000_000, 1_650_000_000, 1_900_000_000);
const aCommit = fc.record({ edits: fc.array(anEdit, { maxLength: 2 }), committedAt: aDate });
const aChange = fc.record({
  commits: fc.array(aCommit, { minLength: 1, maxLength: 3 }),
  /** Ends with a merge of another branch, to which the merge adds a file of its own. */
  joins: fc.boolean(),
  /** Built on the change before it, in this unit or the one ahead, and not on the trunk. */
  stacked: fc.boolean(),
});
const aUnit = fc.record({
  changes: fc.array(aChange, { minLength: 1, maxLength: 2 }),
  strategy: fc.constantFrom<MergeStrategy>("REBASE", "REBASE", "SQUASH_REBASE", "MERGE"),
});
const aHistory = fc.record({
  units: fc.array(aUnit, { minLength: 2, maxLength: 4 }),
  /** Commits that come onto the trunk after the branches were made. */
  intrusions: fc.array(anEdit, { maxLength: 1 }),
});
type History = typeof aHistory extends fc.Arbitrary<infer T> ? T : never;

const FILES = ["a", "b", "dir/c"];
const contents = (lines: readonly string[]) => `${lines.join("\n\n\n\n")}\n`;
type State = Readonly<Record<string, readonly string[]>>;
const START: State = Object.fromEntries(
  FILES.map((file) => [file, Array.from({ length: 6 }, (_, n) => `${file} ${n}`)]),
);

function edited(state: State, edits: readonly { file: string; line: number; text: number }[]): [State, Sketch] {
  let next = state;
  for (const { file, line, text } of edits)
    next = { ...next, [file]: (next[file] ?? []).with(line, `${file} ${line}: ${text}`) };
  const files = Object.fromEntries(edits.map(({ file }) => [file, contents(next[file] ?? [])]));
  return [next, { files }];
}

/** A merge of a branch that adds a file, with another file that no parent has. */
function joining(sandbox: Sandbox, name: string, fork: string): Sketch {
  const side = { [`side ${name}`]: "s\n" };
  const merges = sandbox.commit(`refs/heads/side-${name}`, { files: side }, fork);
  return { files: { ...side, [`own ${name}`]: "o\n" }, merges, message: `join ${name}` };
}

/** Makes the branches of a history, and says which of its units apply one after the other. */
async function laidOut(sandbox: Sandbox, { units, intrusions }: History): Promise<MergeUnit[]> {
  const files = Object.fromEntries(FILES.map((file) => [file, contents(START[file] ?? [])]));
  const fork = sandbox.commit("refs/heads/main", { files });
  let below: { state: State; sha: string } = { state: START, sha: fork };
  const made = units.map(({ changes, strategy }, u) => {
    const uris = changes.map(({ commits, stacked, joins }, c): ChangeUri => {
      let { state, sha } = stacked ? below : { state: START, sha: fork as string };
      const sketches: Sketch[] = commits.map(({ edits, committedAt }) => {
        const [next, sketch] = edited(state, edits);
        state = next;
        return committedAt === undefined ? sketch : { ...sketch, committedAt };
      });
      if (joins) sketches.push(joining(sandbox, `u${u}-c${c}`, fork));
      const uri = sandbox.branch(`u${u}-c${c}`, sketches, sha);
      sha = uri.slice(-40);
      below = { state, sha };
      return uri;
    });
    return unit(u + 1, uris, strategy);
  });
  const [, intrusion] = edited(START, intrusions);
  if (intrusions.length > 0) sandbox.intrude(intrusion.files);
  return made;
}

/** The files that only merge commits of a unit's changes add. */
const ownFilesOf = ({ batchId }: MergeUnit, { units }: History): string[] => {
  const u = Number(batchId.slice(batchId.lastIndexOf("/") + 1)) - 1;
  return (units[u]?.changes ?? []).flatMap(({ joins }, c) => (joins ? [`own u${u}-c${c}`] : []));
};

/** Each unit composed on all that apply ahead of it. */
async function composedInOrder(runway: Runway, units: readonly MergeUnit[]) {
  const together: { unit: MergeUnit; tested: Composed }[] = [];
  for (const head of units) {
    const result = await runway.compose(head, { base: together.map((one) => one.unit) });
    if (result.kind === "composed") together.push({ unit: head, tested: result.composed });
    else
      expect(result).toMatchObject({
        kind: "refused",
        batchId: head.batchId,
        reason: { code: expect.stringMatching(/^merge\./) },
      });
  }
  return together;
}

/** One message per unit, one for all of them, or one in which all are a bundle: tested as its last one was. */
const aWay = fc.constantFrom("alone", "together", "bundle");

function messagesFor(way: "alone" | "together" | "bundle", together: readonly { unit: MergeUnit; tested: Composed }[]) {
  if (way === "alone") return together.map((one) => landing(one.unit.batchId, [one]));
  const last = together.at(-1);
  const bundled = together.map(({ unit: one }) => ({ unit: one, tested: last?.tested as Composed, bundle: "1" }));
  return [landing("all", way === "together" ? together : bundled)];
}

it(`what is composed is what lands, commit by commit, however it lands (SIM_SEED=${seed})`, async () => {
  let pushes = 0;
  await fc.assert(
    fc.asyncProperty(aHistory, aWay, fc.boolean(), async (history, way, forgetful) => {
      const sandbox = new Sandbox();
      try {
        const runway = await Runway.on(sandbox);
        const units = await laidOut(sandbox, history);
        const together = await composedInOrder(runway, units);
        const start = sandbox.trunk;
        // Composing [a, b] extends composing [a]: each commit is reached from the next by first parents.
        for (const [n, { tested }] of together.entries()) {
          const line = sandbox.git("rev-list", "--first-parent", tested.commit).split("\n");
          expect(line).toContain(together[n - 1]?.tested.commit ?? start);
        }
        // Without its records, and on another machine, runway has to apply everything again: and arrives at the same commits.
        const lander = forgetful ? new Runway(sandbox, await sandbox.open(`${sandbox.directory}/other`)) : runway;
        if (forgetful)
          for (const line of sandbox.refs("refs/submitqueue/composed")) sandbox.delete(line.split(" ")[0] ?? "");
        const messages = messagesFor(way, together);
        const outcomes: LandOutcome[] = [];
        for (const message of messages.filter(({ batches }) => batches.length > 0)) {
          const answer = await lander.land(message);
          const again = await new Runway(sandbox, await sandbox.open(`${sandbox.directory}/again`)).land(message);
          expect(again).toEqual(answer);
          outcomes.push(...answer);
        }
        expect(outcomes.map(({ kind }) => kind)).toEqual(together.map(() => "landed"));
        expect(sandbox.tree("main")).toBe(sandbox.tree(together.at(-1)?.tested.commit ?? start));
        // Applied anew without the batch below it, a squash may also list that batch's empty commits: they leave no trace on the trunk.
        if (way !== "alone" || !forgetful) expect(sandbox.trunk).toBe(together.at(-1)?.tested.commit ?? start);
        // What each landing brought is, put together, exactly what the trunk has gained.
        const brought = outcomes.flatMap((outcome) => (outcome.kind === "landed" ? outcome.commits : []));
        const gained = sandbox
          .git("rev-list", "--first-parent", "--reverse", `${start}..main`)
          .split("\n")
          .filter(Boolean);
        expect(brought).toEqual(gained);
        for (const [n, { unit: one }] of together.entries())
          for (const own of ownFilesOf(one, history))
            expect(sandbox.git("ls-tree", "--name-only", `${together[n]?.tested.commit}`, own)).toBe(own);
        const dates = sandbox.git("log", "--reverse", "--first-parent", "--format=%ct", "main").split("\n").map(Number);
        expect(dates).toEqual(dates.toSorted((a, b) => a - b));
        pushes += together.length > 1 ? 1 : 0;
      } finally {
        sandbox.remove();
      }
    }),
    { seed, numRuns, endOnFailure: true },
  );
  // A property that held because nothing ever landed would be none.
  expect(pushes).toBeGreaterThan(numRuns / 4);
});
