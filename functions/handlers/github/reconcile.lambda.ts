import { pullsStore } from "../../adapters/dynamodb/pulls-store.ts";
import { redeliver } from "../../adapters/github/deliveries.ts";
import { loadGitHubApp, need } from "../../adapters/settings.ts";
import { sendAll } from "../../adapters/sqs.ts";
import { ENV } from "../../contracts/environment.ts";
import { type PullMessage, pullsTopic } from "../../contracts/github.ts";
import { epochMs } from "../../contracts/time.ts";
import { leftOut } from "../left-out.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { dueAt } from "./due.ts";
import { appOf } from "./service.ts";

/** How far back missed deliveries are looked for: GitHub keeps them for three days. */
const LOOK_BACK_MS = 3 * 86_400_000;

/**
 * Makes a lost webhook a delay: has GitHub send again what did not arrive, and has the pull requests with an open request compared with
 * their requests, so many a minute (`dueAt`). One Query, a message per pull request, and the calls of `redeliver`.
 */
export const wire: Wire = (env, clients) => {
  const { api } = loadGitHubApp(env);
  const store = pullsStore(clients.dynamodb, need(env, ENV.pullsTable), leftOut(clients.log));
  const topic = need(env, ENV.pullsTopic);
  const app = appOf(env, clients);
  return async () => {
    const id = `reconcile/${clients.nonce()}`;
    const now = clients.now();
    const due = dueAt(await store.open(), now);
    const looks = due.map((of): PullMessage => ({ v: 1, kind: "look", ...of, id, verify: true }));
    await sendAll(clients.sqs, topic, pullsTopic, looks);
    const since = epochMs(Math.max(0, now - LOOK_BACK_MS));
    const count = await redeliver({ api: api.replace(/\/$/, ""), app: await app(), since, now });
    if (count > 0) clients.log.info({ count }, "asked GitHub to deliver again what did not arrive");
  };
};

export const handler = onLambda(wire);
