import type { BuildNow, RequestNow } from "../contract.ts";
import type { IconName } from "../ui/drawings.ts";

/** How far a request is, in the few steps that a reader tells apart at a glance. */
export type Phase = "accepted" | "waiting" | "building" | "passed" | "landing" | "cancelled";

export interface ShownPhase {
  readonly phase: Phase;
  readonly icon: IconName;
  /** In a word or three. */
  readonly word: string;
}

const shown = (phase: Phase, word: string, icon: IconName = phase): ShownPhase => ({ phase, icon, word });

type Facts = Pick<RequestNow, "status" | "blocker"> & { readonly builds: readonly Pick<BuildNow, "state">[] };

/** The phase of a request in flight. Example: speculating with a running build is `building`. */
export function phaseOf({ status, blocker, builds }: Facts): ShownPhase {
  switch (status) {
    case "accepted":
      return shown("accepted", "accepted");
    case "started":
    case "validating":
    case "validated":
      return admissionOf(blocker);
    case "cancelling":
    case "cancelled":
      return shown("cancelled", status);
    case "landing":
    case "speculated":
    case "landed":
      return blocker === "host"
        ? shown("landing", "push refused")
        : shown("landing", status === "landed" ? "landed" : "landing");
    default:
      return builds.some(({ state }) => state === "running") ? shown("building", "building") : waitOf(blocker, builds);
  }
}

/** What a request does before it enters the queue. */
function admissionOf(blocker: string | undefined): ShownPhase {
  if (blocker === "repository") return shown("waiting", "repository down");
  if (blocker === "review") return shown("waiting", "waits for review");
  if (blocker === "checks") return shown("waiting", "waits for checks");
  return shown("accepted", "checking");
}

function waitOf(blocker: string | undefined, builds: Facts["builds"]): ShownPhase {
  const passed = builds.some(({ state }) => state === "passed");
  if (blocker === "pause") return passed ? shown("passed", "passed, paused") : shown("waiting", "paused", "paused");
  if (blocker === "dependency") return shown("passed", "passed");
  if (blocker === "budget") return shown("waiting", "waits for a slot");
  if (blocker === "missing-path") return shown("waiting", "not being built", "retried");
  if (blocker === "failure") return shown("waiting", "a build failed", "retried");
  if (blocker === "trunk.red") return shown("waiting", "branch is red", "refused");
  if (blocker === "trunk.unproven") return shown("waiting", "branch is checked");
  if (blocker === "probation") return shown("waiting", "on probation");
  return passed ? shown("passed", "passed") : shown("waiting", "waiting");
}

/** The number of a sqid: 17 of `main/17`. */
export const numberOf = (sqid: string): number => Number(sqid.slice(sqid.lastIndexOf("/") + 1));

/** What a build is built on: `trunk`, `#12`, or `#12 + 3`. The change nearest to the head is named. */
export function baseLabel({ base }: Pick<BuildNow, "base">): string {
  const nearest = base.at(-1);
  if (nearest === undefined) return "trunk";
  const name = `#${numberOf(nearest)}`;
  return base.length === 1 ? name : `${name} + ${base.length - 1}`;
}

/** The requests that a request waits for, or that a build of it is built on. */
export const aheadOf = ({ on = [], builds }: Pick<RequestNow, "on" | "builds">): readonly number[] => [
  ...new Set([...on, ...builds.filter(({ state }) => state === "running").flatMap(({ base }) => base)].map(numberOf)),
];

/** What a row is to the build or the request that is looked at. */
export type Mark = "head" | "base" | "without" | "ahead" | "aside" | undefined;

/**
 * Marks rows for a build that is looked at. `head`: tested by it; `base`: assumed to land; `without`: ahead of its request, and assumed not
 * to land; `aside`: no part of it.
 */
export function marksOfBuild(request: RequestNow, build: BuildNow): (number: number) => Mark {
  const heads = new Set([request.number, ...(build.bundledWith ?? []).map(numberOf)]);
  const base = new Set(build.base.map(numberOf));
  const ahead = new Set(aheadOf(request));
  return (number) => {
    if (heads.has(number)) return "head";
    if (base.has(number)) return "base";
    return ahead.has(number) ? "without" : "aside";
  };
}

/** Marks the rows that a request waits for, those that these wait for included. */
export function marksOfRequest(requests: readonly RequestNow[], number: number): (number: number) => Mark {
  const byNumber = new Map<number, RequestNow>(requests.map((request) => [request.number, request]));
  const ahead = new Set<number>();
  const unvisited = [number];
  for (let next = unvisited.pop(); next !== undefined; next = unvisited.pop()) {
    const request = byNumber.get(next);
    for (const one of request === undefined ? [] : aheadOf(request)) {
      if (ahead.has(one)) continue;
      ahead.add(one);
      unvisited.push(one);
    }
  }
  return (other) => (other === number ? "head" : ahead.has(other) ? "ahead" : undefined);
}
