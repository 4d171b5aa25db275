import { expect, it, vi } from "vitest";
import { openTopics } from "../../localstack/embedded/topics.ts";
import { aStateDirectory } from "./fixture/runtime.ts";

const NOTES = { name: "notes", arn: "arn:aws:sqs:us-east-1:000000000000:notes", attributes: {} };
const open = (directory: string) => openTopics(directory, [NOTES as never], (name) => `http://sqs.invalid/${name}`);

it("leaves messages that come back after the end of the runtime to the next one", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const directory = aStateDirectory();
  const topics = await open(directory);
  for (const MessageBody of ["failed", "done"])
    await topics.answer("SendMessage", { QueueUrl: "http://sqs.invalid/notes", MessageBody });
  const subscription = topics.subscribe(NOTES.arn, () => {});
  const [failed = [], done = []] = [subscription.take(1), subscription.take(1)];
  subscription.giveBack(failed, 1_000);
  await topics.close();
  subscription.done(done);
  vi.runAllTimers();
  const next = await open(directory);
  expect(next.depths()).toEqual(new Map([["notes", 2]]));
  const bodies = next
    .subscribe(NOTES.arn, () => {})
    .take(10)
    .map(({ body }) => body);
  expect(bodies.sort()).toEqual(["done", "failed"]);
  await next.close();
});
