import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { AwsError } from "./aws-error.ts";
import { type Call, identifyCall } from "./calls.ts";
import type { Authorize } from "./iam.ts";
import { checkItemCall } from "./limits/dynamodb.ts";
import { answerWithin } from "./limits/sqs-call.ts";
import { checkText } from "./limits/text.ts";
import { answerSecret } from "./secrets.ts";
import type { Tables } from "./tables.ts";
import type { Topics } from "./topics.ts";
import type { Workflows } from "./workflows.ts";

/** The access key of people and tests: it may do everything. */
export const OPERATOR = "operator";

/** What stands behind the door. */
export interface Services {
  readonly tables: Tables;
  readonly topics: Topics;
  readonly workflows: Workflows;
  readonly authorize: Authorize;
  /** The role that an access key stands for. */
  readonly roleOf: (accessKeyId: string) => string | undefined;
  readonly log: Logger;
}

export interface FrontDoor {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  /** Calls are refused until it is opened: addresses come before what they are the addresses of. */
  open(services: Services): void;
  close(): Promise<void>;
}

/** DynamoDB takes no larger call. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** The one way in to tables, topics, workflows and secrets: AWS' wire protocol, on loopback, each call judged by the caller's role. */
export async function listen(): Promise<FrontDoor> {
  let services: Services | undefined;
  const server = createServer((request, response) => {
    answer(services, request, response).catch((error: unknown) => {
      if (!(error instanceof AwsError)) services?.log.error({ err: error }, "a call to AWS failed");
      if (!response.headersSent) refuse(response, error);
    });
  });
  // The SDK keeps its connections; closing one under a call that is just being sent would fail the call.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    open: (opened) => {
      services = opened;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, "close");
    },
  };
}

async function answer(
  services: Services | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request);
  if (services === undefined) throw new AwsError("ServiceUnavailable", "the runtime is starting", 503);
  const target = String(request.headers["x-amz-target"] ?? "");
  const input = parseJson(body);
  const call = identifyCall(target, input);
  if (call === undefined) throw new AwsError("UnknownOperationException", `${target || "this"} is not served here`);
  await admit(services, accessKeyOf(request), call);
  checkText(body, input);
  switch (call.service) {
    case "dynamodb":
      checkItemCall(call.operation, input);
      return services.tables.answer(request, body, response);
    case "sqs": {
      const answered = await answerWithin(services.topics, target, call.operation, input, body);
      response.writeHead(answered.status, answered.headers).end(answered.body);
      return;
    }
    case "states":
      return send(response, 200, services.workflows.answer(call.operation, input));
    case "secretsmanager":
      return send(response, 200, answerSecret(call.operation, input, process.env));
  }
}

/** Throws AwsError when the caller may not. */
async function admit({ roleOf, authorize, log }: Services, accessKeyId: string | undefined, call: Call): Promise<void> {
  if (accessKeyId === undefined)
    throw new AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403);
  if (accessKeyId === OPERATOR) return;
  const roleArn = roleOf(accessKeyId);
  if (roleArn === undefined)
    throw new AwsError("UnrecognizedClientException", "The security token included in the request is invalid.", 403);
  for (const want of call.wants) {
    const decision = await authorize(roleArn, want);
    if (decision.allowed) continue;
    const refusal = `User: ${roleArn} is not authorized to perform: ${want.action} on resource: ${want.resource} ${decision.why}`;
    log.error({ roleArn, ...want }, `refused: ${refusal}`);
    throw new AwsError("AccessDeniedException", refusal);
  }
}

const accessKeyOf = ({ headers: { authorization = "" } }: IncomingMessage): string | undefined =>
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\//.exec(authorization)?.[1];

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new AwsError("RequestEntityTooLarge", "the call is too large", 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(body: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body.length === 0 ? "{}" : body.toString());
    if (typeof parsed === "object" && parsed !== null) return { ...parsed };
  } catch {}
  throw new AwsError("SerializationException", "the body is no JSON object");
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, error: unknown): void {
  const { name, message, status } =
    error instanceof AwsError ? error : new AwsError("InternalServerError", String(error), 500);
  // DynamoDB spells `message` one way, IAM's refusals another; the SDK reads both.
  send(response, status, { __type: `com.amazonaws.submitqueue.local#${name}`, message, Message: message });
}
