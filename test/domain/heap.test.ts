import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap } from "../../functions/domain/heap.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const isLess = (a: number, b: number): boolean => a < b;

describe(`a heap (SEED=${seed})`, () => {
  it("returns all items, given at first or pushed later, in ascending order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(50)), (first, later) => {
        const heap = new Heap(isLess, first);
        for (const item of later) heap.push(item);
        const given: number[] = [];
        for (let next = heap.pop(); next !== undefined; next = heap.pop()) given.push(next);
        expect(given).toEqual([...first, ...later].sort((a, b) => a - b));
      }),
      { seed },
    );
  });

  it("has the next item on top", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (items) => {
        const heap = new Heap(isLess, items);
        for (let left = items.length; left >= 0; left--) expect(heap.top).toBe(heap.pop());
        expect(heap.top).toBeUndefined();
      }),
      { seed },
    );
  });
});
