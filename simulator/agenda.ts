import { Heap } from "../functions/domain/heap.ts";

interface Due<E> {
  readonly at: number;
  readonly rank: number;
  readonly entry: number;
  readonly event: E;
}

/** What is due, earliest first; at one time, in the order of `rank`, then of entry. */
export class Agenda<E> {
  readonly #heap = new Heap<Due<E>>(precedes);
  #entries = 0;

  get nextAt(): number | undefined {
    return this.#heap.top?.at;
  }

  add(at: number, rank: number, event: E): void {
    this.#heap.push({ at, rank, entry: this.#entries++, event });
  }

  /** Everything that is due at the earliest time, in order. */
  takeDue(): E[] {
    const at = this.nextAt;
    const due: E[] = [];
    for (let next = this.#heap.top; next !== undefined && next.at === at; next = this.#heap.top) {
      this.#heap.pop();
      due.push(next.event);
    }
    return due;
  }
}

const precedes = (a: Due<unknown>, b: Due<unknown>): boolean =>
  a.at !== b.at ? a.at < b.at : a.rank !== b.rank ? a.rank < b.rank : a.entry < b.entry;
