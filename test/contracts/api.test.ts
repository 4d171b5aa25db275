import { describe, expect, it } from "vitest";
import { Timestamp } from "../../functions/contracts/api/fields.ts";
import { IdempotencyKey, LandBody } from "../../functions/contracts/api/land-call.ts";
import { CancelBody, ListQuery, RequestPath } from "../../functions/contracts/api/request-calls.ts";

const change = (name: string) => `git://h/r/refs%2Fheads%2F${name}/${"a".repeat(40)}`;
const changes = (count: number) => Array.from({ length: count }, (_, i) => change(`c${i}`));
const takes = (schema: { safeParse: (value: unknown) => { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

describe("a Land's body", () => {
  it.each([
    [0, false],
    [1, true],
    [50, true],
    [51, false],
  ])("of %i changes: %s", (count, taken) => expect(takes(LandBody, { changes: changes(count) })).toBe(taken));

  it("keeps its changes in order, and names each once", () => {
    const order = changes(5).toReversed();
    expect(LandBody.parse({ changes: order }).changes).toEqual(order);
    const twice = LandBody.safeParse({ changes: [change("a"), change("b"), change("a"), change("a")] });
    expect(twice.error?.issues.map(({ path }) => path)).toEqual([
      ["changes", 2],
      ["changes", 3],
    ]);
  });

  it.each([
    ["REBASE", true],
    ["SQUASH_REBASE", true],
    ["MERGE", true],
    ["PROMOTE", true],
    ["DEFAULT", false],
    ["", false],
  ])("of strategy %j: %s", (strategy, taken) => expect(takes(LandBody, { changes: changes(1), strategy })).toBe(taken));

  it("holds nothing else", () => expect(takes(LandBody, { changes: changes(1), queue: "main" })).toBe(false));
});

describe("limits", () => {
  it.each([
    [500, true],
    [501, false],
  ])("a reason of %i characters: %s", (length, taken) =>
    expect(takes(CancelBody, { reason: "x".repeat(length) })).toBe(taken),
  );

  it.each([
    ["", false],
    ["k", true],
    ["k".repeat(200), true],
    ["k".repeat(201), false],
    ["a b", false],
    ["é", false],
  ])("an idempotency key %j: %s", (key, taken) => expect(takes(IdempotencyKey, key)).toBe(taken));

  it.each([
    ["0", false],
    ["-1", false],
    ["1", true],
    ["200", true],
    ["201", false],
    ["x", false],
  ])("a page of %s: %s", (limit, taken) => expect(takes(ListQuery, { limit })).toBe(taken));

  it("a page is of 50 unless told otherwise", () => expect(ListQuery.parse({}).limit).toBe(50));

  it.each([
    ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", true],
    ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", false],
    ["2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.000Z", false],
  ])("a window from %s to before %s: %s", (since, until, taken) =>
    expect(takes(ListQuery, { since, until })).toBe(taken),
  );

  it.each([
    ["2026-01-01T00:00:00.000Z", true],
    ["2026-01-01T00:00:00Z", false],
    ["2026-01-01T00:00:00.000000Z", false],
    ["2026-01-01T00:00:00.000+00:00", false],
    ["2026-02-30T00:00:00.000Z", false],
    ["1767225600000", false],
  ])("a moment %s: %s", (moment, taken) => expect(takes(Timestamp, moment)).toBe(taken));

  it.each([
    ["1", true],
    ["999999999999", true],
    ["1000000000000", false],
    ["0", false],
    ["01", false],
    ["+1", false],
    ["1.0", false],
    ["", false],
  ])("a request number %j in a path: %s", (n, taken) => expect(takes(RequestPath, { queue: "main", n })).toBe(taken));
});
