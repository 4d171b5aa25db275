import * as z from "zod";
import { pullsStore } from "../../adapters/dynamodb/pulls-store.ts";
import { need } from "../../adapters/settings.ts";
import { sendAll } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { eventsTopic, type PullMessage, pullsTopic } from "../../contracts/github.ts";
import { Sqid } from "../../contracts/ids.ts";
import { pullsIn } from "../../domain/github/pulls-in.ts";
import { leftOut } from "../left-out.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";

/**
 * What is read of a lifecycle event: of which request it is, and what has landed. A newer gateway may publish types, reasons and other names
 * that this release does not list; the look asks the gateway itself what has become of the request.
 */
const Happened = z.object({
  id: z.string().min(1).max(512),
  data: z.object({
    sqid: Sqid.optional(),
    status: z.string().optional(),
    changes: z.array(z.string()).default([]),
    changesLeftOut: z.int().nonnegative().default(0),
  }),
});
type Happened = z.infer<typeof Happened>;

/**
 * Has the pull requests of a request looked at when something has become of the request. For a request that was not asked for on GitHub: when
 * it has landed, and not before. One GetItem, and one message per pull request.
 */
export const wire: Wire = (env, clients) => {
  const store = pullsStore(clients.dynamodb, need(env, ENV.pullsTable), leftOut(clients.log));
  const topic = need(env, ENV.pullsTopic);
  const events = { ...eventsTopic, schema: Happened };
  return queueHandler({ topic: events, clients, deadLetters: need(env, ENV.deadLetters) }, async (event) => {
    const { sqid } = event.data;
    if (sqid === undefined) return;
    const place = await store.placeOf(sqid);
    const looks = place === undefined ? looksOfLanding(event, sqid) : looksAt(place, event);
    await sendAll(clients.sqs, topic, pullsTopic, looks);
  });
};

export const handler = onLambda(wire);

const looksAt = (
  { repository, pulls }: { readonly repository: string; readonly pulls: readonly number[] },
  { id }: Happened,
): readonly PullMessage[] => pulls.map((pull) => ({ v: 1, kind: "look", repository, pull, id, verify: false }));

/** None before the landing. The first look also stands for the changes that the event has no room for. */
const looksOfLanding = ({ id, data }: Happened, sqid: Sqid): readonly PullMessage[] =>
  data.status !== "landed"
    ? []
    : pullsIn(data.changes).map(({ repository, pull }, index) => {
        const landing = { sqid, leftOut: index === 0 ? data.changesLeftOut : 0 };
        return { v: 1, kind: "look", repository, pull, id, verify: false, landing };
      });
