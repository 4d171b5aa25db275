import { verify } from "@octokit/webhooks-methods";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { type PullsStore, pullsStore } from "../../adapters/dynamodb/pulls-store.ts";
import { need } from "../../adapters/settings.ts";
import { send } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type Delivery, pullsTopic } from "../../contracts/github.ts";
import { type CommitDelivery, deliveryOf } from "../../contracts/github-delivery.ts";
import { leftOut } from "../left-out.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { appOf } from "./service.ts";

/**
 * Takes GitHub's webhooks: verifies the signature on the bytes as they came, puts what matters of the delivery into the topic, and answers.
 * GitHub waits ten seconds and never tries again by itself; what failed here is asked for again (reconcile). One SendMessage; for the end of a
 * check that names no pull request, a Query and a SendMessage for each pull request with that head.
 */
export const wire: Wire = (env, clients) => {
  const topic = need(env, ENV.pullsTopic);
  const app = appOf(env, clients);
  const store = pullsStore(clients.dynamodb, need(env, ENV.pullsTable), leftOut(clients.log));
  return async (event) => {
    const { headers, body = "", isBase64Encoded } = event as APIGatewayProxyEventV2;
    const { webhookSecret } = await app();
    if (webhookSecret === undefined) throw new CodedError("config.invalid", "the App's secret has no webhookSecret");
    const raw = Buffer.from(body, isBase64Encoded ? "base64" : "utf8").toString("utf8");
    const signature = headers["x-hub-signature-256"];
    if (!signature || raw === "" || !(await verify(webhookSecret, raw, signature)))
      return answered(401, "The signature is not that of the App's webhook secret.");
    const [id, name] = [headers["x-github-delivery"], headers["x-github-event"]];
    const payload = parsed(raw);
    if (!id || !name || payload === undefined) return answered(400, "This is no delivery of GitHub.");
    const delivery = deliveryOf(id, name, payload, Date.parse);
    const about = delivery === undefined ? [] : await placed(store, delivery);
    for (const one of about) await send(clients.sqs, topic, pullsTopic, one);
    return answered(202, about.length === 0 ? "Nothing for the queue." : "Taken.");
  };
};

export const handler = onLambda(wire);

/** One delivery for each pull request that the webhook call is about. */
async function placed(store: PullsStore, delivery: Delivery | CommitDelivery): Promise<readonly Delivery[]> {
  if ("pull" in delivery) return [delivery];
  return (await store.pullsAt(delivery.repository, delivery.head)).map((pull) => ({ ...delivery, pull }));
}

const answered = (statusCode: number, body: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body,
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
