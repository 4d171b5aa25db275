import { z } from "zod";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

export const Resource = z.looseObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  Metadata: z.record(z.string(), z.unknown()).default({}),
});
export type Resource = z.infer<typeof Resource>;

/** What a CloudFormation template says that matters to running it. */
export const Template = z.looseObject({
  Resources: z.record(z.string(), Resource).default({}),
  Outputs: z
    .record(z.string(), z.looseObject({ Value: z.unknown(), Export: z.object({ Name: z.unknown() }).optional() }))
    .default({}),
  Parameters: z.record(z.string(), z.looseObject({ Default: z.unknown().optional() })).default({}),
});
export type Template = z.infer<typeof Template>;

/** Templates by the names of their stacks. */
export type Assembly = ReadonlyMap<string, Template>;

/** What `Ref` and `Fn::GetAtt` answer for a resource. */
interface Identity {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Resolver {
  /** The value with every intrinsic function replaced. Throws when it names what is not there. */
  resolve(stack: string, value: unknown): unknown;
  identityOf(stack: string, logicalId: string): Identity;
}

const PSEUDO: Readonly<Record<string, string>> = {
  "AWS::AccountId": ACCOUNT,
  "AWS::Region": REGION,
  "AWS::Partition": "aws",
  "AWS::URLSuffix": "amazonaws.com",
};

const NAME_PROPERTIES = [
  "TableName",
  "QueueName",
  "FunctionName",
  "StateMachineName",
  "RoleName",
  "LogGroupName",
  "Name",
];

/** Resolves the intrinsic functions of a set of stacks that export to each other. `queueUrl` gives a queue's name its address. */
export function resolverOf(assembly: Assembly, queueUrl: (name: string) => string): Resolver {
  const templateOf = (stack: string): Template => {
    const template = assembly.get(stack);
    if (template === undefined) throw new Error(`there is no stack ${stack}`);
    return template;
  };

  function identityOf(stack: string, logicalId: string): Identity {
    const resource = templateOf(stack).Resources[logicalId];
    if (resource === undefined) throw new Error(`stack ${stack} has no resource ${logicalId}`);
    const { Type, Properties } = resource;
    const named = NAME_PROPERTIES.map((property) => Properties[property]).find((value) => value !== undefined);
    const made = `${stack}-${logicalId}${Properties["FifoQueue"] === true ? ".fifo" : ""}`;
    return identify(Type, named === undefined ? made : String(resolve(stack, named)), queueUrl);
  }

  function reference(stack: string, name: string): unknown {
    if (name === "AWS::StackName") return stack;
    if (name === "AWS::StackId") return `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack}/local`;
    if (name in PSEUDO) return PSEUDO[name];
    const parameter = templateOf(stack).Parameters[name];
    return parameter === undefined ? identityOf(stack, name).ref : parameter.Default;
  }

  function attribute(stack: string, logicalId: string, name: string): string {
    const value = identityOf(stack, logicalId).attributes[name];
    if (value === undefined) throw new Error(`${stack}/${logicalId} has no attribute ${name} that is known here`);
    return value;
  }

  function imported(name: unknown): unknown {
    for (const [stack, { Outputs }] of assembly) {
      for (const { Value, Export } of Object.values(Outputs)) {
        if (Export !== undefined && resolve(stack, Export.Name) === name) return resolve(stack, Value);
      }
    }
    throw new Error(`no stack exports ${String(name)}`);
  }

  function substitute(stack: string, argument: unknown): string {
    const [text, own] = Array.isArray(argument) ? argument : [argument, {}];
    const variables = z.record(z.string(), z.unknown()).parse(own);
    return String(text).replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      if (name in variables) return String(resolve(stack, variables[name]));
      const [logicalId = "", ...path] = name.split(".");
      return path.length > 0 ? attribute(stack, logicalId, path.join(".")) : String(reference(stack, name));
    });
  }

  const functions: Readonly<Record<string, (stack: string, argument: unknown) => unknown>> = {
    Ref: (stack, argument) => reference(stack, String(argument)),
    "Fn::GetAtt": (stack, argument) => {
      const [logicalId = "", ...path] = Array.isArray(argument) ? argument.map(String) : String(argument).split(".");
      return attribute(stack, logicalId, path.join("."));
    },
    "Fn::Join": (stack, argument) => {
      const [separator, parts] = z.tuple([z.string(), z.unknown()]).parse(argument);
      return z.array(z.unknown()).parse(resolve(stack, parts)).join(separator);
    },
    "Fn::Sub": substitute,
    "Fn::ImportValue": (stack, argument) => imported(resolve(stack, argument)),
    "Fn::Select": (stack, argument) => {
      const [index, list] = z.tuple([z.coerce.number(), z.unknown()]).parse(argument);
      return z.array(z.unknown()).parse(resolve(stack, list))[index];
    },
    "Fn::Split": (stack, argument) => {
      const [separator, text] = z.tuple([z.string(), z.unknown()]).parse(argument);
      return String(resolve(stack, text)).split(separator);
    },
  };

  function resolve(stack: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => resolve(stack, item));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [first] = entries;
    if (first !== undefined && entries.length === 1) {
      const [name, argument] = first;
      const apply = functions[name];
      if (apply !== undefined) return apply(stack, argument);
      if (name.startsWith("Fn::")) throw new Error(`${name} is not understood here (stack ${stack})`);
    }
    return Object.fromEntries(entries.map(([key, item]) => [key, resolve(stack, item)]));
  }

  return { resolve, identityOf };
}

function identify(type: string, name: string, queueUrl: (name: string) => string): Identity {
  const arn = (service: string, rest: string, region = REGION) => `arn:aws:${service}:${region}:${ACCOUNT}:${rest}`;
  const of = (ref: string, attributes: Record<string, string>): Identity => ({ ref, attributes });
  switch (type) {
    case "AWS::DynamoDB::Table":
    case "AWS::DynamoDB::GlobalTable":
      return of(name, { Arn: arn("dynamodb", `table/${name}`) });
    case "AWS::SQS::Queue":
      return of(queueUrl(name), { Arn: arn("sqs", name), QueueName: name, QueueUrl: queueUrl(name) });
    case "AWS::Lambda::Function":
      return of(name, { Arn: arn("lambda", `function:${name}`) });
    case "AWS::StepFunctions::StateMachine":
      return of(arn("states", `stateMachine:${name}`), { Arn: arn("states", `stateMachine:${name}`), Name: name });
    case "AWS::IAM::Role":
      return of(name, { Arn: arn("iam", `role/${name}`, ""), RoleId: name });
    case "AWS::Logs::LogGroup":
      return of(name, { Arn: arn("logs", `log-group:${name}:*`) });
    case "AWS::ApiGatewayV2::Api":
      return of(name, { ApiId: name, ApiEndpoint: `https://${name}.execute-api.${REGION}.amazonaws.com` });
    default: {
      const service = type.split("::")[1]?.toLowerCase() ?? "unknown";
      return of(name, { Arn: arn(service, name) });
    }
  }
}
