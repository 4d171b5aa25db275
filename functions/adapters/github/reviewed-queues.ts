import { type ChangeUri, changeOf } from "../../contracts/change-uri.ts";
import type { GitSha } from "../../contracts/ids.ts";
import type { QueueConfig } from "../../contracts/queues.ts";
import { type Reason, reasonOf } from "../../contracts/reasons.ts";
import { targetsInLabels, targetsOfAll } from "../../domain/named-targets.ts";
import type { Member, Standing, Terms } from "../../domain/pull-request.ts";
import { obstacleTo, standingOf } from "../../domain/pull-request.ts";
import type { Clients } from "../aws-clients.ts";
import { providerClients } from "./provider-clients.ts";
import { pullChecks } from "./pull-checks.ts";
import { pullFacts } from "./pull-facts.ts";
import { squashMessages } from "./squash-messages.ts";
import { targetsOfCheck } from "./target-check.ts";

type Changes = readonly ChangeUri[];

/** Whether pull requests may land, by GitHub's word. Asks nothing for a queue whose change provider is not `github`. */
export interface ReviewedQueues {
  /**
   * Where a request stands that is in admission. One call, two where GitHub gives no verdict on a review; where checks are
   * waited for, two more and two per pull request. Throws github.limited, github.unavailable, config.invalid.
   */
  standing(queue: QueueConfig, changes: Changes): Promise<Standing>;
  /**
   * What the squash of each change says, by its pull request; undefined where the commits say it. One call per change. Throws as `standing`.
   */
  messages(queue: QueueConfig, changes: Changes): Promise<readonly string[] | undefined>;
  /**
   * The build targets that a request affects, by its pull requests' labels or by a check on its commits, as the queue's conflict analyzer has
   * it. Undefined when they are not known. One call or two for labels, one per change for a check, none for a queue that reads neither.
   * Throws as `standing`.
   */
  targets(queue: QueueConfig, changes: Changes): Promise<readonly string[] | undefined>;
  /**
   * Why requests that are about to be pushed must not land, by their keys. `moved`: the commits that their landing has moved head branches to.
   * One or two calls for all of them. Throws as `standing`.
   */
  obstacles<K>(
    queue: QueueConfig,
    requests: ReadonlyMap<K, Changes>,
    moved?: ReadonlyMap<ChangeUri, GitSha>,
  ): Promise<ReadonlyMap<K, Reason>>;
}

export function reviewedQueues(clients: Pick<Clients, "secrets" | "now">): ReviewedQueues {
  const clientOf = providerClients(clients);
  const read = async (queue: QueueConfig, changes: Changes, withChecks: boolean) => {
    const { repository, changeProvider, ownCheck } = queue;
    if (changeProvider?.type !== "github") return undefined;
    const client = await clientOf(queue);
    const pulls = changes.flatMap((uri) => pullIn(uri) ?? []);
    const { facts, rule } = await pullFacts(client, pulls, repository.branch);
    const heads = withChecks ? facts.map(({ head }) => head) : [];
    const checks = await pullChecks(client, heads, { branch: repository.branch, ownCheck });
    const whole = facts.map((one) => (withChecks ? { ...one, checks: checks.get(one.head) } : one));
    const terms: Terms = { branch: repository.branch, waitFor: changeProvider.waitFor, rule };
    return {
      terms,
      membersOf: (of: Changes, moved: ReadonlyMap<ChangeUri, GitSha> = new Map()): readonly Member[] =>
        of.flatMap((uri) =>
          memberOf(uri, (number) => whole.find((one) => one.number === number)).map((member) =>
            "facts" in member && member.facts !== undefined && moved.get(uri) === member.facts.head
              ? { ...member, isMoved: true }
              : member,
          ),
        ),
    };
  };

  return {
    async standing(queue, changes) {
      const foreign = foreignTo(queue, changes);
      if (foreign !== undefined) return { kind: "refused", reason: foreign };
      const withChecks = queue.changeProvider?.type === "github" && queue.changeProvider.waitFor.includes("checks");
      const found = await read(queue, changes, withChecks);
      return found === undefined ? { kind: "fit" } : standingOf(found.membersOf(changes), found.terms);
    },

    async messages(queue, changes) {
      if (queue.squashMessage === "commits" || queue.changeProvider?.type !== "github") return undefined;
      return squashMessages(await clientOf(queue), changes);
    },

    async targets(queue, changes) {
      const { conflictAnalyzer: analyzer } = queue;
      if (analyzer.type !== "targets") return undefined;
      const { labels: pattern, check } = analyzer;
      if (pattern !== undefined) {
        const found = await read(queue, changes, false);
        const members = found?.membersOf(changes) ?? [];
        const labels = members.flatMap((member) => ("number" in member && member.facts ? [member.facts.labels] : []));
        return labels.length < changes.length
          ? undefined
          : targetsOfAll(labels.map((one) => targetsInLabels(pattern, one)));
      }
      if (check === undefined) return undefined;
      const client = await clientOf(queue);
      const named = typeof check === "string" ? { name: check } : check;
      return targetsOfAll(
        await Promise.all(
          changes.map(async (uri) => {
            const change = changeOf(uri);
            return "sha" in change ? targetsOfCheck(client, change.sha, named) : undefined;
          }),
        ),
      );
    },

    async obstacles(queue, requests, moved = new Map()) {
      const found = await read(queue, [...requests.values()].flat(), false);
      if (found === undefined) return new Map();
      const obstacles = [...requests].flatMap(([key, changes]) => {
        const reason = obstacleTo(found.membersOf(changes, moved), found.terms);
        return reason === undefined ? [] : [[key, reason] as const];
      });
      return new Map(obstacles);
    },
  };
}

const pullIn = (uri: ChangeUri): number | undefined => {
  const change = changeOf(uri);
  return change.scheme === "github" ? change.pull : undefined;
};

function memberOf(uri: ChangeUri, factsOf: (pull: number) => Extract<Member, { number: number }>["facts"]): Member[] {
  const change = changeOf(uri);
  switch (change.scheme) {
    case "github":
      return [{ number: change.pull, commit: change.sha, facts: factsOf(change.pull) }];
    case "git":
      return [{ branch: change.ref.replace(/^refs\/heads\//, ""), commit: change.sha }];
    case "phab":
      return [];
  }
}

/** Why a change is none of the queue's repository. Undefined when all are. */
function foreignTo({ name, changeProvider }: QueueConfig, changes: Changes): Reason | undefined {
  if (changeProvider?.type !== "github") return undefined;
  const { repository = "" } = changeProvider;
  const isForeign = (uri: ChangeUri) => {
    const change = changeOf(uri);
    return change.scheme === "github" && change.repo.toLowerCase() !== repository.toLowerCase();
  };
  const foreign = changes.find(isForeign);
  if (foreign === undefined) return undefined;
  return reasonOf(
    "change.unsupported",
    `${foreign} is of another repository: the queue ${name} lands pull requests of ${repository}.`,
  );
}
