import * as z from "zod";
import { buildRunnersFor } from "../../../adapters/build-runner/index.ts";
import { buildsStore } from "../../../adapters/dynamodb/builds-store.ts";
import { knownQueues } from "../../../adapters/dynamodb/known-queues.ts";
import { loadQueues, need } from "../../../adapters/settings.ts";
import { sendAll } from "../../../adapters/sqs.ts";
import { ENV } from "../../../contracts/environment.ts";
import { CodedError, isRetryable } from "../../../contracts/errors.ts";
import { BuildKey } from "../../../contracts/ids.ts";
import { looksTopic } from "../../../contracts/messages/look-messages.ts";
import { onLambda, type Wire } from "../../on-lambda.ts";
import { lastConfigs } from "./last-configs.ts";
import { lookAt } from "./look.ts";

const MOST_BYTES = 65_536;

const Event = z.object({
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().default(""),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
});

const answer = (statusCode: number, message?: string) => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: message === undefined ? "" : JSON.stringify({ message }),
});

/** Whether a body that is not verified yet names a build is all that is read of it. */
const Named = z.object({ key: BuildKey });

/**
 * Takes the callbacks of CI systems that speak HTTP, at an address of its own: stores the result of a callback that one of the queue's
 * secrets has signed, and has the build looked at. Answers 204; 400 and 413 for what is no callback, 401 for a wrong signature, 404 for a
 * build that is not known, 503 when the callback is to be repeated. Four calls.
 */
export const wire: Wire = (env, clients) => {
  const configs = lastConfigs(loadQueues(env), knownQueues(clients.dynamodb, need(env, ENV.batchesTable)));
  const builds = buildsStore(clients.dynamodb, need(env, ENV.buildsTable));
  const runnerOf = buildRunnersFor(env, clients);
  const looks = need(env, ENV.looksTopic);

  async function take(body: Buffer, headers: Readonly<Record<string, string>>) {
    const named = Named.safeParse(parsed(body));
    if (!named.success) return answer(400, "The body is to be JSON with the key of a build.");
    const build = await builds.get(named.data.key);
    if (build === undefined) return answer(404, "There is no such build.");
    const runner = runnerOf(await configs(build.queue));
    const keys = await runner.report?.(body, headers);
    if (keys === undefined) return answer(401, "The signature is not one of this queue's, or is too old.");
    await sendAll(clients.sqs, looks, looksTopic, keys.map(lookAt));
    return answer(204);
  }

  return async (event) => {
    const { headers, body, isBase64Encoded, requestContext } = Event.parse(event);
    if (requestContext.http.method !== "POST") return answer(405, "Callbacks are POSTs.");
    const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
    if (bytes.length > MOST_BYTES) return answer(413, "A callback has at most 64 KB.");
    const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return take(bytes, lowered).catch((error: unknown) => {
      if (error instanceof CodedError && error.code === "request.invalid") return answer(400, error.message);
      clients.log.error({ err: error }, "a callback was not taken");
      return isRetryable(error) ? answer(503, "Try again.") : answer(500, "The callback could not be taken.");
    });
  };
};

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

export const handler = onLambda(wire);
