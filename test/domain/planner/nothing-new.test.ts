import { expect, it } from "vitest";
import { GitSha } from "../../../functions/contracts/ids.ts";
import type { Reason } from "../../../functions/contracts/reasons.ts";
import { aQueue, QUEUE, World } from "./world.ts";

const TIP = GitSha.parse("a".repeat(40));

/** Lands request 1, and lets runway answer with these commits and this note. */
function landedAs(commits: readonly GitSha[], note: Reason | undefined) {
  const w = new World(aQueue(), { bad: new Set(), clashes: [] });
  w.ready(1, ["a"]);
  for (let turn = 0; w.merges.length === 0; turn++) {
    if (turn > 20) throw new Error("nothing was sent to runway");
    w.run();
    for (const build of w.running()) w.finish(build);
  }
  const [message] = w.merges;
  const outcome = { kind: "landed" as const, commit: TIP, tree: TIP, testedTree: TIP, commits: [...commits] };
  const results = (message?.batches ?? []).map(({ batchId }) => ({
    batchId,
    outcome: note ? { ...outcome, note } : outcome,
  }));
  w.inbox.push({ v: 1, kind: "land-finished", queue: QUEUE, landId: message?.id ?? "", results });
  w.run();
  return [...w.log.values()].find((event) => event.kind === "status" && event.status === "landed");
}

it("a request that added nothing has landed, with the reason and without the commit that the trunk was at", () => {
  const note = { code: "landed.nothing_new" as const, message: "Nothing was added to main." };
  const entry = landedAs([], note);
  expect(entry).toMatchObject({ reason: note, metadata: { tree: TIP } });
  expect(entry?.metadata).not.toHaveProperty("commit");
});

it("a request of which a part was new has landed as its commit, with the reason", () => {
  const note = { code: "landed.partly_new" as const, message: "a added nothing to main." };
  expect(landedAs([TIP], note)).toMatchObject({ reason: note, metadata: { commit: TIP } });
});

it("a request that is all new has no reason", () => {
  const entry = landedAs([TIP], undefined);
  expect(entry).toMatchObject({ metadata: { commit: TIP } });
  expect(entry).not.toHaveProperty("reason");
});
