import { pullsStore } from "../../adapters/dynamodb/pulls-store.ts";
import { need } from "../../adapters/settings.ts";
import { sendAll } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { eventsTopic, type PullMessage, pullsTopic } from "../../contracts/github.ts";
import { LifecycleEvent } from "../../contracts/lifecycle-event.ts";
import { leftOut } from "../left-out.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";

/** Has the pull requests of a request looked at when something has become of the request. One GetItem, and one message per pull request. */
export const wire: Wire = (env, clients) => {
  const store = pullsStore(clients.dynamodb, need(env, ENV.pullsTable), leftOut(clients.log));
  const topic = need(env, ENV.pullsTopic);
  const events = { ...eventsTopic, schema: LifecycleEvent };
  return queueHandler({ topic: events, clients, deadLetters: need(env, ENV.deadLetters) }, async ({ id, data }) => {
    if (!("sqid" in data)) return;
    const place = await store.placeOf(data.sqid);
    if (place === undefined) return;
    const { repository } = place;
    const looks = place.pulls.map((pull): PullMessage => ({ v: 1, kind: "look", repository, pull, id, verify: false }));
    await sendAll(clients.sqs, topic, pullsTopic, looks);
  });
};

export const handler = onLambda(wire);
