import type { AskedQuestion } from "../../../adapters/dynamodb/view-items.ts";
import { WaitQuery } from "../../../contracts/api/fields.ts";
import type { Trial as ShownTrial } from "../../../contracts/api/question-views.ts";
import { questionIdOf, RequestNumber, sqidOf } from "../../../contracts/ids.ts";
import type { Land, Question, Trial } from "../../../contracts/messages/request-messages.ts";
import type { Answer } from "../../../contracts/questions.ts";
import type { Answer as Reply, Route } from "../../http.ts";
import type { Call } from "../../http-call.ts";
import { answerOf, ask, askedBefore, NOT_YET, shownQuestion } from "../asking.ts";
import type { Gateway } from "../gateway.ts";

/** Trials of the same changes within this time are one: what is asked twice at once is merged once. */
const SAME_FOR_MS = 10_000;

/** A Land that lands nothing: would these changes be admitted, and do they merge? The calls of `ask`. */
export async function tryLand(
  gateway: Gateway,
  call: Call,
  { queue, changes, strategy }: Pick<Land, "queue" | "changes" | "strategy">,
  seconds: number,
): Promise<Reply> {
  const id = questionIdOf("trial", queue, Math.floor(gateway.now() / SAME_FOR_MS), strategy, ...changes);
  // Stands for the number of a request, which a trial has none of.
  const sqid = sqidOf(queue, RequestNumber.parse(1));
  const asked = await ask(gateway, { v: 1, kind: "trial", queue, id, step: { sqid, changes, strategy } }, seconds);
  return answerOf(call, asked, shownTrial(asked));
}

/** A trial and what came of it. GetItem; two more per second of waiting. */
export const trial = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues/{queue}/trials/{id}",
  takes: Object.keys(WaitQuery.shape),
  answer: async (call) => {
    const { wait } = call.query(WaitQuery);
    const asked = await askedBefore(gateway, call, "trial", wait);
    return { status: 200, body: shownTrial(asked) };
  },
});

function shownTrial(asked: AskedQuestion): ShownTrial {
  const { changes, strategy } = stepOf(asked.question);
  return { ...shownQuestion(asked), changes, strategy, ...outcomeOf(asked.answer) };
}

const stepOf = (question: Question): Trial["step"] => {
  if (question.kind === "trial") return question.step;
  throw new TypeError(`${question.id} is no trial`);
};

type Outcome = Omit<ShownTrial, "id" | "queue" | "askedAt" | "expiresAt" | "changes" | "strategy">;

function outcomeOf(answer: Answer | undefined): Outcome {
  switch (answer?.kind) {
    case undefined:
    case "examined":
      return { state: "waiting", sentence: NOT_YET };
    case "failed":
      return { state: "failed", sentence: answer.sentence };
    case "refused": {
      const { reason, conflicts, touches } = answer;
      return {
        state: "answered",
        sentence: reason.message,
        mergeable: false,
        reason,
        ...(conflicts === undefined ? {} : { conflicts }),
        ...(touches === undefined ? {} : { touches }),
      };
    }
    case "mergeable": {
      const { trunk, touches, waits } = answer;
      const sentence = `The changes merge onto ${trunk.slice(0, 12)}, where the branch is. This was a trial: nothing lands.`;
      return {
        state: "answered",
        sentence,
        mergeable: true,
        trunk,
        touches,
        ...(waits === undefined ? {} : { waits }),
      };
    }
  }
}
