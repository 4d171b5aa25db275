import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { QuestionId, QueueName } from "../../contracts/ids.ts";
import type { Question } from "../../contracts/messages/request-messages.ts";
import type { Answered } from "../../contracts/questions.ts";
import { KEY, viewKeys } from "../../contracts/tables.ts";
import { type EpochMs, epochMs, isAhead } from "../../contracts/time.ts";
import { stored, won } from "../aws-errors.ts";
import { parseItem } from "./stored-item.ts";
import { AskedQuestion } from "./view-items.ts";

/** How long a question and its answer are kept. */
const KEEP_SECONDS = 3_600;

export const expiryOf = ({ askedAt }: AskedQuestion): EpochMs => epochMs(askedAt + KEEP_SECONDS * 1_000);

/** The part of the view table that holds the questions of the last hour. Every method is one call. */
export interface ViewQuestions {
  /** Stores a question. False when it is stored already. */
  ask(question: Question, now: EpochMs): Promise<boolean>;
  /** Undefined when the question was never asked, or was asked more than an hour ago. Strongly consistent. */
  question(queue: QueueName, id: QuestionId, now: EpochMs): Promise<AskedQuestion | undefined>;
  /** Stores the first answer to a question. False when an answer is stored already, or when there is no such question. */
  answer(answered: Answered): Promise<boolean>;
}

export const viewQuestions = (dynamodb: DynamoDBDocumentClient, table: string): ViewQuestions => ({
  ask(question, now) {
    const asked: AskedQuestion = { question, askedAt: now };
    const Item = {
      ...viewKeys.question(question.queue, question.id),
      ...asked,
      [KEY.ttl]: Math.floor(expiryOf(asked) / 1_000),
    };
    const put = { TableName: table, Item, ConditionExpression: "attribute_not_exists(pk)" };
    return won(`asking ${question.id} of ${question.queue}`, dynamodb.send(new PutCommand(put)));
  },

  async question(queue, id, now) {
    const get = new GetCommand({ TableName: table, Key: viewKeys.question(queue, id), ConsistentRead: true });
    const { Item } = await stored(`reading question ${id} of ${queue}`, dynamodb.send(get));
    if (Item === undefined) return undefined;
    const asked = parseItem(AskedQuestion, Item, `question ${id} of ${queue}`);
    // DynamoDB removes an expired item up to days late.
    return expiryOf(asked) <= now || isAhead(asked.askedAt, now) ? undefined : asked;
  },

  answer: ({ queue, id, answer }) =>
    won(
      `storing the answer to ${id} of ${queue}`,
      dynamodb.send(
        new UpdateCommand({
          TableName: table,
          Key: viewKeys.question(queue, id),
          UpdateExpression: "SET #answer = :answer",
          ConditionExpression: "attribute_exists(pk) AND attribute_not_exists(#answer)",
          ExpressionAttributeNames: { "#answer": "answer" },
          ExpressionAttributeValues: { ":answer": answer },
        }),
      ),
    ),
});
