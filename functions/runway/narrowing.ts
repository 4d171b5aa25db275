import type { HostWords } from "../adapters/git/host-words.ts";
import { earlierDecline, type LandingHistory } from "./landing-history.ts";

/**
 * Finds the first bundle that a host declines. Bundles are pushed in order, each on top of the one before it, so a push holds the first
 * of the bundles that are left. The bundles of a push that the host accepts have landed. After a declined push, the next push holds half as
 * many bundles.
 *
 * Example: of eight bundles the host declines the sixth. Bundles 1 to 8 are declined, 1 to 4 are accepted, 5 and 6 are declined, 5 is
 * accepted, and 6 is declined by itself.
 */
export class Narrowing<B extends { readonly batchId: string }> {
  /** The host declines one of this many bundles, from the next one on. Undefined when no push was declined. */
  #candidates: number | undefined;
  #hasAccepted = false;
  #found: { readonly bundle: readonly B[]; readonly words: HostWords } | undefined;

  /** The bundle that the host declined by itself, and the host's words. Undefined while no such bundle was found. */
  get found(): { readonly bundle: readonly B[]; readonly words: HostWords } | undefined {
    return this.#found;
  }

  /** How many bundles the next push may hold. */
  get most(): number {
    return this.#candidates === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(this.#candidates / 2));
  }

  accepted(bundles: number): void {
    this.#hasAccepted ||= bundles > 0;
    if (this.#candidates === undefined) return;
    // The host has accepted all of the candidates in smaller pushes: its rule has changed, or limits the size of one push.
    const left = this.#candidates - bundles;
    this.#candidates = left > 0 ? left : undefined;
  }

  declined(bundles: readonly (readonly B[])[], words: HostWords): void {
    const [first] = bundles;
    if (bundles.length === 1 && first) this.#found = { bundle: first, words };
    else this.#candidates = bundles.length;
  }

  /**
   * True when the host refuses the queue itself, so that no change is at fault. That is so when
   * - the host's words say so,
   * - the host declines the records ref, or
   * - the words do not say what the rule is about, the host has declined another batch in the same words just before, and it has accepted no
   *   push of the queue in between.
   */
  isAboutQueue(
    bundles: readonly (readonly B[])[],
    words: HostWords,
    history: LandingHistory,
    trunkRef: string,
  ): boolean {
    if (bundles.length === 0 || !words.refs.includes(trunkRef)) return true;
    if (words.about !== "unknown") return words.about === "queue";
    if (bundles.length > 1 || this.#hasAccepted) return false;
    const before = earlierDecline(history);
    return before?.words === words.text && bundles[0]?.every(({ batchId }) => batchId !== before.batchId) === true;
  }
}
