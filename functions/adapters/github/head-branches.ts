import { type ChangeUri, changeOf } from "../../contracts/change-uri.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { GitSha } from "../../contracts/ids.ts";
import { fixedBecause } from "../../domain/github/head-branch.ts";
import { afterLanding } from "./after-landing.ts";
import type { GitHubClient } from "./client.ts";
import { pullRequests } from "./pull-requests.ts";

/** A pull request, and the branch that it is based on, or was. */
interface BasedPull {
  readonly pull: number;
  readonly base: string;
}

export type Movable =
  /** `bases`: what is based on another branch than the trunk: the pull request itself, and the pull requests based on its branch. */
  | { readonly kind: "movable"; readonly branch: string; readonly bases: readonly BasedPull[] }
  | { readonly kind: "fixed"; readonly why: string };

/** The head branches of pull requests that are about to land on a branch. */
export interface HeadBranches {
  /**
   * Whether the head branch of each change may be moved. Five calls per pull request, and one more. A change that GitHub does not answer for is
   * `fixed`.
   */
  movable(changes: readonly ChangeUri[]): Promise<ReadonlyMap<ChangeUri, Movable>>;
  /**
   * Bases pull requests on the trunk. One call each. Answers which could not be, and why. Throws github.limited, github.unavailable.
   */
  retarget(pulls: readonly BasedPull[]): Promise<ReadonlyMap<number, string>>;
  /** Bases open pull requests that are based on the trunk on their former base. Two calls each. Throws as `retarget`. */
  restore(pulls: readonly BasedPull[]): Promise<void>;
}

export interface Trunk {
  readonly branch: string;
  /** The branches of the repository that queues land on. */
  readonly targets: readonly string[];
}

/** So many pull requests are looked at at the same time, with four calls each: GitHub takes 100 calls at once. */
const MOST_AT_ONCE = 10;

export function headBranches(client: GitHubClient, { branch: trunk, targets }: Trunk): HeadBranches {
  const github = { ...pullRequests(client), ...afterLanding(client) };
  const repository = `${client.owner}/${client.repo}`;

  async function look(uri: ChangeUri, defaultBranch: string): Promise<Movable> {
    const change = changeOf(uri);
    if (change.scheme !== "github") return { kind: "fixed", why: "it is no pull request" };
    const pull = await github.get(change.pull);
    if (pull === undefined) return { kind: "fixed", why: "GitHub has no such pull request" };
    const { headBranch, number, base } = pull;
    const [branch, permission, sharing, based] = await Promise.all([
      github.branch(headBranch),
      github.permissionOf(pull.author),
      github.withHead(headBranch),
      github.basedOn(headBranch),
    ]);
    const kept = [trunk, defaultBranch, ...targets];
    const others = sharing.flatMap((one) => (one.number === number ? [] : [one.number]));
    const why = fixedBecause({ pull, landed: change.sha as GitSha, repository, kept, branch, permission, others });
    if (why !== undefined) return { kind: "fixed", why };
    const own = base === trunk ? [] : [{ pull: number, base }];
    return {
      kind: "movable",
      branch: headBranch,
      bases: [...own, ...based.map((above) => ({ pull: above, base: headBranch }))],
    };
  }

  return {
    async movable(changes) {
      const unanswered = (error: unknown): Movable => ({
        kind: "fixed",
        why: `GitHub did not say whether its branch may be moved: ${error instanceof Error ? error.message : String(error)}`,
      });
      try {
        const { defaultBranch } = await github.settings();
        const found: (readonly [ChangeUri, Movable])[] = [];
        for (let from = 0; from < changes.length; from += MOST_AT_ONCE) {
          const looks = changes
            .slice(from, from + MOST_AT_ONCE)
            .map(async (uri) => [uri, await look(uri, defaultBranch).catch(unanswered)] as const);
          found.push(...(await Promise.all(looks)));
        }
        return new Map(found);
      } catch (error) {
        return new Map(changes.map((uri) => [uri, unanswered(error)]));
      }
    },

    async retarget(pulls) {
      const left = new Map<number, string>();
      for (const { pull } of pulls) {
        try {
          if (!(await github.retarget(pull, trunk))) left.set(pull, "GitHub refuses the base");
        } catch (error) {
          if (!(error instanceof CodedError) || error.code !== "config.invalid") throw error;
          left.set(pull, error.message);
        }
      }
      return left;
    },

    async restore(pulls) {
      for (const { pull: number, base } of pulls) {
        const pull = await github.get(number);
        if (pull?.isOpen === true && pull.base === trunk) await github.retarget(number, base);
      }
    },
  };
}
