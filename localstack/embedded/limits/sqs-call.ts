import type { TopicAnswer, Topics } from "../topics.ts";
import { screenMessages } from "./sqs.ts";

/** Answers a call of SQS' JSON protocol as SQS would within its limits. Throws AwsError when SQS refuses the whole call. */
export async function answerWithin(
  topics: Pick<Topics, "answer">,
  operation: string,
  input: Readonly<Record<string, unknown>>,
): Promise<TopicAnswer> {
  const screened = screenMessages(operation, input);
  if (screened.failed.length === 0) return topics.answer(operation, input);
  const { Entries } = screened.input;
  const isEmpty = Array.isArray(Entries) && Entries.length === 0;
  const answered: TopicAnswer = isEmpty
    ? { status: 200, headers: { "content-type": "application/x-amz-json-1.0" }, body: '{"Successful":[]}' }
    : await topics.answer(operation, screened.input);
  if (answered.status !== 200) return answered;
  const { Failed = [], ...rest } = JSON.parse(answered.body);
  return { ...answered, body: JSON.stringify({ ...rest, Failed: [...screened.failed, ...Failed] }) };
}
