import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Context } from "aws-lambda";
import { type FauxqsServer, startFauxqs } from "fauxqs";
import { pino } from "pino";
import * as z from "zod";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import type { ApiAuth } from "../../../functions/contracts/caller.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { LifecycleEvent } from "../../../functions/contracts/lifecycle-event.ts";
import { LogMessage } from "../../../functions/contracts/messages/log-messages.ts";
import { RequestMessage } from "../../../functions/contracts/messages/request-messages.ts";
import { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { wire as wireApi } from "../../../functions/handlers/gateway/api.lambda.ts";
import { wire as wireLog } from "../../../functions/handlers/gateway/log.lambda.ts";
import document from "../../../functions/handlers/gateway/openapi.json" with { type: "json" };
import { wire as wireSweep } from "../../../functions/handlers/gateway/sweep.lambda.ts";
import { operationFinder, validatorOf } from "../../support/api-document.ts";
import { type Dynalite, startDynalite, toEmulator } from "../../support/dynalite.ts";

/** 2026-01-01T00:00:00.000Z */
export const START = 1_767_225_600_000;

export const QUEUES = QueuesConfig.parse({
  queues: [
    { name: "main", repository: { remote: "https://h/main.git" }, buildRunner: { type: "fake" } },
    {
      name: "other",
      repository: { remote: "https://h/other.git", branch: "trunk" },
      strategy: "MERGE",
      maxPriority: 5,
      buildRunner: { type: "fake" },
    },
    {
      name: "promoting",
      repository: { remote: "https://h/p.git" },
      strategy: "PROMOTE",
      buildRunner: { type: "fake" },
    },
  ],
});

export const change = (name: string, sha = "a"): string => `git://h/r/refs%2Fheads%2F${name}/${sha.repeat(40)}`;

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
  readonly body: any;
}

export interface Sending {
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string | Uint8Array;
  /** Send it in base64, as API Gateway does what it takes for binary. */
  readonly base64?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the authorizer of the API says of the caller, as `{ iam: { userArn } }`. */
  readonly authorizer?: object;
}

/** An event as API Gateway's HTTP API hands it over (payload format 2.0, $default route and stage). */
export function httpEvent(
  method: string,
  target: string,
  { body, raw, base64 = false, headers = {}, authorizer }: Sending = {},
) {
  const [path = "", query = ""] = target.split("?");
  // Every POST says that it is JSON, with a body or without. Raw bytes say for themselves.
  const isJson = body !== undefined || (method !== "GET" && raw === undefined);
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    headers: { host: "api.example", ...(isJson ? { "content-type": "application/json" } : {}), ...headers },
    ...(query === "" ? {} : { queryStringParameters: Object.fromEntries(new URLSearchParams(query)) }),
    requestContext: {
      accountId: "123456789012",
      apiId: "api",
      ...(authorizer === undefined ? {} : { authorizer }),
      domainName: "api.example",
      domainPrefix: "api",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: "call-1",
      routeKey: "$default",
      stage: "$default",
      time: "01/Jan/2026:00:00:00 +0000",
      timeEpoch: START,
    },
    ...(payload === undefined ? {} : { body: Buffer.from(payload).toString(base64 ? "base64" : "utf8") }),
    isBase64Encoded: base64,
  };
}

const validator = validatorOf(document);
const operationAt = operationFinder(document);

/** Throws when the API document does not have the answer: its status, its content type, its headers, its body. */
function requireDocumented(method: string, target: string, answered: Reply): void {
  const path = target.split("?", 1)[0]?.replace(/^\/jwt(?=\/)/, "") ?? "";
  const id = operationAt(method, path);
  const problems = id === undefined ? [] : validator.ofAnswer(id, answered);
  if (problems.length > 0) throw new Error(`the API document says otherwise: ${problems.join("; ")}`);
}

const Response = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.string().optional(),
});

export type Rig = Awaited<ReturnType<typeof rig>>;

