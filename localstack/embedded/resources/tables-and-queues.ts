import * as z from "zod";
import type { QueueSpec, TableSpec } from "../deployment.ts";
import { type Found, parse } from "./found.ts";

const Table = z.object({ KeySchema: z.array(z.unknown()), AttributeDefinitions: z.array(z.unknown()) });
export function tableOf(found: Found): TableSpec {
  const { KeySchema, AttributeDefinitions } = parse(Table, found);
  return { name: found.name, arn: found.arn, keys: KeySchema, attributes: AttributeDefinitions };
}

const QUEUE_ATTRIBUTES = [
  "VisibilityTimeout",
  "MessageRetentionPeriod",
  "DelaySeconds",
  "MaximumMessageSize",
  "RedrivePolicy",
  "FifoQueue",
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
] as const;
export function queueOf({ name, arn, properties }: Found): QueueSpec {
  const attributes = QUEUE_ATTRIBUTES.filter((attribute) => properties[attribute] !== undefined).map((attribute) => {
    const value = properties[attribute];
    return [attribute, typeof value === "object" ? JSON.stringify(value) : String(value)];
  });
  return { name, arn, attributes: Object.fromEntries(attributes) };
}
