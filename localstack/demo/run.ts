import { setTimeout as pause } from "node:timers/promises";
import type { QueueClient } from "../../client/client.ts";
import { rowOf } from "../../client/watch/look.ts";
import { STATUSES } from "../../functions/contracts/log-event.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { makeChange } from "./changes.ts";
import type { Display } from "./display.ts";
import { howLandedOf } from "./how-landed.ts";
import type { RequestReport } from "./report.ts";
import type { ChangePlan, RequestPlan } from "./request-plan.ts";
import { trailOf } from "./trail.ts";

const LOOK_EVERY_MS = 300;
/** What a planner thinks of a request that waits may change without an event: the demo looks after so many milliseconds in any case. */
const LOOK_ANYWAY_MS = 3_000;

export interface Run {
  readonly sandbox: Sandbox;
  readonly seed: number;
  readonly client: QueueClient;
  readonly display: Display;
  /** True when anything has happened in the queue since the last call. */
  readonly hasNews: () => boolean;
  /** Gives up, with what was seen so far, when it aborts. */
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** Makes the changes, requests each as it is made, and watches until all requests have ended or the time is up. */
export async function runRequests(run: Run, plans: readonly RequestPlan[]): Promise<readonly RequestReport[]> {
  const reports: RequestReport[] = [];
  let asking = true;
  const ask = async () => {
    for (const plan of plans) {
      await predecessorHasJoined(run, plan, reports);
      if (run.signal.aborted) return;
      reports.push(await request(run, plan));
    }
  };
  const asked = ask().finally(() => {
    asking = false;
  });
  // Awaited below; until then a failure must not go unhandled.
  asked.catch(() => {});
  let lookAt = 0;
  while (!run.signal.aborted && (asking || reports.some(({ ended }) => !ended))) {
    if (run.hasNews() || run.now() >= lookAt) {
      await look(run, reports);
      run.display.show(reports);
      lookAt = run.now() + LOOK_ANYWAY_MS;
    }
    await pause(LOOK_EVERY_MS);
  }
  await asked;
  return reports;
}

async function predecessorHasJoined({ signal }: Run, { after }: RequestPlan, reports: readonly RequestReport[]) {
  const joined = ({ status, ended }: RequestReport) => ended || STATUSES.indexOf(status) >= STATUSES.indexOf("batched");
  const isAwaited = (report: RequestReport) => report.plan === after && !joined(report);
  while (!signal.aborted && reports.some(isAwaited)) await pause(LOOK_EVERY_MS / 2);
}

async function request({ sandbox, seed, client, now }: Run, plan: RequestPlan): Promise<RequestReport> {
  const changes = [];
  for (const change of plan.changes) changes.push(await makeChange(sandbox, change, seed));
  const summary = await client.land(changes);
  const { sqid, status, ended, receivedAt } = summary;
  const titles = plan.changes.map(titleOf);
  const elapsedMs = Math.max(0, now() - Date.parse(receivedAt));
  return {
    sqid,
    changes,
    titles,
    plan,
    status,
    ended,
    elapsedMs,
    trail: [status],
    howLanded: { bypassed: [], landedTogether: 0 },
    row: rowOf(summary, { builds: [], sentence: "" }),
  };
}

const titleOf = ({ folder, name }: ChangePlan): string => `${folder}: ${name}`;

/** Brings every report that is still open up to date. */
async function look({ client, now }: Run, reports: RequestReport[]): Promise<void> {
  await Promise.all(
    reports.map(async (report, i) => {
      if (report.ended) return;
      const summary = await client.request(report.sqid);
      // After the summary, so that the trail of an ended request is whole.
      const [history, why] = await Promise.all([client.history(report.sqid), client.why(report.sqid)]);
      const until = summary.ended ? Date.parse(summary.updatedAt) : now();
      reports[i] = {
        ...report,
        status: summary.status,
        ended: summary.ended,
        ...(summary.reason ? { reason: summary.reason } : {}),
        elapsedMs: Math.max(0, until - Date.parse(summary.receivedAt)),
        trail: trailOf(history),
        howLanded: howLandedOf(history),
        row: rowOf(summary, why),
      };
    }),
  );
}
