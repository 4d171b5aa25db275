/**
 * A set of small numbers, one bit each, so that a question about 1,000 batches costs 32 operations. Sets that are compared have the same
 * capacity.
 *
 * Example: with a = {1, 2, 5}, b = {2, 3, 5} and w = {1, 2}, a and b do not agree within w, since only a holds 1. They agree within {2, 4,
 * 5}.
 */
export class BitSet implements Iterable<number> {
  readonly #words: Uint32Array;

  private constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** An empty set for the numbers from 0 to `capacity` - 1. */
  static empty(capacity: number): BitSet {
    return new BitSet(new Uint32Array((capacity + 31) >>> 5));
  }

  /** The numbers below `limit`, which is at most the capacity. */
  static upTo(limit: number, capacity: number): BitSet {
    const set = BitSet.empty(capacity);
    set.#words.fill(0xffffffff, 0, (limit + 31) >>> 5);
    if (limit < capacity) set.keepBelow(limit);
    return set;
  }

  copy(): BitSet {
    return new BitSet(this.#words.slice());
  }

  has(i: number): boolean {
    return ((this.#words[i >>> 5] ?? 0) & (1 << (i & 31))) !== 0;
  }

  add(i: number): void {
    this.#words[i >>> 5] = (this.#words[i >>> 5] ?? 0) | (1 << (i & 31));
  }

  delete(i: number): void {
    this.#words[i >>> 5] = (this.#words[i >>> 5] ?? 0) & ~(1 << (i & 31));
  }

  /** Deletes every number that is not below `limit`. */
  keepBelow(limit: number): void {
    const word = limit >>> 5;
    this.#words[word] = (this.#words[word] ?? 0) & ((1 << (limit & 31)) - 1);
    this.#words.fill(0, word + 1);
  }

  addAll(other: BitSet): void {
    const [mine, theirs] = [this.#words, other.#words];
    for (let w = 0; w < mine.length; w++) mine[w] = (mine[w] ?? 0) | (theirs[w] ?? 0);
  }

  /** Adds the numbers that are in both a and b. */
  addCommon(a: BitSet, b: BitSet): void {
    const words = this.#words;
    for (let w = 0; w < words.length; w++) words[w] = (words[w] ?? 0) | ((a.#words[w] ?? 0) & (b.#words[w] ?? 0));
  }

  deleteAll(other: BitSet): void {
    const [mine, theirs] = [this.#words, other.#words];
    for (let w = 0; w < mine.length; w++) mine[w] = (mine[w] ?? 0) & ~(theirs[w] ?? 0);
  }

  /** Deletes every number that is not in `other`. */
  keepOnly(other: BitSet): void {
    const [mine, theirs] = [this.#words, other.#words];
    for (let w = 0; w < mine.length; w++) mine[w] = (mine[w] ?? 0) & (theirs[w] ?? 0);
  }

  /** A copy without the numbers of `other`. */
  minus(other: BitSet): BitSet {
    const result = this.copy();
    const [words, theirs] = [result.#words, other.#words];
    for (let w = 0; w < words.length; w++) words[w] = (words[w] ?? 0) & ~(theirs[w] ?? 0);
    return result;
  }

  /** A copy without the number i. */
  without(i: number): BitSet {
    const result = this.copy();
    result.delete(i);
    return result;
  }

  /** True when every number of `within` is in both sets or in neither. */
  agreesWith(other: BitSet, within: BitSet): boolean {
    const [mine, theirs, mask] = [this.#words, other.#words, within.#words];
    for (let w = 0; w < mask.length; w++)
      if ((((mine[w] ?? 0) ^ (theirs[w] ?? 0)) & (mask[w] ?? 0)) !== 0) return false;
    return true;
  }

  /** True when every number of this set, the number `except` aside, is in the other. */
  isSubsetOf(other: BitSet, except = -1): boolean {
    const [mine, theirs] = [this.#words, other.#words];
    for (let w = 0; w < mine.length; w++) {
      let rest = (mine[w] ?? 0) & ~(theirs[w] ?? 0);
      if (except >>> 5 === w) rest &= ~(1 << (except & 31));
      if (rest !== 0) return false;
    }
    return true;
  }

  /** True when a number of `within` is in both sets. */
  meets(other: BitSet, within: BitSet = this): boolean {
    const [mine, theirs, mask] = [this.#words, other.#words, within.#words];
    for (let w = 0; w < mask.length; w++) if (((mine[w] ?? 0) & (theirs[w] ?? 0) & (mask[w] ?? 0)) !== 0) return true;
    return false;
  }

  /** True when a number of `within` is in this set and not in the other. */
  exceeds(other: BitSet, within: BitSet): boolean {
    const [mine, theirs, mask] = [this.#words, other.#words, within.#words];
    for (let w = 0; w < mask.length; w++) if (((mine[w] ?? 0) & ~(theirs[w] ?? 0) & (mask[w] ?? 0)) !== 0) return true;
    return false;
  }

  /** How many numbers of `within` are in this set and not in the other. */
  countMissingIn(other: BitSet, within: BitSet): number {
    const [mine, theirs, mask] = [this.#words, other.#words, within.#words];
    let count = 0;
    for (let w = 0; w < mask.length; w++)
      for (let rest = (mine[w] ?? 0) & ~(theirs[w] ?? 0) & (mask[w] ?? 0); rest !== 0; rest &= rest - 1) count++;
    return count;
  }

  /** True when the predicate holds for every number in the set. Asked in ascending order, until it does not hold. */
  every(predicate: (i: number) => boolean): boolean {
    const words = this.#words;
    for (let w = 0; w < words.length; w++)
      for (let rest = words[w] ?? 0; rest !== 0; rest &= rest - 1)
        if (!predicate((w << 5) + 31 - Math.clz32(rest & -rest))) return false;
    return true;
  }

  /** The smallest numbers in the set, `most` at most, ascending. */
  first(most: number): number[] {
    const found: number[] = [];
    this.every((i) => found.push(i) < most);
    return found;
  }

  /** The numbers in the set, ascending. */
  toArray(): number[] {
    const found: number[] = [];
    const words = this.#words;
    for (let w = 0; w < words.length; w++)
      for (let rest = words[w] ?? 0; rest !== 0; rest &= rest - 1) found.push((w << 5) + 31 - Math.clz32(rest & -rest));
    return found;
  }

  /** The numbers that are in this set and in neither a nor b, ascending. */
  outside(a: BitSet, b: BitSet): number[] {
    const found: number[] = [];
    const [words, ofA, ofB] = [this.#words, a.#words, b.#words];
    for (let w = 0; w < words.length; w++)
      for (let rest = (words[w] ?? 0) & ~((ofA[w] ?? 0) | (ofB[w] ?? 0)); rest !== 0; rest &= rest - 1)
        found.push((w << 5) + 31 - Math.clz32(rest & -rest));
    return found;
  }

  /** The numbers that are in the set when the loop begins, ascending. */
  [Symbol.iterator](): Iterator<number> {
    return this.toArray().values();
  }
}
