import type { Preflight } from "../../functions/contracts/api/question-views.ts";
import type { Me } from "../../functions/contracts/api/service-views.ts";
import { budgetAdvice } from "../../functions/contracts/budget-size.ts";
import type { QueueClient } from "../client.ts";
import type { QueueNow } from "../queue-now.ts";
import { type Finding, skipped } from "./finding.ts";
import { remoteBranch } from "./git.ts";
import { modeOf } from "./queue-lines.ts";
import type { Session } from "./session.ts";

/** How the queue runs, what the caller may do in it, whether it can build, and whether its budget is large enough. */
export async function queueFindings(session: Session, me: Me): Promise<readonly Finding[]> {
  try {
    const queue = await session.queue();
    const now = await queue.show();
    return [
      modeFinding(now),
      ...unreadableFindings(now),
      rightsFinding(now.name, me),
      await repositoryFinding(now),
      ...(await buildFindings(queue)),
      budgetFinding(now),
    ];
  } catch (error) {
    if (session.interrupted.aborted) throw error;
    const says = error instanceof Error ? error.message : String(error);
    return [
      { check: "queue", state: "problem", says },
      ...["rights", "branch", "builds", "budget"].map((check) => skipped(check, "needs the queue")),
    ];
  }
}

const EFFECTS = {
  open: "",
  paused: "nothing lands until it is resumed",
  draining: "it takes nothing new until it is resumed",
} as const satisfies Record<QueueNow["mode"], string>;

function modeFinding(now: QueueNow): Finding {
  const says = `${now.name} is ${modeOf({ colours: false }, now)}`;
  if (now.mode === "open") return { check: "queue", state: "ok", says };
  const effect: string | undefined = EFFECTS[now.mode];
  return { check: "queue", state: "warning", says: effect === undefined ? says : `${says} (${effect})` };
}

/** What a newer release has written of the queue, and this one leaves out. */
const unreadableFindings = ({ unreadable = 0 }: QueueNow): readonly Finding[] =>
  unreadable === 0
    ? []
    : [
        {
          check: "queue",
          state: "problem",
          says: `${unreadable} of its entries can't be read, because a newer release wrote them, and are left out: deploy that release again`,
        },
      ];

const VERBS = {
  land: "land",
  cancelOthers: "cancel requests of others",
  priority: "set priorities",
  operate: "pause, drain and resume",
} as const;

function rightsFinding(queue: string, me: Me): Finding {
  const rights = me.queues.find(({ name }) => name === queue)?.rights;
  const may = (wanted: boolean) =>
    Object.entries(VERBS).flatMap(([right, verb]) => (rights?.[right as keyof typeof VERBS] === wanted ? [verb] : []));
  const [can, cannot] = [may(true), may(false)];
  if (cannot.length === 0) return { check: "rights", state: "ok", says: `you may ${can.join("; ")}` };
  const lacks = `not ${cannot.join("; ")}`;
  if (rights?.land === true) return { check: "rights", state: "ok", says: `you may ${can.join("; ")}; ${lacks}` };
  return {
    check: "rights",
    state: "problem",
    says: `you may not land in ${queue}: access.land in queues.yaml names who may. You may ${can.join("; ") || "look"}`,
  };
}

/** Whether the repository has the queue's branch. A repository that this machine can't read is a warning: the queue may be able to read it. */
async function repositoryFinding({ repository, branch }: QueueNow): Promise<Finding> {
  const check = "branch";
  const found = await remoteBranch(repository, branch);
  if (found === "no answer")
    return { check, state: "warning", says: `not known: ${repository} can't be read from here, as git ls-remote says` };
  if (found === "no branch")
    return {
      check,
      state: "problem",
      says: `${repository} has no branch ${branch}: create it, or name another in queues.yaml`,
    };
  return { check, state: "ok", says: `${branch} is at ${found.commit.slice(0, 12)}` };
}

const STATES = { ok: "ok", problem: "problem", unknown: "warning" } as const;

async function buildFindings(queue: QueueClient): Promise<readonly Finding[]> {
  const preflight: Preflight = await queue.preflight();
  const { state, sentence, findings = [] } = preflight;
  if (state === "answered" && findings.length > 0)
    return findings.map(({ kind, sentence: says }) => ({
      check: "builds",
      state: Object.hasOwn(STATES, kind) ? STATES[kind] : "warning",
      says,
    }));
  if (state === "answered") return [{ check: "builds", state: "ok", says: sentence }];
  const says = state === "failed" ? sentence : "not known: the orchestrator has not answered. Try again in a minute";
  return [{ check: "builds", state: "warning", says }];
}

function budgetFinding({ budget, load }: QueueNow): Finding {
  const check = "budget";
  if (budget === undefined || load?.buildMinutes === undefined)
    return { check, state: "ok", says: "no build has ended in the last day: nothing to measure it by" };
  const { receivedLastHour: changesPerHour, buildMinutes } = load;
  const advice = budgetAdvice({ budget, changesPerHour, buildMinutes });
  if (advice !== undefined) return { check, state: "warning", says: `${advice} Raise budget in queues.yaml.` };
  return {
    check,
    state: "ok",
    says: `${budget} at once suffices: ${changesPerHour} ${changesPerHour === 1 ? "change" : "changes"} in the last hour, builds of ${buildMinutes === 0 ? "a few seconds" : `${buildMinutes} minutes`}`,
  };
}
