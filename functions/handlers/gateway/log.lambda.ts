import { need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { isRetryable } from "../../contracts/errors.ts";
import type { LogEvent } from "../../contracts/log-event.ts";
import { type LogMessage, logMessages, type TrunkChanged } from "../../contracts/messages.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { groupHandler } from "../queue.ts";
import { countEnds } from "./count-ends.ts";
import { countFlakes } from "./count-flakes.ts";
import { storesOf } from "./gateway.ts";
import { publishEntries, publishingOf, publishMode, publishTrunk } from "./publish.ts";
import { record } from "./record.ts";

/**
 * Consumes the log topic: the only way in which the orchestrator's words reach the request log. The entries of one request in a batch are
 * recorded together. An answer to a question of the gateway's is kept beside the question. A lifecycle event is published of every entry that is new, before the summary tells that the entry was seen: a crash in
 * between brings the message back, so that an event comes at least once. What a batch says
 * about ends is counted once the batch is in the log, and what it says about flaky tests before. When that can't be done now, the batch comes again; when it can't be done at all, the
 * log goes on without it.
 */
export const wire: Wire = (env, clients) => {
  const stores = storesOf(env, clients);
  const publishing = publishingOf(env, clients);
  const deadLetters = need(env, ENV.deadLetters);
  const keepTrunk = async (changed: TrunkChanged) => {
    await stores.view.setTrunk(changed);
    await publishTrunk(publishing, changed);
  };
  const unlessItMayPass = (what: string) => (error: unknown) => {
    if (isRetryable(error)) throw error;
    clients.log.error({ err: error }, what);
  };
  return async (event, context) => {
    const recorded: LogEvent[] = [];
    const work = async (messages: readonly LogMessage[]) => {
      const entries: LogEvent[] = [];
      for (const message of messages) {
        if (message.kind === "mode") await publishMode(publishing, message);
        else if (message.kind === "trunk") await keepTrunk(message);
        else if (message.kind === "answer") await stores.view.answer(message);
        else entries.push(message);
      }
      const [first] = entries;
      if (first === undefined) return;
      await record(stores, first.sqid, entries, async (news, summary) => {
        await publishEntries(publishing, news, summary);
        await countFlakes(stores, news, summary).catch(unlessItMayPass("flaky tests were not counted"));
      });
      recorded.push(...entries);
    };
    const groupOf = (message: LogMessage) => ("sqid" in message ? message.sqid : `${message.queue}#${message.kind}`);
    const consume = groupHandler(logMessages, clients, deadLetters, work, { groupOf });
    const answer = await consume(event, context);
    await countEnds(stores, recorded).catch(unlessItMayPass("ends of requests were not counted"));
    return answer;
  };
};

export const handler = onLambda(wire);
