import type { Row } from "../../client/watch/row.ts";
import type { ChangeUri } from "../../functions/contracts/change-uri.ts";
import type { Status } from "../../functions/contracts/log-event.ts";
import type { Reason } from "../../functions/contracts/reasons.ts";
import { type HowLanded, totalsOf } from "./how-landed.ts";
import type { TrunkReport } from "./proof.ts";
import type { RequestPlan } from "./request-plan.ts";

/** A request as the demo last saw it. */
export interface RequestReport {
  readonly sqid: string;
  readonly changes: readonly ChangeUri[];
  /** What the changes are called, for people. */
  readonly titles: readonly string[];
  readonly plan: RequestPlan;
  readonly status: Status;
  readonly ended: boolean;
  readonly reason?: Reason;
  /** From its receipt to its end, or to now. */
  readonly elapsedMs: number;
  readonly trail: readonly string[];
  readonly howLanded: HowLanded;
  /** The request in the live view. */
  readonly row: Row;
}

/** True when a request landed, and the trunk held all of it already. */
export const addedNothing = ({ reason }: Pick<RequestReport, "reason">): boolean =>
  reason?.code === "landed.nothing_new";

/** What went otherwise than it should, one sentence each; empty when all is well. */
export function surprises(requests: readonly RequestReport[], trunk: TrunkReport): string[] {
  const found: string[] = [];
  for (const request of requests) {
    const { sqid, titles, status, reason } = request;
    const { expected } = request.plan;
    const how = status === "error" && reason ? reason.code : status;
    if (how !== expected) found.push(`${sqid} (${titles.join(", ")}) should have ended ${expected}, and is ${how}.`);
  }
  const points = trunk.commits.filter(({ point }) => point);
  for (const { sha, subject } of points.filter(({ passed }) => passed !== true))
    found.push(`The check fails at ${sha.slice(0, 10)} (${subject}), a commit point of the trunk.`);
  const landed = requests.filter((request) => request.status === "landed" && !addedNothing(request)).length;
  if (points.length !== landed)
    found.push(`${landed} requests landed, and the trunk has ${points.length} commit points.`);
  return found;
}

/** What `--json` prints. */
export const documentOf = (requests: readonly RequestReport[], trunk: TrunkReport) => ({
  requests: requests.map(({ sqid, changes, status, reason, elapsedMs, trail, howLanded }) => ({
    sqid,
    changes,
    status,
    reason: reason ?? null,
    elapsedMs,
    trail,
    ...howLanded,
  })),
  totals: {
    requests: requests.length,
    landed: requests.filter(({ status }) => status === "landed").length,
    ...totalsOf(requests.map(({ howLanded }) => howLanded)),
  },
  trunk,
});

/** What there was to see, a paragraph a line, once all went as it should. */
export function lesson(requests: readonly RequestReport[], trunk: TrunkReport): string {
  const landed = requests.filter(({ status }) => status === "landed").length;
  const points = trunk.commits.filter(({ point }) => point).length;
  const said = [
    `${landed} of ${requests.length} requests landed, and the check passes at all ${points} commit points.`,
    ...sharedLandings(requests),
  ];
  for (const { sqid, titles, plan } of requests)
    if (plan.expected === "build.failed")
      said.push(
        `${sqid} (${titles.join(", ")}) was refused, as it must be: its check passes on the trunk it was made on, and it merges without a conflict, but it calls a function that another of the changes has renamed. The queue built the two together.`,
      );
  return said.join("\n");
}

/**
 * Lines about requests that landed before a request ahead of them, and about requests that landed in one push. None when there is no such
 * request.
 */
function sharedLandings(requests: readonly RequestReport[]): string[] {
  const { bypassing, inSharedPushes, largestPush } = totalsOf(requests.map(({ howLanded }) => howLanded));
  const names = (of: readonly RequestReport[]) => of.map(({ sqid }) => sqid).join(", ");
  const said: string[] = [];
  if (bypassing > 0) {
    const pairs = requests.flatMap(({ sqid, howLanded: { bypassed } }) =>
      bypassed.length > 0 ? [`${sqid} past ${bypassed.join(" ")}`] : [],
    );
    said.push(`${bypassing} landed past a slower one (${pairs.join(", ")})`);
  }
  if (inSharedPushes > 0 && inSharedPushes === largestPush)
    said.push(
      `${inSharedPushes} landed in one push (${names(requests.filter(({ howLanded }) => howLanded.landedTogether > 1))})`,
    );
  else if (inSharedPushes > 0) said.push(`${inSharedPushes} shared a push with others, up to ${largestPush} in one`);
  return said.length === 0 ? [] : [`${said.join("; ")}.`];
}
