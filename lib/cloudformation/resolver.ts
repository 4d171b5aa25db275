import * as z from "zod";
import type { Assembly, Template } from "./template.ts";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

/** What `Ref` and `Fn::GetAtt` answer for a resource. */
interface Identity {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Resolver {
  /**
   * The value with every intrinsic function replaced. What the templates do not tell becomes `unknown`, also within a text; without
   * `unknown` it is an error that names the reference. Example: with `unknown` "?", `{"Fn::Join": ["/", ["a", {"Ref": "Missing"}]]}`
   * is `a/?`.
   */
  resolve(stack: string, value: unknown, unknown?: string): unknown;
  identityOf(stack: string, logicalId: string): Identity;
}

/** A reference that the templates do not tell. */
class Unresolved extends Error {}

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
export function resolverOf(assembly: Assembly, queueUrl: (name: string) => string = (name) => name): Resolver {
  return new AssemblyResolver(assembly, queueUrl);
}

type IntrinsicFunction = (stack: string, argument: unknown, unknown: string | undefined) => unknown;

class AssemblyResolver implements Resolver {
  readonly #assembly: Assembly;
  readonly #queueUrl: (name: string) => string;

  readonly #functions: Readonly<Record<string, IntrinsicFunction>> = {
    Ref: (stack, argument) => this.#reference(stack, String(argument)),
    "Fn::GetAtt": (stack, argument) => {
      const [logicalId = "", ...path] = Array.isArray(argument) ? argument.map(String) : String(argument).split(".");
      return this.#attribute(stack, logicalId, path.join("."));
    },
    "Fn::Join": (stack, argument, unknown) => {
      const [separator, parts] = z.tuple([z.string(), z.unknown()]).parse(argument);
      return z
        .array(z.unknown())
        .parse(this.resolve(stack, parts, unknown))
        .join(separator);
    },
    "Fn::Sub": (stack, argument, unknown) => this.#substitute(stack, argument, unknown),
    "Fn::ImportValue": (stack, argument) => this.#imported(this.resolve(stack, argument)),
    "Fn::Select": (stack, argument) => {
      const [index, list] = z.tuple([z.coerce.number(), z.unknown()]).parse(argument);
      return z.array(z.unknown()).parse(this.resolve(stack, list))[index];
    },
    "Fn::Split": (stack, argument) => {
      const [separator, text] = z.tuple([z.string(), z.unknown()]).parse(argument);
      return String(this.resolve(stack, text)).split(separator);
    },
  };

  constructor(assembly: Assembly, queueUrl: (name: string) => string) {
    this.#assembly = assembly;
    this.#queueUrl = queueUrl;
  }

  resolve(stack: string, value: unknown, unknown?: string): unknown {
    if (Array.isArray(value)) return value.map((item) => this.resolve(stack, item, unknown));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [first] = entries;
    if (first !== undefined && entries.length === 1 && (first[0] === "Ref" || first[0].startsWith("Fn::")))
      return this.#applied(stack, ...first, unknown);
    return Object.fromEntries(entries.map(([key, item]) => [key, this.resolve(stack, item, unknown)]));
  }

  identityOf(stack: string, logicalId: string): Identity {
    const resource = this.#templateOf(stack).Resources[logicalId];
    if (resource === undefined) throw new Unresolved(`stack ${stack} has no resource ${logicalId}`);
    const { Type, Properties } = resource;
    const named = NAME_PROPERTIES.map((property) => Properties[property]).find((value) => value !== undefined);
    const made = `${stack}-${logicalId}${Properties["FifoQueue"] === true ? ".fifo" : ""}`;
    return identify(Type, named === undefined ? made : String(this.resolve(stack, named)), this.#queueUrl);
  }

  #templateOf(stack: string): Template {
    const template = this.#assembly.get(stack);
    if (template === undefined) throw new Unresolved(`there is no stack ${stack}`);
    return template;
  }

  #reference(stack: string, name: string): unknown {
    if (name === "AWS::StackName") return stack;
    if (name === "AWS::StackId") return `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack}/local`;
    if (Object.hasOwn(PSEUDO, name)) return PSEUDO[name];
    const parameter = this.#templateOf(stack).Parameters[name];
    return parameter === undefined ? this.identityOf(stack, name).ref : parameter.Default;
  }

  #attribute(stack: string, logicalId: string, name: string): string {
    const value = this.identityOf(stack, logicalId).attributes[name];
    if (value === undefined) throw new Unresolved(`${stack}/${logicalId} has no attribute ${name} that is known here`);
    return value;
  }

  #imported(name: unknown): unknown {
    for (const [stack, { Outputs }] of this.#assembly) {
      for (const { Value, Export } of Object.values(Outputs)) {
        if (Export !== undefined && this.resolve(stack, Export.Name) === name) return this.resolve(stack, Value);
      }
    }
    throw new Unresolved(`no stack exports ${String(name)}`);
  }

  #substitute(stack: string, argument: unknown, unknown: string | undefined): string {
    const [text, own] = Array.isArray(argument) ? argument : [argument, {}];
    const variables = z.record(z.string(), z.unknown()).parse(own);
    return String(text).replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      if (Object.hasOwn(variables, name)) return String(this.resolve(stack, variables[name], unknown));
      const [logicalId = "", ...path] = name.split(".");
      const fn = path.length > 0 ? { "Fn::GetAtt": [logicalId, path.join(".")] } : { Ref: name };
      return String(this.resolve(stack, fn, unknown));
    });
  }

  #applied(stack: string, name: string, argument: unknown, unknown: string | undefined): unknown {
    try {
      const apply = this.#functions[name];
      if (apply === undefined) throw new Unresolved(`${name} is not understood here (stack ${stack})`);
      return apply(stack, argument, unknown);
    } catch (error) {
      if (unknown === undefined || !(error instanceof Unresolved || error instanceof z.ZodError)) throw error;
      return unknown;
    }
  }
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
    case "AWS::Lambda::Url":
      return of(name, { FunctionUrl: `https://${name.toLowerCase()}.lambda-url.${REGION}.on.aws/` });
    case "AWS::Events::EventBus":
      return of(name, { Arn: arn("events", `event-bus/${name}`), Name: name });
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
