/**
 * A set of whole numbers from 0 to its capacity - 1, one bit each, so that a question about 1,000 batches costs 32 operations. The sets and
 * numbers of one call belong to the same capacity; a call with others gives no error and a wrong answer. `within` limits a question to the
 * numbers of that set.
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

  /** The set of all numbers below `limit`, which is at most the capacity. Example: below(2, 8) is {0, 1}. */
  static below(limit: number, capacity: number): BitSet {
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

  /** Deletes every number from `limit` on. Example: keepBelow(3) makes {1, 2, 5} {1, 2}. */
  keepBelow(limit: number): void {
    const word = limit >>> 5;
    this.#words[word] = (this.#words[word] ?? 0) & ((1 << (limit & 31)) - 1);
    this.#words.fill(0, word + 1);
  }

  /** Adds every number of `other`. */
  addAll(other: BitSet): void {
    const [mine, theirs] = [this.#words, other.#words];
    for (let w = 0; w < mine.length; w++) mine[w] = (mine[w] ?? 0) | (theirs[w] ?? 0);
  }

  /** Adds the numbers that are in both a and b. */
  addCommon(a: BitSet, b: BitSet): void {
    const words = this.#words;
    for (let w = 0; w < words.length; w++) words[w] = (words[w] ?? 0) | ((a.#words[w] ?? 0) & (b.#words[w] ?? 0));
  }

  /** Deletes every number of `other`. */
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

  /**
   * True when each number of `within` is in both sets or in neither. Example: {1, 2, 5} and {2, 3, 5} agree within {2, 4, 5}. They do not
   * agree within {1, 2}, since only the first holds 1.
   */
  agreesWith(other: BitSet, within: BitSet): boolean {
    const [mine, theirs, mask] = [this.#words, other.#words, within.#words];
    for (let w = 0; w < mask.length; w++)
      if ((((mine[w] ?? 0) ^ (theirs[w] ?? 0)) & (mask[w] ?? 0)) !== 0) return false;
    return true;
  }

  /** True when each number of this set is in the other set. The number `except` need not be. */
  isSubsetOf(other: BitSet, except = -1): boolean {
    const [mine, theirs] = [this.#words, other.#words];
    for (let w = 0; w < mine.length; w++) {
      let rest = (mine[w] ?? 0) & ~(theirs[w] ?? 0);
      if (except >>> 5 === w) rest &= ~(1 << (except & 31));
      if (rest !== 0) return false;
    }
    return true;
  }

  /** True when at least one number is in this set, in the other set, and in `within`. */
  intersects(other: BitSet, within: BitSet = this): boolean {
    const [mine, theirs, mask] = [this.#words, other.#words, within.#words];
    for (let w = 0; w < mask.length; w++) if (((mine[w] ?? 0) & (theirs[w] ?? 0) & (mask[w] ?? 0)) !== 0) return true;
    return false;
  }

  /** True when at least one number of `within` is in this set and not in the other. Example: {1, 2} and {2} within {1, 3}. */
  anyMissingIn(other: BitSet, within: BitSet): boolean {
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

  /**
   * True when the predicate is true of every number in the set. The predicate is called in ascending order, and not after the first number
   * of which it is false.
   */
  every(predicate: (i: number) => boolean): boolean {
    const words = this.#words;
    for (let w = 0; w < words.length; w++)
      for (let rest = words[w] ?? 0; rest !== 0; rest &= rest - 1)
        if (!predicate((w << 5) + 31 - Math.clz32(rest & -rest))) return false;
    return true;
  }

  /** The smallest numbers in the set, ascending. At most `most` of them; `most` is at least 1. */
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

  /** The numbers that are in the set when the loop begins, ascending. Changes during the loop make no difference. */
  [Symbol.iterator](): Iterator<number> {
    return this.toArray().values();
  }
}
