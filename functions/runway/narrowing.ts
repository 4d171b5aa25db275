import type { HostWords } from "../adapters/git/host-words.ts";
import { earlierDecline, type LandingHistory } from "./landing-history.ts";

/**
 * Finds the bundle for which a host declines a push. Bundles are pushed in order, each on what the one before it left, so only fronts of
 * the order can be tried. A front that the host accepts has landed. Of eight bundles with the sixth at fault: 8 declined, 4 accepted,
 * 2 (5 and 6) declined, 1 (5) accepted, 1 (6) declined.
 */
export class Narrowing<B extends { readonly batchId: string }> {
  /** So many of the bundles next in order hold one at fault. Undefined when the host has declined nothing. */
  #suspects: number | undefined;
  #hasAccepted = false;
  #found: { readonly bundle: readonly B[]; readonly words: HostWords } | undefined;

  /** The bundle at fault, and what the host said of it. */
  get found(): { readonly bundle: readonly B[]; readonly words: HostWords } | undefined {
    return this.#found;
  }

  /** How many bundles the next push may hold. */
  get most(): number {
    return this.#suspects === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(this.#suspects / 2));
  }

  accepted(bundles: number): void {
    this.#hasAccepted ||= bundles > 0;
    if (this.#suspects === undefined) return;
    // All of the suspects went through in smaller pushes: the host has changed its mind, or has a limit for one push.
    const left = this.#suspects - bundles;
    this.#suspects = left > 0 ? left : undefined;
  }

  declined(bundles: readonly (readonly B[])[], words: HostWords): void {
    const [first] = bundles;
    if (bundles.length === 1 && first) this.#found = { bundle: first, words };
    else this.#suspects = bundles.length;
  }

  /**
   * True when the host refuses the queue, and no change is at fault: its words say so; or it refuses the records, by themselves or before
   * the trunk; or it refuses a bundle by itself in words that tell nothing, has just said the same of another batch, and has taken
   * nothing of the queue in between.
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
