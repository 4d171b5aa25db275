import { randomUUID } from "node:crypto";
import { setImmediate as othersTurn } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Logger } from "pino";
import { type Clients, documentClient } from "../../functions/adapters/aws-clients.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { REGION } from "../../lib/cloudformation/resolver.ts";
import { commandRunners } from "../command-runner/index.ts";
import { bare } from "./bare-client.ts";
import { codebuildFor } from "./codebuild-clients.ts";
import type { CallAws, Caller, FrontDoor } from "./front-door.ts";

/** What the addresses of queues begin with. Nothing listens there: clients call in-process. */
export const AWS_ORIGIN = "http://aws.submitqueue.invalid";

/**
 * SDK clients whose calls go to the front door within this process, with the rights of `caller`. Those of CodeBuild go out of the process, when
 * the front door does not mind.
 */
export function clientsOf({ call, judge }: Pick<FrontDoor, "call" | "judge">, caller: Caller, log: Logger): Clients {
  const settings = {
    endpoint: AWS_ORIGIN,
    region: REGION,
    // The SDK would look for others on this machine.
    credentials: { accessKeyId: "in-process", secretAccessKey: "in-process" },
    requestHandler: requestHandler(call, caller),
  };
  return {
    dynamodb: documentClient(bare(new DynamoDBClient(settings))),
    sqs: bare(new SQSClient(settings)),
    sfn: bare(new SFNClient(settings)),
    secrets: bare(new SecretsManagerClient(settings)),
    events: bare(new EventBridgeClient(settings)),
    codebuild: codebuildFor((wants) => judge(caller, wants)),
    log,
    now: () => epochMs(Date.now()),
    nonce: randomUUID,
    buildRunners: { command: commandRunners },
  };
}

/** What we read of the SDK's HTTP request. */
interface SdkRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Stands where the SDK has its HTTP client. */
const requestHandler = (call: CallAws, caller: Caller) => ({
  handle: async ({ headers, body = "" }: SdkRequest) => {
    const target = headers["x-amz-target"] ?? headers["X-Amz-Target"] ?? "";
    const bytes =
      typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    // A caller that asks in a loop until something has happened would otherwise keep timers and sockets from their turn.
    await othersTurn();
    const answer = await call(caller, target, bytes);
    const { status: statusCode, headers: answered, body: text } = answer;
    return { response: { statusCode, headers: { ...answered }, body: new TextEncoder().encode(text) } };
  },
});
