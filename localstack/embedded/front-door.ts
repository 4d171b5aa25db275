import type { Logger } from "pino";
import { AwsError } from "./aws-error.ts";
import { type Call, identifyCall } from "./calls.ts";
import type { EventBus } from "./event-bus.ts";
import type { Authorize, Want } from "./iam.ts";
import { checkItemCall } from "./limits/dynamodb.ts";
import { answerWithin } from "./limits/sqs-call.ts";
import { checkText } from "./limits/text.ts";
import type { Observer } from "./observer.ts";
import { answerSecret } from "./secrets.ts";
import type { Tables } from "./tables.ts";
import type { Topics } from "./topics.ts";
import type { Workflows } from "./workflows.ts";

/**
 * Who makes a call. A role may do what its policies allow. The runtime's own clients may do everything. The operator, who comes by a
 * port, may do everything but read secrets: the operator's key is in a file, which a build can read as well.
 */
export type Caller = { readonly role: string } | "runtime" | "operator";

/** An answer in the shape of AWS' JSON protocols. */
export interface AwsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One call of AWS. `target` is the X-Amz-Target header. Never rejects: a failure is an answer too. */
export type CallAws = (caller: Caller, target: string, body: Buffer) => Promise<AwsAnswer>;

/** What stands behind the door. */
interface Services {
  readonly tables: Tables;
  readonly topics: Topics;
  readonly workflows: Workflows;
  readonly events: EventBus;
  readonly authorize: Authorize;
  readonly log: Logger;
  readonly observer?: Observer | undefined;
}

export interface FrontDoor {
  readonly call: CallAws;
  /** Judges what a call that does not come through the door wants. Throws AwsError when its caller may not. */
  readonly judge: (caller: Caller, wants: readonly Want[]) => Promise<void>;
  /** Calls are refused until the door is opened: functions get their clients before the workflows that run functions exist. */
  open(behind: Services): void;
}

/** The one way in to tables, topics, workflows and secrets, in-process: each call is judged by the rights of its caller. */
export function frontDoor(): FrontDoor {
  let services: Services | undefined;
  return {
    call: (caller, target, body) =>
      answer(services, caller, target, body).catch((error: unknown) => {
        if (!(error instanceof AwsError)) services?.log.error({ err: error }, "a call to AWS failed");
        return refusal(error);
      }),
    judge: async (caller, wants) => admit(opened(services), caller, wants),
    open: (behind) => {
      services = behind;
    },
  };
}

/** Throws AwsError before the door is opened. */
function opened(services: Services | undefined): Services {
  if (services === undefined) throw new AwsError("ServiceUnavailable", "the runtime is starting", 503);
  return services;
}

async function answer(behind: Services | undefined, caller: Caller, target: string, body: Buffer): Promise<AwsAnswer> {
  const services = opened(behind);
  const input = parseJson(body);
  const call = identifyCall(target, input);
  if (call === undefined) throw new AwsError("UnknownOperationException", `${target || "this"} is not served here`);
  if (caller === "operator" && call.service === "secretsmanager")
    throw new AwsError("AccessDeniedException", "Secrets are handed to the functions of the runtime alone.");
  await admit(services, caller, call.wants);
  checkText(body, input);
  const answered = await carryOut(services, call, input);
  const sizes = { requestBytes: body.length, answerBytes: answered.body.length };
  const role = typeof caller === "string" ? undefined : caller.role;
  services.observer?.call({ role, service: call.service, operation: call.operation, input, ...sizes });
  return answered;
}

async function carryOut(services: Services, call: Call, input: Record<string, unknown>): Promise<AwsAnswer> {
  switch (call.service) {
    case "dynamodb": {
      checkItemCall(call.operation, input);
      const answered = await services.tables.answer(call.operation, input);
      return json(answered.status, answered.body);
    }
    case "sqs":
      return answerWithin(services.topics, call.operation, input);
    case "states":
      return json(200, services.workflows.answer(call.operation, input));
    case "events":
      return json(200, await services.events.answer(call.operation, input));
    case "secretsmanager":
      return json(200, answerSecret(call.operation, input, process.env));
  }
}

/** Throws AwsError when the caller may not. */
async function admit({ authorize, log }: Services, caller: Caller, wants: readonly Want[]): Promise<void> {
  if (caller === "runtime" || caller === "operator") return;
  const { role } = caller;
  for (const want of wants) {
    const decision = await authorize(role, want);
    if (decision.allowed) continue;
    const refused = `User: ${role} is not authorized to perform: ${want.action} on resource: ${want.resource} ${decision.why}`;
    log.error({ roleArn: role, ...want }, `refused: ${refused}`);
    throw new AwsError("AccessDeniedException", refused);
  }
}

function parseJson(body: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body.length === 0 ? "{}" : body.toString());
    if (typeof parsed === "object" && parsed !== null) return { ...parsed };
  } catch {}
  throw new AwsError("SerializationException", "the body is no JSON object");
}

const json = (status: number, body: object): AwsAnswer => ({
  status,
  headers: { "content-type": "application/x-amz-json-1.0" },
  body: JSON.stringify(body),
});

/** How AWS answers an error. */
export function refusal(error: unknown): AwsAnswer {
  const { name, message, status } =
    error instanceof AwsError ? error : new AwsError("InternalServerError", String(error), 500);
  // DynamoDB spells `message` one way, IAM's refusals another; the SDK reads both.
  return json(status, { __type: `com.amazonaws.submitqueue.local#${name}`, message, Message: message });
}
