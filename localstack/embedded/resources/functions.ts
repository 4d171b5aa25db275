import * as z from "zod";
import type { EventSourceSpec, FunctionSpec, FunctionUrlSpec } from "../deployment.ts";
import { type Found, parse } from "./found.ts";

/** Marks a function of ours: its name, and the file that holds its handler. */
const Marks = z.object({ "submitqueue:function": z.string(), "submitqueue:entry": z.string() });

export const isOurs = ({ type, metadata }: Found) =>
  type === "AWS::Lambda::Function" && Marks.safeParse(metadata).success;
const FunctionProperties = z.object({
  Role: z.string(),
  Timeout: z.number().default(3),
  MemorySize: z.number().default(128),
  Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()).default({}) }).default({ Variables: {} }),
});
export function functionOf(found: Found): FunctionSpec {
  const { Role, Timeout, MemorySize, Environment } = parse(FunctionProperties, found);
  const { "submitqueue:function": id, "submitqueue:entry": entry } = Marks.parse(found.metadata);
  const { name, arn } = found;
  const environment = Environment.Variables;
  return { id, name, arn, entry, environment, roleArn: Role, timeoutMs: Timeout * 1_000, memoryMb: MemorySize };
}

/** A function is named by its ARN or by its name. */
const arnOfFunction = (resources: readonly Found[], named: string): string =>
  resources.find(({ type, name, arn }) => type === "AWS::Lambda::Function" && (name === named || arn === named))?.arn ??
  named;

const Mapping = z.object({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  BatchSize: z.number().default(10),
  MaximumBatchingWindowInSeconds: z.number().default(0),
  ScalingConfig: z.object({ MaximumConcurrency: z.number().default(10) }).default({ MaximumConcurrency: 10 }),
  FunctionResponseTypes: z.array(z.string()).default([]),
});
export const eventSourceOf =
  (resources: readonly Found[]) =>
  (found: Found): EventSourceSpec => {
    const mapping = parse(Mapping, found);
    return {
      queueArn: mapping.EventSourceArn,
      functionArn: arnOfFunction(resources, mapping.FunctionName),
      batchSize: mapping.BatchSize,
      batchingWindowMs: mapping.MaximumBatchingWindowInSeconds * 1_000,
      maxConcurrency: mapping.ScalingConfig.MaximumConcurrency,
      reportsPartialFailures: mapping.FunctionResponseTypes.includes("ReportBatchItemFailures"),
    };
  };

const FunctionUrl = z.object({ AuthType: z.literal("NONE"), TargetFunctionArn: z.string() });
export function functionUrlOf(found: Found): FunctionUrlSpec {
  const { TargetFunctionArn } = parse(FunctionUrl, found);
  return { url: found.attributes["FunctionUrl"] ?? "", functionArn: TargetFunctionArn };
}
