import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { statusEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { type Batch, mergeUnitOf, type Path } from "../../../functions/domain/batch.ts";
import { acknowledge, commandsFor, RESEND_AFTER_MS } from "../../../functions/domain/planner/commands.ts";
import { emptyHistory } from "../../../functions/domain/speculation/history.ts";
import { aBatch, aPath, draftOf, idOf, keyOf, landing, NOW, reason, tested } from "./pieces.ts";
import { seed } from "./stories.ts";
import { QUEUE } from "./world.ts";

const history = { ...emptyHistory(), buildMs: [7, 8, 9] } as const;
const commandsOf = (...batches: readonly Batch[]) => commandsFor(draftOf(batches, {}, { history }));

describe("a build that is not known to be started", () => {
  const [one, two, three] = [aBatch(1), aBatch(2), aBatch(3)];

  it("is asked for with the last head on the base and the other heads, and with what the build is for", () => {
    const path = aPath(5, [2, 3], { base: [idOf(1)], without: [idOf(4)] });
    expect(commandsOf(one, { ...two, paths: [path] }, three)).toEqual([
      {
        kind: "start-build",
        installation: "here",
        batchId: idOf(2),
        buildKey: keyOf(5),
        attempt: 2,
        base: [mergeUnitOf(one), mergeUnitOf(two)],
        head: mergeUnitOf(three),
        sqids: ["q/2", "q/3"],
        without: [idOf(4)],
        lowerQuartileMs: 7,
      },
    ]);
  });

  it("is asked for also while it is being stopped, so that its slot becomes free", () => {
    const paths = [aPath(5, [1], { state: "cancelling" })];
    expect(commandsOf({ ...one, paths })).toMatchObject([{ kind: "start-build", base: [], sqids: ["q/1"] }]);
  });

  it.each(["passed", "failed", "cancelled"] as const)("is not asked for once it has ended: %s", (state) => {
    expect(commandsOf({ ...one, paths: [aPath(5, [1], { state })] })).toEqual([]);
  });
});

describe("a landing that runway has not answered", () => {
  const unit = (batch: Batch, more: object = {}) => ({ ...mergeUnitOf(batch), tested, exact: false, ...more });

  it("is one command with the batches that are still landing, in landing order, and the bundle that each is in", () => {
    const [one, two, three] = [
      aBatch(1, landing({ landedTogether: [2, 1, 3].map(idOf) })),
      aBatch(2, landing({ landedTogether: [2, 1, 3].map(idOf), bundle: [2, 1].map(idOf) })),
      aBatch(3, { ...landing(), state: "landed", concluded: true }),
    ];
    expect(commandsOf(one, two, three)).toEqual([
      {
        kind: "land",
        message: {
          v: 1,
          kind: "land-batch",
          id: "together",
          queue: QUEUE,
          installation: "here",
          batches: [unit(two, { bundle: idOf(2) }), unit(one)],
        },
        nonce: "first",
      },
    ]);
  });

  it("leaves out a batch that is in another landing meanwhile", () => {
    const [one, two] = [aBatch(1, landing()), aBatch(2, landing({ landId: "other", landedTogether: [idOf(2)] }))];
    const lands = commandsOf(one, two).flatMap((command) => (command.kind === "land" ? [command.message] : []));
    expect(lands.map(({ id, batches }) => [id, batches.map(({ batchId }) => batchId)])).toEqual([
      ["together", [idOf(1)]],
      ["other", [idOf(2)]],
    ]);
  });

  it("is exact under analyzer all", () => {
    const [command] = commandsFor(draftOf([aBatch(1, landing())], { conflictAnalyzer: { type: "all" } }));
    expect(command).toMatchObject({ message: { batches: [{ exact: true }] } });
  });

  it("is sent again after two minutes, and not before, as a message of its own", () => {
    const sent = (ago: number) => commandsOf(aBatch(1, landing({ sentAt: epochMs(NOW - ago) })));
    expect(sent(RESEND_AFTER_MS - 1)).toEqual([]);
    expect(sent(RESEND_AFTER_MS)).toMatchObject([{ kind: "land", nonce: String(NOW) }]);
  });

  it("is not sent for a batch that is not landing any more", () => {
    expect(commandsOf(aBatch(1, { ...landing(), state: "speculating" }))).toEqual([]);
  });
});

describe("a request that has ended", () => {
  it.each([
    ["landed", "landed", {}],
    ["failed", "error", { reason }],
    ["cancelled", "cancelled", { reason }],
  ] as const)("is ended until that is known, with the reason unless it has landed: %s", (state, outcome, more) => {
    const ended = aBatch(1, { state, reason });
    expect(commandsOf(ended)).toEqual([{ kind: "end-request", sqid: "q/1", outcome, batchId: idOf(1), ...more }]);
    expect(commandsOf({ ...ended, concluded: true })).toEqual([]);
  });

  it("without a live batch is ended, and told to the log, after all others", () => {
    const draft = draftOf([aBatch(1, { outbox: [statusEvent("q/1" as never, "batched", NOW)] })]);
    const landed = statusEvent("q/8" as never, "landed", NOW, { version: 4, reason });
    const cancelled = statusEvent("q/9" as never, "cancelled", NOW, { version: 5, reason });
    draft.loose.push(landed, cancelled);
    expect(commandsFor(draft)).toEqual([
      { kind: "end-request", sqid: "q/8", outcome: "landed" },
      { kind: "end-request", sqid: "q/9", outcome: "cancelled", reason },
      { kind: "announce", events: [...(draft.lookup(idOf(1))?.outbox ?? []), landed, cancelled] },
    ]);
  });
});

describe(`commands that were carried out (SEED=${seed})`, () => {
  const aPathOf = fc.record({
    state: fc.constantFrom<Path["state"]>("building", "cancelling", "passed", "failed", "cancelled"),
    dispatched: fc.boolean(),
  });
  const anyBatch = fc.record({
    state: fc.constantFrom<Batch["state"]>("speculating", "landing", "cancelling", "landed", "failed", "cancelled"),
    paths: fc.array(aPathOf, { maxLength: 2 }),
    sentAgo: fc.constantFrom(undefined, 0, RESEND_AFTER_MS - 1, RESEND_AFTER_MS),
    concluded: fc.boolean(),
    hasNews: fc.boolean(),
  });

  it("are not asked for again, and a batch without commands is left as it is", () => {
    fc.assert(
      fc.property(anyBatch, ({ state, paths, sentAgo, concluded, hasNews }) => {
        const sent = sentAgo === undefined ? {} : { sentAt: epochMs(NOW - sentAgo) };
        const batch = aBatch(1, {
          ...(state === "landing" || state === "landed" ? landing({ landedTogether: [idOf(1)], ...sent }) : {}),
          state,
          paths: paths.map((path, n) => aPath(n, [1], path)),
          outbox: hasNews ? [statusEvent("q/1" as never, "batched", NOW)] : [],
          concluded,
        });
        const next = acknowledge(batch, NOW);
        if (commandsOf(batch).length === 0) {
          expect(next).toBe(batch);
          return;
        }
        expect(commandsOf(next)).toEqual([]);
        expect(next.version).toBe(2);
        const isStarted = (n: number) => ["building", "cancelling"].includes(paths[n]?.state ?? "");
        expect(next).toEqual({
          ...batch,
          version: 2,
          outbox: [],
          paths: batch.paths.map((path, n) => ({ ...path, dispatched: path.dispatched || isStarted(n) })),
          concluded: concluded || ["landed", "failed", "cancelled"].includes(state),
          ...(batch.landing && state === "landing"
            ? {
                landing: {
                  ...batch.landing,
                  sentAt: sentAgo === 0 || sentAgo === RESEND_AFTER_MS - 1 ? batch.landing.sentAt : NOW,
                },
              }
            : {}),
        });
      }),
      { seed, numRuns: 300 },
    );
  });
});