/** The gateway on emulators: tables of its own for each `open`, one requests topic each. */
export async function rig(queues: QueuesConfig = QUEUES) {
  const [dynamo, fauxqs] = await Promise.all([startDynalite(), startFauxqs({ port: 0, logger: false })]);
  const queuesFile = join(await mkdtemp(join(tmpdir(), "gateway-")), "queues.json");
  await writeFile(queuesFile, JSON.stringify(queues));
  let opened = 0;
  return {
    open: async (apiAuth: ApiAuth = "none") => {
      const id = ++opened;
      await dynamo.create(`log-${id}`, `view-${id}`);
      return gatewayOn(id, { queuesFile, apiAuth }, dynamo, fauxqs);
    },
    stop: async () => {
      await Promise.all([dynamo.stop(), fauxqs.stop()]);
    },
  };
}

/** The network goes at an AWS call: the `at`th, from 1, or that and all later ones; before it took effect, or before its answer came. */
export interface Failure {
  readonly at: number;
  readonly forever?: boolean;
  readonly effect: "none" | "done";
}

export type Gateway = Awaited<ReturnType<typeof gatewayOn>>;

async function gatewayOn(
  id: number,
  { queuesFile, apiAuth }: { readonly queuesFile: string; readonly apiAuth: ApiAuth },
  dynamo: Dynalite,
  fauxqs: FauxqsServer,
) {
  const requests = fauxqs.createQueue(`requests-${id}.fifo`, { attributes: { FifoQueue: "true" } });
  const dead = fauxqs.createQueue(`dead-${id}`);
  const logQueue = fauxqs.createQueue(`log-${id}`);
  const env = {
    [ENV.queuesFile]: queuesFile,
    [ENV.logTable]: `log-${id}`,
    [ENV.viewTable]: `view-${id}`,
    [ENV.requestsTopic]: requests.queueUrl,
    [ENV.logTopic]: logQueue.queueUrl,
    [ENV.eventBus]: "submitqueue",
    [ENV.deployment]: "here",
    [ENV.deadLetters]: dead.queueUrl,
    [ENV.apiAuth]: apiAuth,
    [ENV.version]: "1.2.3",
  };
  const clock = { at: START };
  const calls: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const published: LifecycleEvent[] = [];
  let failing: (Failure & { made: number }) | undefined;
  let interposed: { left: number; work: () => Promise<unknown> } | undefined;
  const { clients, destroy } = emulated(dynamo, `http://127.0.0.1:${fauxqs.port}`, clock, lines, published);
  const middleware = { step: "initialize", name: "watch" } as const;
  const watch = (next: (args: never) => Promise<unknown>, context: { commandName?: string }) => async (args: never) => {
    const command = context.commandName?.replace("Command", "").replace("Item", "") ?? "something else";
    calls.push(command);
    if (interposed !== undefined && --interposed.left === 0) {
      const { work } = interposed;
      interposed = undefined;
      await work();
    }
    const lost = Object.assign(new Error("the network is gone"), { name: "TimeoutError" });
    const { at, forever = false, effect } = failing ?? { at: 0, effect: "done" };
    const made = failing === undefined ? -1 : ++failing.made;
    const fails = made === at || (forever && made > at);
    if (fails && effect === "none") throw lost;
    const result = await next(args);
    if (fails) throw lost;
    return result;
  };
  for (const { middlewareStack } of [clients.dynamodb, clients.sqs, clients.events])
    (middlewareStack as unknown as { add: (watcher: typeof watch, options: typeof middleware) => void }).add(
      watch,
      middleware,
    );

  const api = wireApi(env, clients);
  const [log, otherLog] = [wireLog(env, clients), wireLog(env, clients)];
  const sweep = wireSweep(env, clients);
  let leftMs: number | undefined;
  const context = {
    get getRemainingTimeInMillis() {
      const left = leftMs;
      return left === undefined ? undefined : () => left;
    },
  } as unknown as Context;

  const text = async (method: string, target: string, sending: Sending = {}): Promise<string | undefined> =>
    Response.parse(await api(httpEvent(method, target, sending), context)).body;

  const call = async (method: string, target: string, sending: Sending = {}): Promise<Reply> => {
    const { statusCode, headers, body } = Response.parse(await api(httpEvent(method, target, sending), context));
    const isJson = /json/.test(headers["content-type"] ?? "");
    const answered = { status: statusCode, headers, body: body !== undefined && isJson ? JSON.parse(body) : body };
    requireDocumented(method, target, answered);
    return answered;
  };

  const deliverTo =
    (consumer: typeof log) =>
    async (...entries: readonly (LogMessage | string)[]): Promise<string[]> => {
      const Records = entries.map((entry, index) => ({
        messageId: `m${index}`,
        body: typeof entry === "string" ? entry : JSON.stringify(entry),
        attributes: {},
      }));
      const { batchItemFailures } = Failures.parse(await consumer({ Records }, context));
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    };

  return {
    env,
    clients,
    clock,
    lines,
    call,
    text,
    get: (target: string) => call("GET", target),
    land: (changes: readonly string[], more: object = {}, headers: Record<string, string> = {}, queue = "main") =>
      call("POST", `/v1/queues/${queue}/requests`, { body: { changes, ...more }, headers }),
    cancel: (n: number, sending: Sending = {}) => call("POST", `/v1/queues/main/requests/${n}/cancel`, sending),
    /** Delivers entries of the orchestrator's; returns the ids of the ones that go back. */
    deliver: deliverTo(log),
    /** The same to another process of the log consumer. */
    deliverElsewhere: deliverTo(otherLog),
    sweep: () => sweep({ source: "aws.scheduler" }, context),
    /** Every message in the requests topic, oldest first. */
    sent: (): RequestMessage[] =>
      (fauxqs.inspectQueue(`requests-${id}.fifo`)?.messages.ready ?? []).map(({ body }) =>
        RequestMessage.parse(JSON.parse(body)),
      ),
    /** Every message that the gateway has sent to its own log consumer, oldest first. */
    toldLog: (): LogMessage[] =>
      (fauxqs.inspectQueue(`log-${id}`)?.messages.ready ?? []).map(({ body }) => LogMessage.parse(JSON.parse(body))),
    /** Every event that was published, oldest first. */
    published,
    dead: () => fauxqs.inspectQueue(`dead-${id}`)?.messages.ready ?? [],
    /** The names of the AWS calls that the work made. */
    costOf: async (work: () => Promise<unknown>): Promise<string[]> => {
      calls.length = 0;
      await work();
      return [...calls];
    },
    /** From now on; until healed. */
    fail: (failure: Failure) => {
      failing = { ...failure, made: 0 };
    },
    /** Something else happens just before the `at`th AWS call, from 1. */
    interpose: (at: number, work: () => Promise<unknown>) => {
      interposed = { left: at, work };
    },
    heal: () => {
      failing = undefined;
    },
    /** Each invocation ends after so long from now on; undefined: it may take its time. */
    hurry: (ms: number | undefined) => {
      leftMs = ms;
    },
    close: destroy,
  };
}

