import * as z from "zod";
import { ACCOUNT, REGION } from "../../lib/cloudformation/resolver.ts";
import type { Want } from "./iam.ts";

export type Service = "dynamodb" | "sqs" | "states" | "secretsmanager" | "events";

/** A call to AWS: which service, what it is to do, and everything that the caller must be allowed to do for it. */
export interface Call {
  readonly service: Service;
  readonly operation: string;
  readonly wants: readonly Want[];
}

const SERVICES: Readonly<Record<string, Service>> = {
  DynamoDB_20120810: "dynamodb",
  AmazonSQS: "sqs",
  AWSStepFunctions: "states",
  secretsmanager: "secretsmanager",
  AWSEvents: "events",
};

const Input = z.looseObject({
  TableName: z.string().optional(),
  IndexName: z.string().optional(),
  RequestItems: z.record(z.string(), z.unknown()).optional(),
  QueueUrl: z.string().optional(),
  QueueName: z.string().optional(),
  stateMachineArn: z.string().optional(),
  executionArn: z.string().optional(),
  SecretId: z.string().optional(),
  Entries: z.array(z.looseObject({ EventBusName: z.string().optional() })).optional(),
});
type Input = z.infer<typeof Input>;

const arn = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;

/** What a call names. `*` when it names nothing (a listing). */
const RESOURCES: Readonly<Record<Service, (input: Input) => readonly string[]>> = {
  dynamodb: ({ TableName, IndexName, RequestItems }) =>
    [...(TableName === undefined ? [] : [TableName]), ...Object.keys(RequestItems ?? {})].map((table) => {
      const named = table.startsWith("arn:") ? table : arn("dynamodb", `table/${table}`);
      return IndexName === undefined ? named : `${named}/index/${IndexName}`;
    }),
  sqs: ({ QueueUrl, QueueName }) => {
    const name = QueueUrl?.split("/").at(-1) ?? QueueName;
    return name === undefined ? [] : [arn("sqs", name)];
  },
  states: ({ stateMachineArn, executionArn }) => [stateMachineArn ?? executionArn ?? []].flat(),
  events: ({ Entries = [] }) => [
    ...new Set(Entries.map(({ EventBusName = "default" }) => arn("events", `event-bus/${EventBusName}`))),
  ],
  secretsmanager: ({ SecretId }) => {
    if (SecretId === undefined) return [];
    // A secret's ARN ends in six characters that are not known beforehand; policies say `-??????`.
    return [SecretId.startsWith("arn:") ? SecretId : arn("secretsmanager", `secret:${SecretId}-000000`)];
  },
};

/** IAM knows no batch actions of SQS: a batch needs what one needs. */
const actionOf = (service: Service, operation: string): string =>
  `${service}:${service === "sqs" ? operation.replace(/Batch$/, "") : operation}`;

/** Undefined when the target is no service of ours, or the body nothing that a service takes. `target` is the X-Amz-Target header. */
export function identifyCall(target: string, body: unknown): Call | undefined {
  const [prefix = "", operation = ""] = target.split(".");
  const service = SERVICES[prefix];
  const input = Input.safeParse(body);
  if (service === undefined || operation === "" || !input.success) return undefined;
  const named = RESOURCES[service](input.data);
  const action = actionOf(service, operation);
  return { service, operation, wants: (named.length > 0 ? named : ["*"]).map((resource) => ({ action, resource })) };
}
