import type { AskedQuestion } from "../../../adapters/dynamodb/view-items.ts";
import { WaitQuery } from "../../../contracts/api/fields.ts";
import type { Preflight } from "../../../contracts/api/question-views.ts";
import { ResumeBody } from "../../../contracts/api/queue-calls.ts";
import { questionIdOf } from "../../../contracts/ids.ts";
import type { Answer } from "../../../contracts/questions.ts";
import type { Route } from "../../http.ts";
import { answerOf, ask, askedBefore, NOT_YET, shownQuestion } from "../asking.ts";
import { type Gateway, queueOf } from "../gateway.ts";

/** Preflights of a queue within this time are one: each costs some calls of the CI system. */
const SAME_FOR_MS = 30_000;

/** Can the queue build, and which checks do its builds wait for? The calls of `ask`. */
export const askPreflight = (gateway: Gateway): Route => ({
  method: "POST",
  path: "/v1/queues/{queue}/preflights",
  takes: Object.keys(WaitQuery.shape),
  answer: async (call) => {
    const { name: queue } = queueOf(gateway, call);
    const { wait } = call.query(WaitQuery);
    call.body(ResumeBody, {});
    const id = questionIdOf("preflight", queue, Math.floor(gateway.now() / SAME_FOR_MS));
    const asked = await ask(gateway, { v: 1, kind: "preflight", queue, id }, wait);
    return answerOf(call, asked, shownPreflight(asked));
  },
});

/** A preflight and what came of it. GetItem; two more per second of waiting. */
export const preflight = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/preflights/{id}",
  takes: Object.keys(WaitQuery.shape),
  answer: async (call) => {
    const { wait } = call.query(WaitQuery);
    return { status: 200, body: shownPreflight(await askedBefore(gateway, call, "preflight", wait)) };
  },
});

const shownPreflight = (asked: AskedQuestion): Preflight => ({ ...shownQuestion(asked), ...outcomeOf(asked.answer) });

function outcomeOf(answer: Answer | undefined): Pick<Preflight, "state" | "sentence" | "canBuild" | "findings"> {
  if (answer?.kind === "failed") return { state: "failed", sentence: answer.sentence };
  if (answer?.kind !== "examined") return { state: "waiting", sentence: NOT_YET };
  const { findings } = answer;
  const problems = findings.filter(({ kind }) => kind === "problem").map(({ sentence }) => sentence);
  return {
    state: "answered",
    sentence: sentenceOf(findings.length, problems),
    canBuild: problems.length === 0,
    findings,
  };
}

function sentenceOf(findings: number, problems: readonly string[]): string {
  if (problems.length > 0) return problems.join(" ");
  return findings === 0 ? "The build runner of this queue can only be checked by a build." : "The queue can build.";
}
