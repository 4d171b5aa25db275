import * as z from "zod";
import { pullsStore } from "../../adapters/dynamodb/pulls-store.ts";
import { need } from "../../adapters/settings.ts";
import { sendAll } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { eventsTopic, type PullMessage, pullsTopic } from "../../contracts/github.ts";
import { Sqid } from "../../contracts/ids.ts";
import { leftOut } from "../left-out.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";

/**
 * What is read of a lifecycle event: of which request it is. A newer gateway may publish types, reasons and other names that this release does
 * not list; the look asks the gateway itself what has become of the request.
 */
const Happened = z.object({ id: z.string().min(1).max(512), data: z.object({ sqid: Sqid.optional() }) });

/** Has the pull requests of a request looked at when something has become of the request. One GetItem, and one message per pull request. */
export const wire: Wire = (env, clients) => {
  const store = pullsStore(clients.dynamodb, need(env, ENV.pullsTable), leftOut(clients.log));
  const topic = need(env, ENV.pullsTopic);
  const events = { ...eventsTopic, schema: Happened };
  return queueHandler({ topic: events, clients, deadLetters: need(env, ENV.deadLetters) }, async ({ id, data }) => {
    if (data.sqid === undefined) return;
    const place = await store.placeOf(data.sqid);
    if (place === undefined) return;
    const { repository } = place;
    const looks = place.pulls.map((pull): PullMessage => ({ v: 1, kind: "look", repository, pull, id, verify: false }));
    await sendAll(clients.sqs, topic, pullsTopic, looks);
  });
};

export const handler = onLambda(wire);
