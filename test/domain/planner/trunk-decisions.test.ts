import { describe, expect, it } from "vitest";
import { buildKeyOf, trunkIdOf } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch, Path } from "../../../functions/domain/batch.ts";
import { noteBlockers } from "../../../functions/domain/planner/blockers.ts";
import { commandsFor } from "../../../functions/domain/planner/commands.ts";
import type { Draft } from "../../../functions/domain/planner/draft.ts";
import type { QueueState } from "../../../functions/domain/planner/plan.ts";
import { repairProposals, selectRepair } from "../../../functions/domain/planner/repair.ts";
import { settle } from "../../../functions/domain/planner/settle.ts";
import { acknowledgeTrunk, buildTrunk, trunkBuildNotStarted } from "../../../functions/domain/planner/trunk-build.ts";
import { emptyHistory } from "../../../functions/domain/speculation/history.ts";
import { type Trunk, UNKNOWN_TRUNK } from "../../../functions/domain/trunk.ts";
import {
  aBatch,
  aPath,
  aRedTrunk,
  draftOf,
  failed,
  IS_RED,
  idOf,
  keyOf,
  landing,
  NOW,
  passed,
  reason,
  shaOf,
  statesOf,
  tested,
} from "./pieces.ts";
import { QUEUE } from "./world.ts";

describe("while the trunk is red", () => {
  const red = (batches: readonly Batch[], config = {}) => draftOf(batches, config, { trunk: aRedTrunk });
  const alone = (draft: Draft) => repairProposals(draft).map(({ heads }) => heads[0]);

  it("each waiting batch is built alone: late arrivals first, then by priority, then in landing order", () => {
    const { position: _, ...probation } = aBatch(5, { priority: 2 });
    const batches = [
      aBatch(1, { position: 8 }),
      aBatch(2, { position: 1 }),
      aBatch(3, { createdAt: epochMs(50) }),
      aBatch(4, { priority: 1 }),
      probation,
      aBatch(6, { state: "cancelling" }),
      aBatch(7, { createdAt: epochMs(49) }),
    ];
    const draft = red(batches);
    expect(alone(draft).map((i) => draft.index.batch(i ?? -1).id)).toEqual([3, 5, 4, 2, 7, 1].map(idOf));
    expect(repairProposals(draft)[0]).toEqual({ heads: [2], assumedLanded: [], logProbability: 0 });
  });

  it.each<[string, readonly Path[], boolean]>([
    ["no build", [], true],
    ["it is being built alone", [aPath(1, [1])], false],
    ["it is being built on another", [aPath(1, [1], { base: [idOf(9)] })], true],
    ["a bundle with it is being built", [aPath(1, [1, 2])], true],
    ["it has passed on the red trunk", [{ ...passed(1, [1]), startedAt: epochMs(95) }], false],
    ["it has failed once", [failed(1, [1])], true],
    ["it has failed as often as a verdict needs", [failed(1, [1]), failed(2, [1])], false],
    ["it failed twice, in a bundle and on another", [failed(1, [1, 2]), failed(2, [1], [9]), failed(3, [1])], true],
    [
      "it failed on an older commit",
      [1, 2].map((n) => ({ ...failed(n, [1]), composed: { ...tested, trunk: shaOf(2) } })),
      true,
    ],
    [
      "it does not apply",
      [{ ...failed(1, [1]), composed: undefined as never, unappliable: idOf(1), startedAt: epochMs(90) }],
      false,
    ],
    [
      "it did not apply to an older commit",
      [{ ...failed(1, [1]), composed: undefined as never, unappliable: idOf(1), startedAt: epochMs(89) }],
      true,
    ],
    ["it was given up twice", [1, 2, 3].map((n) => ({ ...failed(n, [1]), state: "cancelled" as const })), true],
  ])("is a batch built alone again, with one retry? %s", (_, paths, expected) => {
    expect(alone(red([aBatch(1, { paths })], { retries: 1 }))).toEqual(expected ? [0] : []);
  });

  it("nothing is built while a batch is landing, and no other lands", () => {
    const draft = red([
      aBatch(1, landing()),
      aBatch(2, { paths: [{ ...passed(1, [2]), startedAt: epochMs(95) }] }),
      aBatch(3),
    ]);
    expect(alone(draft)).toEqual([]);
    expect(selectRepair(draft)).toBeUndefined();
  });

  it("the first in landing order that has passed alone on the red trunk lands as the repair, and nothing else", () => {
    const onRed = (n: number, change: Partial<Path> = {}): Partial<Batch> => ({
      paths: [{ ...passed(n, [n]), startedAt: epochMs(95), ...change }],
    });
    const { position: _, ...probation } = aBatch(1, { priority: 9, ...onRed(1) });
    const other = { ...tested, trunk: shaOf(9) };
    const batches = [
      probation,
      aBatch(2, onRed(2, { composed: { ...other, trunk: shaOf(1) }, startedAt: epochMs(10) })),
      aBatch(3, onRed(3, { heads: [3, 4].map(idOf) })),
      aBatch(4),
      aBatch(5, { conflicts: [idOf(4)], ...onRed(5, { base: [idOf(4)] }) }),
      aBatch(6, onRed(6)),
      aBatch(7, { priority: 1, ...onRed(7) }),
    ];
    const draft = red(batches);
    settle(draft);
    expect(statesOf(draft)).toEqual([...Array.from({ length: 6 }, () => "speculating"), "landing"]);
    const repair = draft.lookup(idOf(7));
    expect(repair?.landing).toMatchObject({ landedTogether: [idOf(7)], buildKey: keyOf(7), tested, repair: true });
    expect(repair?.landing?.landId).toBeTruthy();
  });

  it("waiting requests are told since when, by whom and why", () => {
    const draft = red([aBatch(1)]);
    noteBlockers(draft);
    const [entry] = draft.lookup(idOf(1))?.outbox ?? [];
    expect(entry).toMatchObject({ kind: "event", event: "blocked", metadata: { blocker: "trunk.red" } });
    expect(entry?.reason?.message).toContain("by Ann: it failed");
  });
});

