import type { AskedQuestion } from "../../adapters/dynamodb/view-items.ts";
import { expiryOf } from "../../adapters/dynamodb/view-questions.ts";
import { CodedError } from "../../contracts/errors.ts";
import { QuestionId } from "../../contracts/ids.ts";
import type { Question } from "../../contracts/messages/request-messages.ts";
import type { Call } from "../http-call.ts";
import { type Gateway, queueOf } from "./gateway.ts";
import { timestamp } from "./shown.ts";
import { lookUntil } from "./waiting.ts";

/**
 * Asks the orchestrator, and waits up to so many seconds for the answer. A repeat of a question (one with the same id) asks again only as
 * long as there is no answer. PutItem and SendMessage; a GetItem for a repeat, and two per second of waiting.
 */
export async function ask(gateway: Gateway, question: Question, seconds: number): Promise<AskedQuestion> {
  const { view, send, now } = gateway;
  const at = now();
  const isNew = await view.ask(question, at);
  const asked = isNew ? { question, askedAt: at } : await known(gateway, question);
  if (!isAnswered(asked)) await send(asked.question);
  return waited(gateway, asked, seconds);
}

const isAnswered = ({ answer }: AskedQuestion): boolean => answer !== undefined;

const waited = (gateway: Gateway, asked: AskedQuestion, seconds: number): Promise<AskedQuestion> =>
  lookUntil(asked, seconds, { look: () => known(gateway, asked.question), isDone: isAnswered });

/** Throws question.unknown. */
async function known({ view, now }: Gateway, { queue, id }: Pick<Question, "queue" | "id">): Promise<AskedQuestion> {
  const found = await view.question(queue, id, now());
  if (found !== undefined) return found;
  throw new CodedError(
    "question.unknown",
    `Queue ${queue} was asked nothing under the id ${id} within the last hour: ask again.`,
  );
}

/**
 * The question of the kind that a call names, with its answer once there is one, or after so many seconds. Throws queue.unknown,
 * question.unknown.
 */
export async function askedBefore(
  gateway: Gateway,
  call: Call,
  kind: Question["kind"],
  seconds: number,
): Promise<AskedQuestion> {
  const { name: queue } = queueOf(gateway, call);
  const id = QuestionId.safeParse(call.param("id"));
  const asked = id.success ? await known(gateway, { queue, id: id.data }) : undefined;
  if (asked?.question.kind === kind) return waited(gateway, asked, seconds);
  throw new CodedError("question.unknown", `Queue ${queue} has no ${kind} ${call.param("id").slice(0, 64)}.`);
}

/** What every question shows of itself. */
export const shownQuestion = (asked: AskedQuestion) => ({
  id: asked.question.id,
  queue: asked.question.queue,
  askedAt: timestamp(asked.askedAt),
  expiresAt: timestamp(expiryOf(asked)),
});

/** What a question says of itself as long as there is no answer. */
export const NOT_YET = "Not answered yet: ask again for this id.";

/** 200 with an answer; 202 with the address to ask again at, as long as there is none. */
export function answerOf(call: Call, asked: AskedQuestion, body: unknown) {
  const { queue, id, kind } = asked.question;
  const location = `${call.prefix}/v1/queues/${queue}/${kind}s/${id}`;
  return isAnswered(asked) ? { status: 200, body } : { status: 202, headers: { location }, body };
}
