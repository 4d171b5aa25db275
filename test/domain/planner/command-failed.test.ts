import { describe, expect, it } from "vitest";
import { BuildKey } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { mergeUnitOf } from "../../../functions/domain/batch.ts";
import { plan } from "../../../functions/domain/planner/index.ts";
import type { CommandFailed, News } from "../../../functions/domain/planner/plan.ts";
import { aQueue, World } from "./world.ts";

const NOW = epochMs(1_900_000_000_000);
const reason = { code: "internal", message: "AWS said no" } as const;
const told = (command: CommandFailed["command"]): News => ({
  kind: "command-failed",
  command,
  reason,
});

/** A queue of two requests with their builds begun, and what the planner asked for. */
function aStart(conflictAnalyzer: { type: "none" | "all" } = { type: "none" }) {
  const world = new World(aQueue({ conflictAnalyzer }));
  for (const n of [1, 2]) world.ready(n, [`f${n}`]);
  const begun = world.plan(world.inbox);
  const batches = begun.writes.map(({ next }) => next);
  const snapshot = {
    queue: begun.queue ?? {
      queue: world.config.name,
      installation: "here",
      nextArrival: 1,
      nextPosition: 1,
      version: 0,
    },
    batches,
    requests: world.requests,
  };
  const builds = begun.commands.filter((command) => command.kind === "start-build");
  return { world, snapshot, builds };
}

describe("a build that could not be started", () => {
  it("ends its batch, and a repeat changes nothing", () => {
    const { world, snapshot, builds } = aStart();
    const [first] = builds;
    if (!first) throw new Error("nothing was built");
    const once = plan(world.config, snapshot, [told(first)], NOW);
    expect(once.writes.map(({ next }) => [next.id, next.state])).toEqual([[first.batchId, "failed"]]);
    const after = snapshot.batches.map((batch) => once.writes.find(({ next }) => next.id === batch.id)?.next ?? batch);
    const again = plan(world.config, { ...snapshot, batches: after }, [told(first)], NOW);
    expect(again.writes).toEqual([]);
  });

  it("changes nothing once the build is known to run", () => {
    const { world, snapshot, builds } = aStart();
    const [first] = builds;
    if (!first) throw new Error("nothing was built");
    const batches = snapshot.batches.map((batch) => ({
      ...batch,
      paths: batch.paths.map((path) => ({ ...path, dispatched: true })),
    }));
    expect(plan(world.config, { ...snapshot, batches }, [told(first)], NOW).writes).toEqual([]);
  });

  it("does not end the batch when it was for a bypass and another build is running", () => {
    const { world, snapshot } = aStart({ type: "all" });
    const [ahead, behind] = snapshot.batches;
    const [path] = behind?.paths ?? [];
    if (!ahead || !behind || !path) throw new Error("nothing was built");
    const buildKey = BuildKey.parse("f".repeat(32));
    const bypass = { ...path, buildKey, base: [], without: [ahead.id] };
    const batches = [ahead, { ...behind, paths: [{ ...path, dispatched: true }, bypass] }];
    const refused = {
      kind: "start-build",
      installation: "here",
      batchId: behind.id,
      buildKey,
      attempt: 1,
      base: [],
    } as const;
    const command = { ...refused, head: mergeUnitOf(behind), sqids: [behind.request.sqid], without: [ahead.id] };
    const { writes } = plan(world.config, { ...snapshot, batches }, [told(command)], NOW);
    const [written] = writes.filter(({ next }) => next.id === behind.id);
    expect(written?.next.state).toBe("speculating");
    expect(written?.next.paths.map(({ state }) => state)).toEqual(["building", "failed"]);
  });
});
