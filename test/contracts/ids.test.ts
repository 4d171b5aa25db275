import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchId,
  BuildKey,
  batchIdOf,
  batchLabel,
  buildKeyOf,
  executionName,
  messageId,
  partsOfSqid,
  QueueName,
  RequestNumber,
  Sqid,
  sqidOf,
  sqidOfBatch,
} from "../../functions/contracts/ids.ts";
import { padded } from "../../functions/contracts/tables.ts";

describe("a queue's name", () => {
  it.each(["a", "0", "main", "team-a.repo_1", "a".repeat(100)])("may be %s", (name) => {
    expect(QueueName.parse(name)).toBe(name);
  });
  it.each(["", "A", "-a", ".a", "_a", "a b", "a/b", "a#b", "é", "a\n", "a".repeat(101)])("may not be %j", (name) => {
    expect(QueueName.safeParse(name).success).toBe(false);
  });
});

describe("a request's number", () => {
  it.each([1, 999_999_999_999])("may be %i", (n) => expect(RequestNumber.safeParse(n).success).toBe(true));
  it.each([0, -1, 1.5, Number.NaN, 1_000_000_000_000])("may not be %d", (n) =>
    expect(RequestNumber.safeParse(n).success).toBe(false),
  );
});

describe("a sqid", () => {
  it.each(["a/1", `${"a".repeat(100)}/999999999999`])("may be %s", (sqid) => expect(Sqid.parse(sqid)).toBe(sqid));
  it.each(["", "a", "a/", "/1", "a/0", "a/01", "a/-1", "a/1/2", "a/1234567890123", "A/1", `${"a".repeat(101)}/1`])(
    "may not be %j",
    (sqid) => expect(Sqid.safeParse(sqid).success).toBe(false),
  );

  const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,99}$/).map((text) => QueueName.parse(text));
  const number = fc.integer({ min: 1, max: 999_999_999_999 }).map((n) => RequestNumber.parse(n));

  it("is its queue and number, and nothing else", () => {
    fc.assert(
      fc.property(name, number, (queue, n) => {
        expect(partsOfSqid(Sqid.parse(sqidOf(queue, n)))).toEqual({ queue, n });
      }),
    );
  });

  it("names its batch, and is named by it", () => {
    fc.assert(
      fc.property(name, number, (queue, n) => {
        const id = BatchId.parse(batchIdOf(sqidOf(queue, n)));
        expect([batchLabel(id), sqidOfBatch(id)]).toEqual([`${n}`, sqidOf(queue, n)]);
      }),
    );
  });
});

describe("derived ids", () => {
  const parts = fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 4 });

  it("fit what AWS allows, however long their parts", () => {
    fc.assert(
      fc.property(parts, (all) => {
        expect(messageId(...all)).toMatch(/^[0-9a-f]{64}$/);
        expect(executionName(...all)).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
        expect(BuildKey.safeParse(buildKeyOf(all[0] ?? "", all.join() as BatchId, 1)).success).toBe(true);
      }),
    );
  });

  it("differ when their parts differ, also where they are divided", () => {
    expect(messageId("a", "bc")).not.toBe(messageId("ab", "c"));
    expect(executionName("admit", "q/1")).not.toBe(executionName("admit", "q-1"));
    const batch = BatchId.parse("main/batch/1");
    const other = BatchId.parse("main/batch/11");
    const keys = [
      buildKeyOf("a", batch, 1),
      buildKeyOf("a", batch, 2),
      buildKeyOf("a", other, 1),
      buildKeyOf("b", batch, 1),
    ];
    expect(new Set(keys).size).toBe(4);
  });

  it("padded numbers sort as numbers", () => {
    const n = fc.nat(Number.MAX_SAFE_INTEGER).map((value) => value % 1e15);
    fc.assert(
      fc.property(n, n, (a, b) => {
        expect(padded(a) < padded(b)).toBe(a < b);
      }),
    );
  });
});
