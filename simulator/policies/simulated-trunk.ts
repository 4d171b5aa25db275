import type { GitSha } from "../../functions/contracts/ids.ts";
import type { LandOutcome } from "../../functions/contracts/messages/landing-messages.ts";
import type { Composed } from "../../functions/contracts/messages/merge-unit.ts";
import { hash32 } from "../random-streams.ts";

const sha = (...parts: readonly (string | number)[]): GitSha => parts.join("").padStart(40, "0").slice(-40) as GitSha;

/** The trunk under virtual time: its commit, the name of its tree, and whether it is broken. */
export class SimulatedTrunk {
  commit: GitSha = sha("f0");
  isBroken = false;
  /** A sum over what the tree holds, in any order: changes that landed, and pushes past the queue. */
  #tree = 0;
  #moves = 0;

  /** A user pushes past the queue. */
  push(breaks: boolean): void {
    this.isBroken = breaks;
    this.#tree = plus(this.#tree, `push ${this.#moves}`);
    this.#move();
  }

  #move(): void {
    this.#moves += 1;
    this.commit = sha("f", this.#moves.toString(16).padStart(12, "0"));
  }

  /** What runway composes of the trunk and these changes, which have not landed, for the build of that key. */
  composed(changes: readonly number[], key: string): Composed {
    const tree = changes.reduce((sum, n) => plus(sum, n), this.#tree);
    return { commit: sha(key), tree: sha(tree.toString(16)), trunk: this.commit };
  }

  /** What a build of the trunk itself is composed of: the trunk as it is. */
  itself(): Composed {
    return { commit: this.commit, tree: sha(this.#tree.toString(16)), trunk: this.commit };
  }

  /** Lands the batches of one push, each with its changes and the commit that was tested. Answers runway's outcomes, in order. */
  land(batches: readonly { readonly changes: readonly number[]; readonly tested: Composed }[]): LandOutcome[] {
    const onto = this.commit;
    return batches.map(({ changes, tested }) => {
      for (const n of changes) this.#tree = plus(this.#tree, n);
      this.#move();
      const { commit } = this;
      const tree = sha(this.#tree.toString(16));
      return { kind: "landed", commit, tree, testedTree: tested.tree, commits: [commit], onto };
    });
  }
}

const plus = (sum: number, part: string | number): number => (sum + hash32(`in the tree: ${part}`)) % 2 ** 48;