describe("the trunk itself", () => {
  const build = {
    buildKey: keyOf(5),
    state: "building",
    dispatched: false,
    startedAt: epochMs(9),
    unless: [shaOf(4)],
  } as const;
  const history = { ...emptyHistory(), buildMs: [7, 8, 9] } as const;
  const state = (trunk: Partial<Trunk>): Partial<QueueState> => ({ trunk: { ...UNKNOWN_TRUNK, ...trunk }, history });
  const commandsOf = (trunk: Partial<Trunk>) => commandsFor(draftOf([], {}, state(trunk)));

  it("is built by a command of its own, which says since which commit and at which commits it need not", () => {
    const command = {
      kind: "start-build",
      installation: "here",
      batchId: trunkIdOf(QUEUE),
      buildKey: keyOf(5),
      attempt: 1,
      base: [],
      head: { batchId: trunkIdOf(QUEUE), steps: [], unless: [shaOf(4)], since: shaOf(2) },
      sqids: [],
      without: [],
      lowerQuartileMs: 7,
    };
    expect(commandsOf({ build, vouched: [shaOf(1), shaOf(2)] })).toEqual([command]);
    const { since: _, ...head } = command.head;
    expect(commandsOf({ build })).toEqual([{ ...command, head }]);
    expect(commandsOf({ build: { ...build, dispatched: true } })).toEqual([]);
  });

  it.each<[string, Partial<Trunk>, object]>([
    [
      "red",
      { red: IS_RED },
      { at: IS_RED.since, red: { since: IS_RED.since, commit: shaOf(3), author: "Ann", reason } },
    ],
    ["sound again", { recoveredAt: epochMs(70) }, { at: 70 }],
  ])("is told to the gateway when it has changed: %s", (_, trunk, more) => {
    const message = { v: 1, kind: "trunk", queue: QUEUE, version: 3, ...more };
    expect(commandsOf({ ...trunk, changes: 3, told: 2 })).toEqual([{ kind: "announce-trunk", message }]);
    expect(commandsOf({ ...trunk, changes: 3, told: 3 })).toEqual([]);
  });

  it("that is red by an unknown author is told without one", () => {
    const { author: _, ...red } = IS_RED;
    const [command] = commandsOf({ red, changes: 1 });
    expect(command?.kind === "announce-trunk" && command.message.red).toEqual({ since: 50, commit: shaOf(3), reason });
  });

  it("has its commands acknowledged in one write", () => {
    const { queue } = draftOf([], {}, state({ build, changes: 2, told: 1 }));
    const after = acknowledgeTrunk(queue);
    expect(after).toEqual({
      ...queue,
      version: 2,
      trunk: { ...queue.trunk, told: 2, build: { ...build, dispatched: true } },
    });
    expect(after && acknowledgeTrunk(after)).toBeUndefined();
    const told = draftOf([], {}, state({ build: { ...build, dispatched: true }, changes: 2, told: 1 })).queue;
    expect(acknowledgeTrunk(told)?.trunk).toEqual({ ...told.trunk, told: 2 });
    const { trunk: _, ...never } = queue;
    expect(acknowledgeTrunk(never)).toBeUndefined();
  });

  it("counts as broken down when its build cannot be started, unless that build is known to run", () => {
    const outcomeOf = (key: number, dispatched: boolean) => {
      const draft = draftOf([], {}, state({ build: { ...build, dispatched } }));
      trunkBuildNotStarted(draft, keyOf(key));
      return draft.trunk.brokenDown?.count;
    };
    expect([outcomeOf(5, false), outcomeOf(5, true), outcomeOf(6, false)]).toEqual([1, undefined, undefined]);
  });

  it("is built for a failure on an unproven commit, when a head of it has not ended and a slot is free", () => {
    const trunk = { unproven: [shaOf(3)], buildCount: 4 };
    const outcomeOf = (change: Partial<Batch>, budget = 2) => {
      const paths = [{ ...failed(1, [1, 2]), setAside: "unproven" as const }];
      const draft = draftOf(
        [aBatch(1, { paths, ...change }), aBatch(2, { state: "failed" })],
        { budget },
        state(trunk),
      );
      buildTrunk(draft);
      return draft;
    };
    const buildKey = buildKeyOf("here", trunkIdOf(QUEUE), 5);
    expect(outcomeOf({}).trunk).toMatchObject({
      buildCount: 5,
      build: { buildKey, state: "building", dispatched: false, startedAt: NOW },
    });
    expect(outcomeOf({}).activeBuilds()).toBe(1);
    expect(outcomeOf({ state: "cancelled" }).trunk.build).toBeUndefined();
    expect(outcomeOf({ paths: [{ ...failed(1, [1]), setAside: "nothing" }] }).trunk.build).toBeUndefined();
    expect(outcomeOf({}, 0).trunk.build).toBeUndefined();
  });
});
