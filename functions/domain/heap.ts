/**
 * A binary heap: no item precedes the item on top. Example: with `(a, b) => a < b`, the smallest number is on top. A push or a pop costs
 * log(n) comparisons.
 */
export class Heap<T> {
  readonly #precedes: (a: T, b: T) => boolean;
  readonly #items: T[];

  constructor(precedes: (a: T, b: T) => boolean, items: readonly T[] = []) {
    this.#precedes = precedes;
    this.#items = [...items];
    for (let i = (items.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** The item on top, which stays. Undefined when the heap is empty. */
  get top(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let i = items.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = items[parent] as T;
      if (!this.#precedes(item, above)) break;
      items[i] = above;
      i = parent;
    }
    items[i] = item;
  }

  /** Removes the item on top and returns it. Undefined when the heap is empty. */
  pop(): T | undefined {
    const { top } = this;
    const last = this.#items.pop();
    if (this.#items.length === 0) return top;
    this.#items[0] = last as T;
    this.#sink(0);
    return top;
  }

  /** Moves the item at `from` down until no item below precedes it. */
  #sink(from: number): void {
    const items = this.#items;
    const item = items[from] as T;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#precedes(items[child + 1] as T, items[child] as T)) child++;
      const first = items[child] as T;
      if (!this.#precedes(first, item)) break;
      items[i] = first;
      i = child;
    }
    items[i] = item;
  }
}
