import * as z from "zod";
import type { Resolver } from "../../../lib/cloudformation/resolver.ts";
import type { Assembly } from "../../../lib/cloudformation/template.ts";

export interface Found {
  readonly id: string;
  readonly type: string;
  readonly ref: string;
  readonly arn: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const SEEN =
  /^AWS::(DynamoDB::(Table|GlobalTable)|SQS::(Queue|QueuePolicy)|Lambda::(Function|Url|EventSourceMapping)|StepFunctions::StateMachine|Events::(Rule|EventBus)|Scheduler::Schedule|ApiGatewayV2::(Integration|Route)|IAM::(Role|Policy|ManagedPolicy))$/;

/** The resources that matter here, resolved. What only matters in AWS (alarms, log groups, …) is left aside. */
export function resourcesOf(assembly: Assembly, resolver: Resolver): readonly Found[] {
  return [...assembly].flatMap(([stack, { Resources }]) =>
    Object.entries(Resources)
      .filter(([, { Type }]) => SEEN.test(Type))
      .map(([logicalId, { Type, Properties, Metadata }]) => {
        const { ref, attributes } = resolver.identityOf(stack, logicalId);
        return {
          id: `${stack}/${logicalId}`,
          type: Type,
          ref,
          arn: attributes["Arn"] ?? ref,
          attributes,
          name: attributes["QueueName"] ?? attributes["Name"] ?? ref,
          properties: z.record(z.string(), z.unknown()).parse(resolver.resolve(stack, Properties)),
          metadata: Metadata,
        };
      }),
  );
}

/** Parses the properties of a resource, naming it when they are not as expected. */
export function parse<T>(schema: z.ZodType<T>, { id, properties }: Found): T {
  const parsed = schema.safeParse(properties);
  if (!parsed.success) throw new Error(`${id} does not run here: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
