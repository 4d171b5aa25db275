import * as z from "zod";
import { buildRunnersFor } from "../../../adapters/build-runner/index.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { isRetryable } from "../../../contracts/errors.ts";
import { looksTopic } from "../../../contracts/messages/look-messages.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { lookAt } from "./look.ts";

const Event = z.object({
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().default(""),
  isBase64Encoded: z.boolean().default(false),
});

const answer = (statusCode: number, message = "") => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: message === "" ? "" : JSON.stringify({ message }),
});

/**
 * Takes GitHub's webhooks about checks, at an address of its own, and has the builds looked at that a delivery is about. Which queue it
 * concerns is seen by its signature and by the names of branches. Answers 204 for a delivery that one of the queues' secrets has signed, 401
 * for any other, 503 when it could not be taken: GitHub repeats none, and the next poll sees what was lost. One call a delivery about a build.
 */
export const wire: Wire = (env, clients) => {
  const queues = [...loadQueues(env).values()].filter(({ buildRunner }) => buildRunner.type === "github-checks");
  const runnerOf = buildRunnersFor(env, clients);
  const looks = need(env, ENV.looksTopic);

  async function take(body: Buffer, headers: Readonly<Record<string, string>>) {
    const found = await Promise.allSettled(queues.map(async (queue) => runnerOf(queue).report?.(body, headers)));
    const failed = found.filter((one) => one.status === "rejected").map(({ reason }) => reason);
    const known = found.flatMap((one) => (one.status === "fulfilled" && one.value !== undefined ? [one.value] : []));
    // The delivery may be of a queue whose secret can't be read. A secret that can't be read keeps no delivery of another queue.
    if (known.length === 0 && failed.length > 0) throw failed.find(isRetryable) ?? failed[0];
    if (known.length === 0) return answer(401, "The signature is not one of this installation's queues.");
    for (const err of failed) clients.log.error({ err }, "whether a queue has signed a delivery could not be checked");
    await sendAll(clients.sqs, looks, looksTopic, known.flat().map(lookAt));
    return answer(204);
  }

  return async (event) => {
    const { headers, body, isBase64Encoded } = Event.parse(event);
    const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return take(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"), lowered).catch((err: unknown) => {
      clients.log.error({ err }, "a delivery of GitHub was not taken");
      return isRetryable(err) ? answer(503, "Try again.") : answer(500, "The delivery could not be taken.");
    });
  };
};

export const handler = onLambda(wire);
