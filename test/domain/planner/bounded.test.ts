import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchId, BuildKey, Sqid } from "../../../functions/contracts/ids.ts";
import { STORED_BYTES } from "../../../functions/contracts/limits.ts";
import { happeningEvent, type LogEvent, statusEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import type { Batch, Path, PathState } from "../../../functions/domain/batch.ts";
import { bounded } from "../../../functions/domain/planner/bounded.ts";
import { plan } from "../../../functions/domain/planner/index.ts";
import { seed } from "./stories.ts";
import { aQueue, World } from "./world.ts";

const at = epochMs(1_000);
const id = BatchId.parse("q/batch/1");
const reason = { code: "build.failed", message: "x".repeat(2_000) } as const;
const aPath = (n: number, state: PathState, overrides: Partial<Path> = {}): Path => ({
  buildKey: BuildKey.parse(n.toString(16).padStart(32, "0")),
  ...{ attempt: 1, heads: [id], base: [], without: [], state, dispatched: true, startedAt: at },
  ...overrides,
});
const aBatch = (overrides: Partial<Batch>): Batch =>
  ({ id, paths: [], outbox: [], buildCount: 60, ...overrides }) as Partial<Batch> as Batch;
const statesOf = ({ paths }: Batch) => Map.groupBy(paths, ({ state }) => state);

describe("a batch that was built often", () => {
  it("is left as it is while its builds fit", () => {
    const batch = aBatch({ paths: Array.from({ length: 30 }, (_, n) => aPath(n, "failed", { reason })) });
    expect(bounded(batch)).toBe(batch);
  });

  it("drops the builds that were given up first, then failed ones, then passed ones, each oldest first, and never a running one", () => {
    const base = Array.from({ length: 400 }, () => id);
    const states = ["passed", "failed", "cancelled", "building", "cancelling"] as const;
    const paths = Array.from({ length: 50 }, (_, n) => aPath(n, states[n % 5] ?? "passed", { base }));
    const kept = bounded(aBatch({ paths }));
    const by = statesOf(kept);
    expect([by.get("building")?.length, by.get("cancelling")?.length]).toEqual([10, 10]);
    expect(by.has("cancelled")).toBe(false);
    expect(by.has("failed")).toBe(false);
    // What is left of the passed ones is the newest.
    const passed = paths.filter(({ state }) => state === "passed");
    expect(by.get("passed") ?? []).toEqual(passed.slice(passed.length - (by.get("passed")?.length ?? 0)));
    expect(kept.buildCount).toBe(60);
  });

  it("drops builds and entries that are few and long", () => {
    const base = Array.from({ length: 1_000 }, () => id);
    const paths = Array.from({ length: 10 }, (_, n) => aPath(n, "failed", { base, reason }));
    const long = { code: "build.failed", message: "あ".repeat(2_000) } as const;
    const outbox = Array.from({ length: 10 }, (_, n) =>
      happeningEvent(Sqid.parse("q/1"), "retrying", at, { occurrence: String(n), reason: long }),
    );
    const kept = bounded(aBatch({ paths, outbox }));
    expect(kept.paths).toEqual(paths.slice(-kept.paths.length));
    expect(kept.paths.length).toBeLessThan(10);
    expect(Buffer.byteLength(JSON.stringify(kept.outbox))).toBeLessThan(STORED_BYTES.outbox + 1_000);
  });

  it("is written within its room by the planner", () => {
    const world = new World(aQueue({ conflictAnalyzer: { type: "none" } }));
    world.ready(1, ["a"]);
    const { queue, writes } = world.plan(world.inbox);
    const [batch] = writes.map(({ next }) => next);
    if (!queue || !batch) throw new Error("no batch was made");
    const old = Array.from({ length: 60 }, (_, n) => aPath(n, "cancelled", { heads: [batch.id], reason }));
    const stored = { ...batch, paths: [...old, ...batch.paths] };
    const cancel = {
      v: 1,
      kind: "cancel-requested",
      queue: queue.queue,
      sqid: Sqid.parse(batch.request.sqid),
    } as const;
    const snapshot = { queue, batches: [stored], requests: world.requests };
    const [written] = plan(world.config, snapshot, [cancel], at).writes;
    expect(written?.next.state).toBe("cancelling");
    expect(written?.next.paths.length).toBeLessThan(50);
    expect(written?.next.paths.at(-1)?.buildKey).toBe(batch.paths[0]?.buildKey);
  });

  it("keeps the entry that ends its request while the log takes no entries", () => {
    const sqid = Sqid.parse("q/1");
    const happened = (n: number) => happeningEvent(sqid, "retrying", at, { occurrence: String(n), reason });
    const end = statusEvent(sqid, "error", at, { reason });
    const events = Array.from({ length: 100 }, (_, n) => happened(n));
    const { outbox } = bounded(aBatch({ outbox: [end, ...events] }));
    expect(outbox[0]).toBe(end);
    expect(outbox.at(-1)).toBe(events.at(-1));
    expect(JSON.stringify(outbox).length).toBeLessThan(STORED_BYTES.outbox + 3_000);
  });
});

describe(`a batch with too many builds or entries (SEED=${seed})`, () => {
  const KINDS = ["given up", "repeated", "failed", "passed"] as const;
  const anyPath = fc.record({
    state: fc.constantFrom<PathState>("building", "cancelling", "passed", "failed", "cancelled"),
    hasReason: fc.boolean(),
    names: fc.integer({ min: 0, max: 2_000 }),
    url: fc.constantFrom(undefined, "https://ci/あ"),
  });
  /** In the order in which they are dropped. Undefined of a path that is under way. */
  const kindOf = ({ state, reason: why }: Path): (typeof KINDS)[number] | undefined => {
    if (state === "cancelled") return why === undefined ? "given up" : "repeated";
    return state === "failed" || state === "passed" ? state : undefined;
  };
  const sizeOf = ({ heads, base, without, reason: why, url }: Path) =>
    500 +
    12 * (heads.length + base.length + without.length) +
    Buffer.byteLength(why?.message ?? "") +
    Buffer.byteLength(url ?? "");

  it("drops no more than it has to, the kinds that tell least first, and the oldest of a kind first", () => {
    let dropped = 0;
    fc.assert(
      fc.property(fc.array(anyPath, { maxLength: 12 }), (drawn) => {
        const ids = (count: number) => Array.from({ length: count }, () => id);
        const paths = drawn.map(({ state, hasReason, names, url }, n) =>
          aPath(n, state, {
            base: ids(Math.floor(names / 2)),
            without: ids(Math.ceil(names / 2)),
            ...(hasReason ? { reason } : {}),
            ...(url ? { url } : {}),
          }),
        );
        const candidates = KINDS.flatMap((kind) => paths.filter((path) => kindOf(path) === kind));
        let over = paths.reduce((sum, path) => sum + sizeOf(path), 0) - STORED_BYTES.builds;
        const gone = new Set<Path>();
        for (const path of candidates) {
          if (over <= 0) break;
          gone.add(path);
          over -= sizeOf(path);
        }
        dropped += gone.size;
        expect(bounded(aBatch({ paths })).paths).toEqual(paths.filter((path) => !gone.has(path)));
      }),
      { seed, numRuns: 100 },
    );
    expect(dropped).toBeGreaterThan(20);
  });

  it.each([
    [0, 10],
    [1, 9],
  ])("keeps what fits to the byte: %i bytes more than there is room for", (more, kept) => {
    const room = STORED_BYTES.builds / 10;
    const sized = (bytes: number) =>
      aPath(0, "failed", { heads: [], reason: { code: "build.failed", message: "x".repeat(bytes - 500) } });
    const paths = Array.from({ length: 10 }, (_, n) => ({ ...sized(room + (n === 9 ? more : 0)), attempt: n }));
    expect(bounded(aBatch({ paths })).paths).toEqual(paths.slice(10 - kept));
  });

  it("keeps the newest entries that fit, and every entry that ends a request", () => {
    const sqid = Sqid.parse("q/1");
    const happened = (occurrence: string) => happeningEvent(sqid, "retrying", at, { occurrence });
    const end = statusEvent(sqid, "landed", at);
    const other = statusEvent(sqid, "batched", at);
    const size = (event: object) => Buffer.byteLength(JSON.stringify(event));
    const fill = (bytes: number) => {
      const bare = size(happened(""));
      // The occurrence is in the entry's id.
      return happened("x".repeat(bytes - bare));
    };
    const exact = fill(STORED_BYTES.outbox);
    expect(size(exact)).toBe(STORED_BYTES.outbox);
    const outboxOf = (...outbox: readonly LogEvent[]) => bounded(aBatch({ outbox })).outbox;
    const all = [exact];
    expect(outboxOf(...all)).toEqual(all);
    expect(outboxOf(other, end, exact)).toEqual([end, exact]);
    expect(outboxOf(happened("1"), fill(STORED_BYTES.outbox + 1))).toEqual([]);
  });
});
