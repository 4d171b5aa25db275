import { describe, expect, it } from "vitest";
import { adviceOn, parseReplay } from "../../simulator/replay.ts";

const entry = (id: string, minute: number, overrides: object = {}) => ({
  id,
  arrivedAt: `2026-03-01T09:${String(minute).padStart(2, "0")}:00Z`,
  paths: ["app/main.ts"],
  buildSeconds: 600,
  outcome: "landed",
  ...overrides,
});

const read = (entries: readonly object[]) => {
  const replay = parseReplay(JSON.stringify(entries));
  if (replay.kind !== "history") throw new Error(replay.problem);
  return replay;
};

describe("a replayed history", () => {
  it("becomes a workload: arrivals count from the first change, changes that share a path conflict", () => {
    const { workload, rate } = read([
      entry("b", 30, { paths: ["app/main.ts", "lib/x.ts"] }),
      entry("a", 0),
      entry("c", 60 - 1, { paths: ["lib/x.ts"], outcome: "error", buildSeconds: 90 }),
    ]);
    expect(workload.changes).toMatchObject([
      { arrivalMs: 0, conflictsAhead: [], passes: true },
      { arrivalMs: 1_800_000, conflictsAhead: [0] },
      { arrivalMs: 3_540_000, conflictsAhead: [1], passes: false, buildMs: 90_000 },
    ]);
    expect(rate).toBeCloseTo(3.05);
  });

  it("is read from a list, from an object with changes, and from JSON lines alike", () => {
    const entries = [entry("a", 0), entry("b", 1)];
    const lines = entries.map((one) => JSON.stringify(one)).join("\n");
    for (const text of [JSON.stringify({ changes: entries }), `${lines}\n`])
      expect(parseReplay(text)).toEqual(parseReplay(JSON.stringify(entries)));
  });

  it("may have a single change, in each of the three formats", () => {
    for (const text of [
      JSON.stringify([entry("a", 0)]),
      JSON.stringify({ changes: [entry("a", 0)] }),
      `${JSON.stringify(entry("a", 0))}\n`,
    ]) {
      const replay = parseReplay(text);
      expect(replay).toMatchObject({
        kind: "history",
        rate: 0,
        workload: { changes: [{ arrivalMs: 0, passes: true }] },
      });
    }
  });

  it("tells when a change was cancelled", () => {
    const { workload } = read([
      entry("a", 0),
      entry("b", 1, { outcome: "cancelled", endedAt: "2026-03-01T09:05:00Z" }),
    ]);
    expect(workload.changes[1]).toMatchObject({ cancelMs: 300_000, passes: true });
  });

  it("takes changes that fail together to pass alone", () => {
    const { workload } = read([entry("a", 0), entry("b", 1, { outcome: "error", clashesWith: ["a"] })]);
    expect(workload.changes).toMatchObject([
      { passes: true, clashes: [1] },
      { passes: true, clashes: [0] },
    ]);
  });

  it("tells what happened in the history itself, and says when the history is short", () => {
    const replay = read([
      entry("a", 0, { endedAt: "2026-03-01T09:20:00Z" }),
      entry("b", 30, { endedAt: "2026-03-01T10:30:00Z" }),
      entry("c", 40, { outcome: "error", endedAt: "2026-03-01T11:00:00Z" }),
    ]);
    expect(replay.actual).toEqual({ hours: 2, landed: 2, landing: { p50: 20, p95: 60, p99: 60 } });
    expect(adviceOn(replay.workload)).toContain("3 changes");
    expect(adviceOn(read(Array.from({ length: 100 }, (_, n) => entry(`${n}`, 1))).workload)).toBeUndefined();
  });

  /** Four changes that are undecided for an hour each, with the conflicts that the log names. */
  const named = (...behind: readonly (readonly string[])[]) =>
    read(
      behind.map((ids, n) =>
        entry(`${n}`, n, { paths: [], behind: ids, endedAt: `2026-03-01T10:${String(n).padStart(2, "0")}:00Z` }),
      ),
    ).analyzer;

  it("takes the queue's analyzer for all when each change names all that were undecided when it arrived", () => {
    expect(named([], ["0"], ["0", "1"], ["0", "1", "2"])).toBe("all");
    expect(named([], ["0"], ["0"], ["2"])).toBe("paths");
    expect(named([])).toBe("all");
    expect(read([entry("a", 0), entry("b", 1)]).analyzer).toBe("paths");
  });

  it.each([
    ["nonsense", "neither JSON nor JSON lines"],
    ["[]", "Land a few changes"],
    ["", "Land a few changes"],
    ["\n", "Land a few changes"],
    [JSON.stringify({ id: "a" }), "arrivedAt"],
    [JSON.stringify([entry("a", 0), entry("a", 1)]), "same id"],
    [JSON.stringify([entry("a", 0), entry("b", 1, { outcome: "cancelled" })]), "endedAt"],
    [JSON.stringify([entry("a", 0), entry("b", 1, { buildSeconds: 0 })]), "buildSeconds"],
  ])("is refused when it is malformed: %s", (text, problem) => {
    expect(parseReplay(text)).toMatchObject({ kind: "malformed", problem: expect.stringContaining(problem) });
  });
});