const Failures = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

const PutEvents = z.object({ Entries: z.array(z.object({ DetailType: z.string(), Detail: z.string() })) });

/** EventBridge, as far as that it takes events. */
const busOf = (published: LifecycleEvent[]) => ({
  handle: async ({ body }: { body: Uint8Array }) => {
    const { Entries } = PutEvents.parse(JSON.parse(new TextDecoder().decode(body)));
    published.push(...Entries.map(({ Detail }) => LifecycleEvent.parse(JSON.parse(Detail))));
    const answer = { FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: "e" })) };
    return { response: { statusCode: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(answer)) } };
  },
});

function emulated(
  dynamo: Dynalite,
  sqsEndpoint: string,
  clock: { at: number },
  lines: Record<string, unknown>[],
  published: LifecycleEvent[],
) {
  const settings = toEmulator(sqsEndpoint);
  let nonces = 0;
  const clients: Clients = {
    dynamodb: dynamo.another(),
    sqs: new SQSClient(settings),
    sfn: new SFNClient(settings),
    secrets: new SecretsManagerClient(settings),
    events: new EventBridgeClient({ ...settings, maxAttempts: 1, requestHandler: busOf(published) }),
    log: pino({ level: "debug" }, { write: (line: string) => lines.push(JSON.parse(line)) }),
    now: () => epochMs(clock.at),
    nonce: () => String(++nonces),
  };
  return { clients, destroy: () => clients.sqs.destroy() };
}
