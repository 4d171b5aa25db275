import { describe, expect, it } from "vitest";
import { BuildKey } from "../../../functions/contracts/ids.ts";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { type Batch, mergeUnitOf, type Path } from "../../../functions/domain/batch.ts";
import { commandFailed } from "../../../functions/domain/planner/command-failed.ts";
import { plan } from "../../../functions/domain/planner/index.ts";
import type { CommandFailed, News } from "../../../functions/domain/planner/plan.ts";
import { type Trunk, UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import { aBatch, aPath, draftOf, idOf, keyOf, landing, NOW, reason, tested } from "./pieces.ts";
import { aQueue, QUEUE, World } from "./world.ts";

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

describe("a command that was refused for good", () => {
  const refuse = (command: CommandFailed["command"], ...batches: readonly Batch[]) => {
    const draft = draftOf(batches);
    commandFailed(draft, { kind: "command-failed", command, reason });
    return draft;
  };

  describe("about a build", () => {
    const build = (path: Path): CommandFailed["command"] => ({
      kind: "start-build",
      installation: "here",
      batchId: idOf(1),
      buildKey: path.buildKey,
      attempt: 1,
      base: [],
      head: mergeUnitOf(aBatch(1)),
      sqids: [],
      without: [],
    });

    it.each<[string, Partial<Path>, readonly Partial<Path>[], Batch["state"], Path["state"], Batch["state"]]>([
      ["its only build", {}, [], "speculating", "failed", "failed"],
      ["another is running", {}, [{ state: "building" }], "speculating", "failed", "speculating"],
      ["another has passed", {}, [{ state: "passed" }], "speculating", "failed", "speculating"],
      ["another has failed", {}, [{ state: "failed" }], "speculating", "failed", "failed"],
      ["another is being stopped", {}, [{ state: "cancelling" }], "speculating", "failed", "failed"],
      ["a bundle", { heads: [idOf(1), idOf(2)] }, [], "speculating", "failed", "speculating"],
      [
        "it was being stopped, the last of a cancelled batch",
        { state: "cancelling" },
        [],
        "cancelling",
        "cancelled",
        "cancelling",
      ],
      [
        "it was being stopped, with another running",
        { state: "cancelling" },
        [{ state: "building" }],
        "speculating",
        "cancelled",
        "speculating",
      ],
      ["it is known to run", { dispatched: true }, [], "speculating", "building", "speculating"],
      ["it has ended", { state: "passed" }, [], "speculating", "passed", "speculating"],
    ])("ends the build, and the batch unless it can land by another: %s", (_, change, others, state, path, batch) => {
      const refused = aPath(5, [1], change);
      const paths = [...others.map((other, n) => aPath(10 + n, [1], other)), refused];
      const draft = refuse(build(refused), aBatch(1, { state, paths }), aBatch(2));
      const after = draft.lookup(idOf(1));
      const isEnded = path !== refused.state;
      const ended = isEnded ? { endedAt: NOW, ...(path === "failed" ? { reason } : {}) } : {};
      expect(after?.state).toBe(batch);
      expect(after?.paths).toEqual([...paths.slice(0, -1), { ...refused, state: path, ...ended }]);
      expect(after?.reason).toEqual(batch === "failed" ? reason : undefined);
    });

    it("that no batch has changes nothing", () => {
      const one = aBatch(1, { paths: [aPath(6, [1])] });
      expect(refuse(build(aPath(5, [1])), one).lookup(one.id)).toBe(one);
      expect(refuse(build(aPath(5, [1]))).batches()).toEqual([]);
    });

    it("of the trunk itself counts as one that broke down", () => {
      const trunk = (dispatched: boolean): Trunk => ({
        ...UNKNOWN_TRUNK,
        build: { buildKey: keyOf(5), state: "building", dispatched, startedAt: NOW, unless: [] },
      });
      const trunkAfter = (state: Trunk) => {
        const draft = draftOf([], {}, { trunk: state });
        commandFailed(draft, { kind: "command-failed", command: build(aPath(5, [1])), reason });
        return draft.trunk;
      };
      expect(trunkAfter(trunk(false)).build).toBeUndefined();
      const running = trunk(true);
      expect(trunkAfter(running)).toBe(running);
    });
  });

  describe("about a landing", () => {
    const land: CommandFailed["command"] = {
      kind: "land",
      nonce: "first",
      message: {
        v: 1,
        kind: "land-batch",
        id: "together",
        queue: QUEUE,
        installation: "here",
        batches: [1, 2].map((n) => ({ ...mergeUnitOf(aBatch(n)), tested, exact: false })),
      },
    };

    it("fails each of its batches that was not sent before, and no other", () => {
      const batches = [aBatch(1, landing()), aBatch(2, landing({ sentAt: NOW })), aBatch(3, landing())];
      const draft = refuse(land, ...batches);
      expect(draft.batches().map(({ state }) => state)).toEqual(["failed", "landing", "landing"]);
      expect(draft.lookup(idOf(1))).toMatchObject({ reason });
      expect(draft.lookup(idOf(1))).not.toHaveProperty("landing");
    });

    it.each([
      ["in another landing", landing({ landId: "another" })],
      ["back from it", {}],
      ["landed", { ...landing(), state: "landed" as const }],
    ])("leaves a batch as it is that is not in it any more: %s", (_, change) => {
      const one = aBatch(1, change);
      expect(refuse(land, one).lookup(one.id)).toBe(one);
    });
  });

  describe("about a log entry", () => {
    const entry = (n: number) => statusEvent(aBatch(1).request.sqid, "batched", epochMs(n), { occurrence: String(n) });

    it.each<[Batch["state"], Batch["state"]]>([
      ["speculating", "failed"],
      ["landing", "landing"],
      ["landed", "landed"],
    ])("forgets the entry, and ends a batch that is speculating: %s", (state, expected) => {
      const one = aBatch(1, { ...landing(), state, outbox: [entry(1), entry(2)] });
      const after = refuse({ kind: "announce", events: [entry(1)] }, one).lookup(one.id);
      expect(after?.state).toBe(expected);
      expect(after?.outbox.slice(0, 1)).toEqual([entry(2)]);
      expect(after?.outbox).toHaveLength(expected === "failed" ? 2 : 1);
    });

    it("that no batch has changes nothing", () => {
      const one = aBatch(1, { outbox: [entry(1)] });
      expect(refuse({ kind: "announce", events: [entry(3)] }, one).lookup(one.id)).toBe(one);
      expect(refuse({ kind: "announce", events: [entry(3)] }).batches()).toEqual([]);
    });
  });
});
