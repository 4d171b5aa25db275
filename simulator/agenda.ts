import { Heap } from "../functions/domain/heap.ts";

interface Due<E> {
  readonly at: number;
  readonly precedence: number;
  readonly sequence: number;
  readonly event: E;
}

/**
 * The future events of a simulation, earliest first. Events of the same time come in ascending `precedence`. Events of the same
 * time and precedence come in the order in which they were added.
 */
export class Agenda<E> {
  readonly #heap = new Heap<Due<E>>(precedes);
  #added = 0;

  /** The time of the earliest event. Undefined when no event is left. */
  get nextAt(): number | undefined {
    return this.#heap.top?.at;
  }

  add(at: number, precedence: number, event: E): void {
    this.#heap.push({ at, precedence, sequence: this.#added++, event });
  }

  /** Removes all events of the earliest time and returns them in order. Empty when no event is left. */
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
  a.at !== b.at ? a.at < b.at : a.precedence !== b.precedence ? a.precedence < b.precedence : a.sequence < b.sequence;
