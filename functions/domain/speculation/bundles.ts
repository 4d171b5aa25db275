import { hasBit } from "../bits.ts";
import type { Field } from "../field.ts";
import type { Belief } from "./belief.ts";
import { isKnown, type Proposal, type Running, treeOf, type WaitingHead } from "./proposals.ts";

/** How large a bundle may be, how long one that is not full may wait, and how many slots of the budget are free. */
export interface BundleLimits {
  readonly maxSize: number;
  readonly maxWaitMs: number;
  readonly free: number;
}

/**
 * Groups for one build each, when more heads wait than slots are free. A bundle is a run of waiting heads in landing order, none
 * of them likely to fail. One that has failed is searched by halves: about log2(n) builds find the culprit, and what they prove of
 * the others stays proven (Dorfman, 1943, with the order kept).
 */
export function bundles(
  field: Field,
  belief: Belief,
  running: Running,
  heads: readonly WaitingHead[],
  limits: BundleLimits,
  now: number,
): Proposal[] {
  const { maxSize, maxWaitMs, free } = limits;
  const waiting = heads.filter((head) => isWaiting(field, belief, running, head));
  if (waiting.length <= free) return [];
  const size = Math.min(maxSize, Math.ceil(waiting.length / free));
  const found: Proposal[] = [];
  let group: WaitingHead[] = [];
  const close = () => {
    if (group.length > 1 && (group.length >= size || now - oldestOf(field, group) >= maxWaitMs))
      found.push(proposalOf(belief, group));
    group = [];
  };
  for (const head of waiting) {
    if (group.length >= Math.min(size, limitOf(field, group[0] ?? head))) close();
    group.push(head);
    if (limitOf(field, head) <= 1) close();
  }
  close();
  return found;
}

/** Nothing is being built for it, and its main guess has no verdict yet. */
function isWaiting(field: Field, belief: Belief, running: Running, head: WaitingHead): boolean {
  const { slot, open } = head;
  if (field.batch(slot).order === undefined || running.has(slot) || belief.lands(slot) < 0.5) return false;
  if (field.batch(slot).members.some((member) => member.strategy === "PROMOTE")) return false;
  const landing = open.filter((other) => other.lands >= 0.5).map((other) => other.slot);
  return !isKnown(field, running, slot, treeOf(field, { heads: [slot], landing }));
}

/** How many may share a bundle with it: half of the suspects of the smallest failed bundle that it leads. */
function limitOf(field: Field, { slot }: WaitingHead): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const fact of field.factsOf(slot)) {
    if (fact.passed || fact.path.heads.length < 2) continue;
    const suspects = fact.path.heads.filter((id) => {
      const other = field.slotOf(id);
      return other !== undefined && !hasBit(field.landed, other);
    }).length;
    limit = Math.min(limit, Math.max(1, suspects >> 1));
  }
  return limit;
}

const oldestOf = (field: Field, group: readonly WaitingHead[]): number =>
  Math.min(...group.map(({ slot }) => field.batch(slot).createdAt));

/** All heads at once, on everything ahead of any of them that will probably land. */
function proposalOf(belief: Belief, group: readonly WaitingHead[]): Proposal {
  const heads = group.map((head) => head.slot);
  const landing = new Set(
    group.flatMap((head) => head.open.filter((other) => other.lands >= 0.5).map((other) => other.slot)),
  );
  for (const slot of heads) landing.delete(slot);
  let logProbability = 0;
  for (const slot of landing) logProbability += Math.log(belief.lands(slot));
  return { heads, landing: [...landing], logProbability };
}
