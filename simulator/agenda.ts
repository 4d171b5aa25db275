/** What is due, earliest first; at one time, in the order of `rank`, then of entry. */
export class Agenda<E> {
  readonly #heap: { readonly at: number; readonly rank: number; readonly entry: number; readonly event: E }[] = [];
  #entries = 0;

  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  add(at: number, rank: number, event: E): void {
    const heap = this.#heap;
    const item = { at, rank, entry: this.#entries++, event };
    let i = heap.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !precedes(item, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = item;
  }

  /** Everything that is due at the earliest time, in order. */
  takeDue(): E[] {
    const at = this.nextAt;
    const due: E[] = [];
    while (at !== undefined && this.nextAt === at) due.push(this.#pop());
    return due;
  }

  #pop(): E {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) throw new Error("nothing is due");
    if (heap.length === 0) return top.event;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && precedes(right, left)) child++;
      const least = heap[child];
      if (least === undefined || !precedes(least, last)) break;
      heap[i] = least;
      i = child;
    }
    heap[i] = last;
    return top.event;
  }
}

interface Due {
  readonly at: number;
  readonly rank: number;
  readonly entry: number;
}

const precedes = (a: Due, b: Due): boolean =>
  a.at !== b.at ? a.at < b.at : a.rank !== b.rank ? a.rank < b.rank : a.entry < b.entry;
