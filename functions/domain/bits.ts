/** A set of small numbers, one bit each. All sets that meet have the same length in words. */
export type Bits = Uint32Array;

export const noBits = (words: number): Bits => new Uint32Array(words);
export const wordsFor = (count: number): number => (count + 31) >>> 5;

export const hasBit = (bits: Bits, i: number): boolean => ((bits[i >>> 5] ?? 0) & (1 << (i & 31))) !== 0;

export function addBit(bits: Bits, i: number): void {
  bits[i >>> 5] = (bits[i >>> 5] ?? 0) | (1 << (i & 31));
}

export function dropBit(bits: Bits, i: number): void {
  bits[i >>> 5] = (bits[i >>> 5] ?? 0) & ~(1 << (i & 31));
}

/** Drops every number that is not below `limit`. */
export function keepBelow(bits: Bits, limit: number): void {
  const word = limit >>> 5;
  bits[word] = (bits[word] ?? 0) & ((1 << (limit & 31)) - 1);
  bits.fill(0, word + 1);
}

export function addAll(bits: Bits, others: Bits): void {
  for (let w = 0; w < bits.length; w++) bits[w] = (bits[w] ?? 0) | (others[w] ?? 0);
}

/** Adds what is in both a and b. */
export function addCommon(bits: Bits, a: Bits, b: Bits): void {
  for (let w = 0; w < bits.length; w++) bits[w] = (bits[w] ?? 0) | ((a[w] ?? 0) & (b[w] ?? 0));
}

/** a and b hold the same of what `mask` holds. */
export function agreeWithin(a: Bits, b: Bits, mask: Bits): boolean {
  for (let w = 0; w < mask.length; w++) if ((((a[w] ?? 0) ^ (b[w] ?? 0)) & (mask[w] ?? 0)) !== 0) return false;
  return true;
}

/** Everything in a, but for `except`, is in b. */
export function isWithin(a: Bits, b: Bits, except = -1): boolean {
  for (let w = 0; w < a.length; w++) {
    let rest = (a[w] ?? 0) & ~(b[w] ?? 0);
    if (except >>> 5 === w) rest &= ~(1 << (except & 31));
    if (rest !== 0) return false;
  }
  return true;
}

/** Something is in all of a, b and c. */
export function meetWithin(a: Bits, b: Bits, mask: Bits): boolean {
  for (let w = 0; w < mask.length; w++) if (((a[w] ?? 0) & (b[w] ?? 0) & (mask[w] ?? 0)) !== 0) return true;
  return false;
}

/** Something of `mask` is in a and not in b. */
export function exceedsWithin(a: Bits, b: Bits, mask: Bits): boolean {
  for (let w = 0; w < mask.length; w++) if (((a[w] ?? 0) & ~(b[w] ?? 0) & (mask[w] ?? 0)) !== 0) return true;
  return false;
}

/** How many of `mask` are in a and not in b. */
export function countWithout(a: Bits, b: Bits, mask: Bits): number {
  let count = 0;
  for (let w = 0; w < mask.length; w++)
    for (let rest = (a[w] ?? 0) & ~(b[w] ?? 0) & (mask[w] ?? 0); rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The numbers in the set, ascending. */
export function* members(bits: Bits): Generator<number> {
  for (let w = 0; w < bits.length; w++) {
    for (let rest = bits[w] ?? 0; rest !== 0; rest &= rest - 1) yield (w << 5) + 31 - Math.clz32(rest & -rest);
  }
}
