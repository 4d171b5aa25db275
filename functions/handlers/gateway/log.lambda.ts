import { need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { isRetryable } from "../../contracts/errors.ts";
import { isEnd, type LogEvent } from "../../contracts/log-event.ts";
import { type LogMessage, logMessages, type TrunkChanged } from "../../contracts/messages/log-messages.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { groupHandler } from "../queue.ts";
import { countEnds, type RecordedEnd } from "./count-ends.ts";
import { countFlakes } from "./count-flakes.ts";
import { storesOf } from "./gateway.ts";
import { publishEntries, publishingOf, publishMode, publishTrunk } from "./publish.ts";
import { type Recorder, record, writtenSummaries } from "./record.ts";
import { noteRefusal } from "./refusals.ts";

/**
 * Consumes the log topic, the only way from the orchestrator to the request log.
 * - The entries of one request in a call are recorded together.
 * - A lifecycle event is published for every new entry, before the summary tells that the entry was seen. A crash in between brings the
 *   message back, so that every event is published at least once.
 * - An answer to a question of the gateway is stored with the question.
 * - What is told of a trunk is kept for the queue that shows it, and published.
 * - A refusal is noted with the changes of its request.
 * - Flaky tests are counted once the log holds the failure and the pass, before the summary tells that the entries were seen.
 * - Ends of requests are counted after their entries were recorded. When counting fails for a reason that may pass, the call fails and its
 *   messages come again; when it fails for good, the failure is logged.
 */
export const wire: Wire = (env, clients) => {
  const stores = storesOf(env, clients);
  const publishing = publishingOf(env, clients);
  const deadLetters = need(env, ENV.deadLetters);
  const keepTrunk = async (changed: TrunkChanged) => {
    await stores.view.setTrunk(changed, clients.now());
    await publishTrunk(publishing, changed);
  };
  const unlessItMayPass = (what: string) => (error: unknown) => {
    if (isRetryable(error)) throw error;
    clients.log.error({ err: error }, what);
  };
  const recorder: Recorder = {
    stores,
    written: writtenSummaries(),
    onNews: async (news, summary) => {
      await publishEntries(publishing, news, summary);
      await noteRefusal(stores, news, summary);
      await countFlakes(stores, news, summary).catch(unlessItMayPass("flaky tests were not counted"));
    },
  };
  return async (event, context) => {
    const ends: RecordedEnd[] = [];
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
      const summary = await record(recorder, first.sqid, entries);
      ends.push(...entries.filter(isEnd).map((end) => ({ end, summary })));
    };
    const groupOf = (message: LogMessage) => ("sqid" in message ? message.sqid : `${message.queue}#${message.kind}`);
    const consume = groupHandler({ topic: logMessages, clients, deadLetters }, work, { groupOf });
    const answer = await consume(event, context);
    await countEnds(stores, ends).catch(unlessItMayPass("ends of requests were not counted"));
    return answer;
  };
};

export const handler = onLambda(wire);
