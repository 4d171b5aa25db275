import type { WaitingHead } from "./heads.ts";

/**
 * The heads outside a bundle that have to land behind a head of the bundle, directly or behind another such head. The caller names all heads
 * in landing order, each once: `enter` for a head in the bundle, `pass` for a head outside.
 *
 * Example: A ← X ← B. With A in the bundle and X outside, X has to land behind A, and B behind X. So `separates(B)` is true, and B cannot join
 * the bundle of A: X would have to land in between.
 */
export class OutsideBundle {
  readonly #inside = new Set<number>();
  readonly #behind = new Set<number>();

  /** Takes note that the head is in the bundle. */
  enter({ index }: WaitingHead): void {
    this.#inside.add(index);
  }

  /** Takes note that the head is not in the bundle. */
  pass(head: WaitingHead): void {
    if (this.separates(head) || head.undecided.some(({ index }) => this.#inside.has(index)))
      this.#behind.add(head.index);
  }

  /** True when a head outside has to land behind a head of the bundle and ahead of this head. */
  separates({ undecided }: WaitingHead): boolean {
    return undecided.some(({ index }) => this.#behind.has(index));
  }
}
